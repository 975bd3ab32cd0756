// The accounts of one total: the arbiter under a mutex, and who has to go for whom.
#pragma once

#include <hotslot/detail/resources/resource_arbiter.hpp>
#include <hotslot/evictable.hpp>

#include <chrono>
#include <memory>
#include <mutex>
#include <utility>

namespace hotslot::detail {

/// Who is told when a request of its own is no longer waiting. Told without the lock, from any thread.
class resource_waiter {
 public:
  virtual void resources_decided() noexcept = 0;

 protected:
  ~resource_waiter() = default;
};

struct hub_account : resource_account_node {
  evictable* workers = nullptr;
  resources claimed; ///< By the eviction that is being planned.
};

struct hub_request : resource_request {
  hub_request(hub_account& a, const resources& r, std::weak_ptr<resource_waiter> w) noexcept
    : resource_request(a, r)
    , waiter(std::move(w)) {}

  std::weak_ptr<resource_waiter> waiter;
};

/// Thread safety: a shared object is safe. Locks: it calls `evictable` under its own, which takes that of a
/// queue; nothing calls it under one of a queue.
template <class Mutex>
class resource_hub {
  using request_state = resource_request::state_type;

 public:
  resource_hub(const resources& total, eviction_order order) noexcept
    : arbiter_(total)
    , order_(order) {}

  void open(hub_account& a, double weight, const resources& minimum) noexcept {
    serve_after([&] { arbiter_.open(a, weight, minimum); });
  }
  void close(hub_account& a) noexcept {
    serve_after([&] { arbiter_.close(a); });
  }
  void change(hub_account& a, double weight, const resources& minimum) noexcept {
    serve_after([&] { arbiter_.change(a, weight, minimum); });
  }
  void set_total(const resources& total) noexcept {
    serve_after([&] { arbiter_.set_total(total); });
  }

  /// From now on `workers` may be evicted for other accounts; null: none.
  void set_workers(hub_account& a, evictable* workers) noexcept {
    const std::lock_guard lock(mutex_);
    a.workers = workers;
    if (workers)
      workers->set_pressure(pressure_);
  }

  bool try_take(hub_account& a, const resources& r) noexcept {
    const std::lock_guard lock(mutex_);
    return arbiter_.try_take(a, r);
  }
  void give_back(hub_account& a, const resources& r) noexcept {
    serve_after([&] { arbiter_.give_back(a, r); });
  }

  /// Waits until it is granted or impossible, of which its waiter is told. False where it is so at once.
  bool wait(hub_request& r) noexcept {
    bool possible = false;
    serve_after([&] {
      possible = arbiter_.possible(*r.account, r.amount);
      if (possible)
        arbiter_.wait(r);
      else
        r.state = request_state::impossible;
    });
    if (!possible)
      if (const auto waiter = r.waiter.lock())
        waiter->resources_decided();
    const std::lock_guard lock(mutex_);
    return r.state == request_state::waiting;
  }

  /// What has become of it. What was granted is the caller's from then on.
  request_state take_decision(hub_request& r) noexcept {
    const std::lock_guard lock(mutex_);
    return r.state == request_state::waiting ? r.state : std::exchange(r.state, request_state::fresh);
  }

  /// The wait is over, whatever has become of it: what was granted and not taken goes on to the next.
  void forget(hub_request& r) noexcept {
    serve_after([&] {
      if (r.state == request_state::waiting)
        arbiter_.forget(r);
      else if (std::exchange(r.state, request_state::fresh) == request_state::granted)
        arbiter_.give_back(*r.account, r.amount);
    });
  }

  /// A worker of any account may have become idle: looks whether it has to go for another's.
  void relieve() noexcept {
    const std::lock_guard lock(mutex_);
    relieve_first();
  }

  resources used(const hub_account& a) const noexcept {
    const std::lock_guard lock(mutex_);
    return a.used;
  }
  resources total() const noexcept {
    const std::lock_guard lock(mutex_);
    return arbiter_.total();
  }
  resources taken() const noexcept {
    const std::lock_guard lock(mutex_);
    return arbiter_.taken();
  }

 private:
  /// Takes a step, and does what follows from it for those that wait. They are told without the lock.
  template <class Step>
  void serve_after(Step&& step) noexcept {
    {
      const std::lock_guard lock(mutex_);
      step();
    }
    for (std::shared_ptr<resource_waiter> told; decide_next(told); told.reset())
      if (told)
        told->resources_decided();
  }

  bool decide_next(std::shared_ptr<resource_waiter>& told) noexcept {
    const std::lock_guard lock(mutex_);
    resource_request* r = arbiter_.refuse_next();
    if (!r)
      r = arbiter_.grant_next();
    if (r)
      told = static_cast<hub_request*>(r)->waiter.lock();
    else
      relieve_first();
    return r != nullptr;
  }

  template <class F>
  void for_each_workers(F&& f) {
    arbiter_.for_each_account([&](resource_account_node& a) {
      auto& h = static_cast<hub_account&>(a);
      if (h.workers)
        f(h, *h.workers);
    });
  }

  /// Frees what the first of those that wait is missing, if that can be done.
  void relieve_first() noexcept {
    resource_request* const first = arbiter_.first_of_all();
    tell_pressure(first != nullptr);
    if (!first)
      return;
    const resources missing = arbiter_.missing_for(*first) - all_that_leaves();
    if (missing.is_zero())
      return withdraw_asks();
    if (!evict_for(*first, missing))
      return ask_for_surrender(*first, missing);
    withdraw_asks();
    arbiter_.hold_for(*first);
  }

  void withdraw_asks() noexcept {
    for_each_workers([](auto&, evictable& w) {
      if (w.surrendering() != 0)
        w.surrender(0);
    });
  }

  resources all_that_leaves() noexcept {
    resources sum;
    for_each_workers([&](auto&, evictable& w) { sum += w.worker_size() * w.leaving_workers(); });
    return sum;
  }

  void tell_pressure(bool yes) noexcept {
    if (std::exchange(pressure_, yes) == yes)
      return;
    for_each_workers([&](auto&, evictable& w) { w.set_pressure(yes); });
    if (!yes)
      withdraw_asks();
  }

  // As many as may go without the account's minimum.
  static resources idle_of(const hub_account& a) noexcept {
    const resources size = a.workers->worker_size();
    resources idle;
    for (auto n = a.workers->idle_workers(); n != 0 && (a.minimum + idle + size).fits_in(kept(a)); --n)
      idle += size;
    return idle;
  }

  bool evict_for(const resource_request& r, resources missing) noexcept {
    resources idle;
    for_each_workers([&](hub_account& a, evictable&) {
      a.claimed = {};
      if (&a != r.account)
        idle += idle_of(a);
    });
    if (!missing.fits_in(idle))
      return false;
    while (!missing.is_zero()) {
      hub_account* const from = next_victim(r, missing);
      if (!from || !from->workers->claim_oldest())
        break;
      missing -= from->workers->worker_size();
      from->claimed += from->workers->worker_size();
    }
    const bool enough = missing.is_zero();
    for_each_workers([&](auto&, evictable& w) { enough ? w.evict_claimed() : w.unclaim(); });
    return enough;
  }

  static bool helps(const evictable& w, const resources& missing) noexcept {
    return missing - w.worker_size() != missing;
  }

  hub_account* next_victim(const resource_request& r, const resources& missing) noexcept {
    hub_account* best = nullptr;
    for_each_workers([&](hub_account& a, evictable& w) {
      const bool spared = !(a.minimum + a.claimed + w.worker_size()).fits_in(kept(a));
      if (&a == r.account || spared || !helps(w, missing) ||
          w.oldest_idle() == std::chrono::nanoseconds::max())
        return;
      if (!best || goes_before(w, *best->workers))
        best = &a;
    });
    return best;
  }

  bool goes_before(const evictable& a, const evictable& b) const noexcept {
    if (order_ == eviction_order::cheapest) {
      const double x = worth_per_share(a), y = worth_per_share(b);
      if (x != y)
        return x < y;
    }
    return a.oldest_idle() < b.oldest_idle();
  }

  double worth_per_share(const evictable& w) const noexcept {
    const double share = dominant_share(w.worker_size(), arbiter_.total());
    return share > 0 ? w.worth() / share : w.worth();
  }

  // As long as it leaves the giver no worse off than the taker, and no more than is missing. What was asked
  // for is withdrawn where that is not so any more.
  void ask_for_surrender(const resource_request& r, resources missing) noexcept {
    const double taker = share_of(*r.account, r.account->used + r.amount);
    const auto may_be_left_with = [&](const hub_account& a, const resources& left) {
      return &a != r.account && a.minimum.fits_in(left) && share_of(a, left) >= taker;
    };
    for_each_workers([&](hub_account& a, evictable& w) {
      for (auto n = w.surrendering(); n != 0 && !may_be_left_with(a, kept(a)); --n)
        w.surrender(n - 1);
      missing -= w.worker_size() * w.surrendering();
    });
    hub_account* richest = nullptr;
    for_each_workers([&](hub_account& a, evictable& w) {
      if (&a != r.account && helps(w, missing) &&
          (!richest || share_of(a, kept(a)) > share_of(*richest, kept(*richest))))
        richest = &a;
    });
    if (richest && may_be_left_with(*richest, kept(*richest) - richest->workers->worker_size()))
      richest->workers->surrender(richest->workers->surrendering() + 1);
  }

  // What stays of what an account uses, of that which it could give.
  static resources kept(const hub_account& a) noexcept {
    const evictable& w = *a.workers;
    return a.used - w.worker_size() * (w.leaving_workers() + w.surrendering() + w.detached_workers());
  }
  double share_of(const resource_account_node& a, const resources& amount) const noexcept {
    return dominant_share(amount, arbiter_.total()) / a.weight;
  }

  mutable Mutex mutex_;
  resource_arbiter arbiter_;
  const eviction_order order_;
  bool pressure_ = false;
};

extern template class resource_hub<std::mutex>;

} // namespace hotslot::detail
