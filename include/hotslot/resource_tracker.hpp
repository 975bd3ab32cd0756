// Reservations of memory, processor time and other things, shared fairly between those that want them.
#ifndef HOTSLOT_RESOURCE_TRACKER_HPP
#define HOTSLOT_RESOURCE_TRACKER_HPP

#include <hotslot/detail/resources/resource_arbiter.hpp>
#include <hotslot/errc.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace hotslot {

namespace asio = boost::asio;

/// Which idle workers go first when others need what they take.
enum class eviction_order : std::uint8_t {
  oldest,   ///< The longest idle one.
  cheapest, ///< The one with the least start time x calls a second / share of the total.
};

/// The idle workers of one account, for those that need what they take. All functions are called under the
/// tracker's lock: they must be quick and must not use the tracker.
class evictable {
 public:
  /// What each of the workers takes.
  virtual resources worker_size() const noexcept = 0;
  /// When the longest idle worker that may go became idle; the maximum where none may.
  virtual std::chrono::nanoseconds oldest_idle() const noexcept = 0;
  /// How many idle workers may go.
  virtual std::uint64_t idle_workers() const noexcept = 0;
  /// What it costs to lose a worker: start time x calls a second, in whatever unit all have in common.
  virtual double worth() const noexcept = 0;
  /// Keeps that worker from its callers. False where it is there no longer.
  virtual bool claim_oldest() noexcept = 0;
  /// Begins to end what is claimed.
  virtual void evict_claimed() noexcept = 0;
  /// Gives back what is claimed, its idle age unchanged.
  virtual void unclaim() noexcept = 0;
  /// The next `n` workers that come back from a call are to be ended, whoever waits for them.
  virtual void surrender(std::uint64_t n) noexcept = 0;
  /// Whether somebody waits for resources: `basic_resource_tracker::relieve` is to be called whenever a
  /// worker becomes idle.
  virtual void set_pressure(bool yes) noexcept = 0;

 protected:
  ~evictable() = default;
};

struct account_options {
  double weight = 1;   ///< Of two accounts under pressure, one with twice the weight gets twice as much.
  resources minimum{}; ///< Nobody else gets it, used or not.
};

/// Hands out parts of a total, and sees to it that nobody waits for what others only keep warm.
///
/// Each key has an account. Requests that cannot be met at once wait in the order of `resource_arbiter`. For
/// the first of them the idle workers of other accounts are ended: as many as are missing and no more, or
/// none at all where they would not do. Where there are not enough idle ones, the account that has most for
/// its weight is asked to give up workers as they come back from their calls, as long as that leaves it no
/// worse off than the one that waits. What an eviction frees goes to that request before any other.
///
/// Lifetime: an object is a handle; accounts, reservations and waits keep what they need alive.
/// Thread safety: a shared object is safe.
template <class Executor = asio::any_io_executor>
class basic_resource_tracker {
  struct state;

  struct account_state : detail::resource_account_node {
    explicit account_state(std::shared_ptr<state> s)
      : owner(std::move(s)) {}
    ~account_state() { owner->close(*this); }

    std::shared_ptr<state> owner;
    evictable* workers = nullptr;
    resources claimed; ///< By the eviction that is being planned.
  };

 public:
  using executor_type = Executor;

  /// A part of the total, given back on destruction. Move-only.
  class reservation {
   public:
    reservation() = default;
    reservation(reservation&& other) noexcept
      : account_(std::move(other.account_))
      , amount_(std::exchange(other.amount_, {}))
      , leaving_(std::exchange(other.leaving_, false)) {}
    reservation& operator=(reservation&& other) noexcept {
      release();
      account_ = std::move(other.account_);
      amount_ = std::exchange(other.amount_, {});
      leaving_ = std::exchange(other.leaving_, false);
      return *this;
    }
    ~reservation() { release(); }

    explicit operator bool() const noexcept { return account_ != nullptr; }
    const resources& amount() const noexcept { return amount_; }

    /// It is about to be released. To be called under the tracker's lock, by an `evictable`.
    void leaves() noexcept {
      if (!std::exchange(leaving_, true))
        account_->owner->arbiter.leaves(amount_);
    }

    void release() noexcept {
      if (auto a = std::exchange(account_, nullptr))
        a->owner->give_back(*a, amount_, std::exchange(leaving_, false));
    }

   private:
    friend basic_resource_tracker;
    reservation(std::shared_ptr<account_state> a, const resources& amount) noexcept
      : account_(std::move(a))
      , amount_(amount) {}

    std::shared_ptr<account_state> account_;
    resources amount_;
    bool leaving_ = false;
  };

  /// What one key reserves from. Move-only.
  class account {
   public:
    account() = default;

    explicit operator bool() const noexcept { return state_ != nullptr; }

    /// Reserves `r` if it can be had now and nobody comes before.
    std::optional<reservation> try_reserve(const resources& r) {
      std::lock_guard lock(state_->owner->mutex);
      if (!state_->owner->arbiter.try_take(*state_, r))
        return std::nullopt;
      return reservation(state_, r);
    }

    /// Reserves `r`, waiting for as long as it takes. Throws `system_error`: `errc::resources_impossible`, at
    /// once, where the total less the minimum of other accounts is less than `r`; `operation_aborted` where
    /// cancelled (terminal, partial, total; nothing is reserved then). Lifetime: the account has to outlive
    /// the first step only.
    asio::awaitable<reservation, Executor> reserve(resources r) { return wait(state_, r); }

    /// From now on `workers` may be evicted for other accounts, until it is replaced, or null is set.
    void set_workers(evictable* workers) noexcept {
      std::lock_guard lock(state_->owner->mutex);
      state_->workers = workers;
      if (workers)
        workers->set_pressure(state_->owner->arbiter.has_waits());
    }

    void change(const account_options& options) noexcept {
      state_->owner->serve_after([&](detail::resource_arbiter& arbiter) {
        arbiter.change(*state_, options.weight, options.minimum);
      });
    }

    /// A worker of any account may have become idle: looks whether it has to go for another's.
    void relieve() noexcept {
      std::lock_guard lock(state_->owner->mutex);
      state_->owner->relieve();
    }

    resources used() const noexcept {
      std::lock_guard lock(state_->owner->mutex);
      return state_->used;
    }

   private:
    friend basic_resource_tracker;
    explicit account(std::shared_ptr<account_state> s) noexcept
      : state_(std::move(s)) {}

    std::shared_ptr<account_state> state_;
  };

  explicit basic_resource_tracker(const resources& total, eviction_order order = eviction_order::oldest)
    : state_(std::make_shared<state>(total, order)) {}

  account open_account(const account_options& options = {}) {
    auto a = std::make_shared<account_state>(state_);
    a->weight = options.weight;
    a->minimum = options.minimum;
    std::lock_guard lock(state_->mutex);
    state_->arbiter.open(*a);
    return account(std::move(a));
  }

  /// Whether `r` is no more than the total. Where it is, less the minimum of other accounts, a wait is
  /// refused.
  bool possible(const resources& r) const noexcept { return r.fits_in(total()); }

  /// Changes the total; what is reserved stays, though it be more.
  void set_total(const resources& total) noexcept {
    state_->serve_after([&](detail::resource_arbiter& arbiter) { arbiter.set_total(total); });
  }

  resources total() const noexcept {
    std::lock_guard lock(state_->mutex);
    return state_->arbiter.total();
  }
  resources taken() const noexcept {
    std::lock_guard lock(state_->mutex);
    return state_->arbiter.taken();
  }

 private:
  using channel_type =
      asio::experimental::basic_concurrent_channel<Executor, asio::experimental::channel_traits<>,
                                                   void(boost::system::error_code)>;

  struct wait_type : detail::resource_request {
    wait_type(const Executor& ex, std::shared_ptr<account_state> a, const resources& r)
      : resource_request(*a, r)
      , granted(std::make_shared<channel_type>(ex, 1))
      , owner(std::move(a)) {}
    ~wait_type() { owner->owner->forget(*this); }

    const std::shared_ptr<channel_type> granted;
    std::shared_ptr<account_state> owner;
  };

  struct state {
    state(const resources& total, eviction_order o)
      : arbiter(total)
      , order(o) {}

    std::mutex mutex;
    detail::resource_arbiter arbiter;
    const eviction_order order;
    bool pressure = false;

    void close(account_state& a) noexcept {
      serve_after([&](detail::resource_arbiter&) { arbiter.close(a); });
    }

    void give_back(account_state& a, const resources& r, bool left) noexcept {
      serve_after([&](detail::resource_arbiter&) {
        if (left)
          arbiter.has_left(r);
        arbiter.give_back(a, r);
      });
    }

    // The wait is over, or was cancelled: what it was granted and did not take goes on to the next.
    void forget(wait_type& w) noexcept {
      using state_type = detail::resource_request::state_type;
      serve_after([&](detail::resource_arbiter&) {
        if (w.state == state_type::waiting)
          arbiter.forget(w);
        else if (w.state == state_type::granted)
          arbiter.give_back(*w.owner, w.amount);
      });
    }

    /// Takes a step, and does what follows from it for those that wait. They are told without the lock: an
    /// executor that is being shut down destroys what it is sent, at once.
    template <class Step>
    void serve_after(Step&& step) noexcept {
      {
        std::lock_guard lock(mutex);
        step(arbiter);
      }
      while (const std::shared_ptr<channel_type> granted = grant_next())
        granted->try_send(boost::system::error_code());
    }

    std::shared_ptr<channel_type> grant_next() noexcept {
      std::lock_guard lock(mutex);
      if (auto* r = arbiter.grant_next())
        return static_cast<wait_type*>(r)->granted;
      relieve();
      return nullptr;
    }

    template <class F>
    void for_each_workers(F&& f) {
      arbiter.for_each_account([&](detail::resource_account_node& a) {
        auto& s = static_cast<account_state&>(a);
        if (s.workers)
          f(s);
      });
    }

    /// Frees what the first of those that wait is missing, if that can be done.
    void relieve() noexcept {
      detail::resource_request* const first = arbiter.first_of_all();
      tell_pressure(first != nullptr);
      if (!first || arbiter.missing_for(*first).is_zero())
        return;
      if (evict_for(*first))
        arbiter.hold_for(*first);
      else
        ask_for_surrender(*first);
    }

    void tell_pressure(bool yes) noexcept {
      if (std::exchange(pressure, yes) == yes)
        return;
      for_each_workers([&](auto& a) {
        a.workers->set_pressure(yes);
        if (!yes)
          a.workers->surrender(0);
      });
    }

    // As many as may go without the account's minimum.
    resources idle_of(account_state& a) const noexcept {
      const resources size = a.workers->worker_size();
      resources idle;
      for (auto n = a.workers->idle_workers(); n != 0 && (a.minimum + idle + size).fits_in(a.used); --n)
        idle += size;
      return idle;
    }

    bool evict_for(const detail::resource_request& r) noexcept {
      resources missing = arbiter.missing_for(r), idle;
      for_each_workers([&](auto& a) {
        a.claimed = {};
        if (&a != r.account)
          idle += idle_of(a);
      });
      if (!missing.fits_in(idle))
        return false;
      while (!missing.is_zero()) {
        account_state* const from = next_victim(r, missing);
        if (!from)
          break;
        if (from->workers->claim_oldest()) {
          missing -= from->workers->worker_size();
          from->claimed += from->workers->worker_size();
        }
      }
      const bool enough = missing.is_zero();
      for_each_workers([&](auto& a) { enough ? a.workers->evict_claimed() : a.workers->unclaim(); });
      return enough;
    }

    static bool helps(const evictable& w, const resources& missing) noexcept {
      return missing - w.worker_size() != missing;
    }

    account_state* next_victim(const detail::resource_request& r, const resources& missing) noexcept {
      account_state* best = nullptr;
      for_each_workers([&](account_state& a) {
        const bool spared = !(a.minimum + a.claimed + a.workers->worker_size()).fits_in(a.used);
        if (&a == r.account || spared || !helps(*a.workers, missing) ||
            a.workers->oldest_idle() == std::chrono::nanoseconds::max())
          return;
        if (!best || goes_before(*a.workers, *best->workers))
          best = &a;
      });
      return best;
    }

    bool goes_before(const evictable& a, const evictable& b) const noexcept {
      if (order == eviction_order::cheapest) {
        const double x = worth_per_share(a), y = worth_per_share(b);
        if (x != y)
          return x < y;
      }
      return a.oldest_idle() < b.oldest_idle();
    }

    double worth_per_share(const evictable& w) const noexcept {
      const double share = dominant_share(w.worker_size(), arbiter.total());
      return share > 0 ? w.worth() / share : w.worth();
    }

    // As long as it leaves the giver no worse off than the taker.
    void ask_for_surrender(const detail::resource_request& r) noexcept {
      const resources missing = arbiter.missing_for(r);
      account_state* richest = nullptr;
      for_each_workers([&](account_state& a) {
        if (&a == r.account || !helps(*a.workers, missing))
          return;
        if (!richest || arbiter.share_of(a) > arbiter.share_of(*richest))
          richest = &a;
      });
      if (!richest)
        return;
      const resources size = richest->workers->worker_size();
      const double after = dominant_share(richest->used - size, arbiter.total()) / richest->weight;
      const double taker = dominant_share(r.account->used + r.amount, arbiter.total()) / r.account->weight;
      if (after < taker || !(richest->minimum + size).fits_in(richest->used))
        return;
      richest->workers->surrender(1);
    }
  };

  static asio::awaitable<reservation, Executor> wait(std::shared_ptr<account_state> a, resources r) {
    const Executor ex = co_await asio::this_coro::executor;
    state& s = *a->owner;
    wait_type w(ex, a, r);
    bool possible = false;
    s.serve_after([&](detail::resource_arbiter& arbiter) {
      possible = arbiter.possible(*a, r);
      if (possible)
        arbiter.wait(w);
    });
    if (!possible)
      throw boost::system::system_error(make_error_code(errc::resources_impossible));
    auto [ec] = co_await w.granted->async_receive(asio::as_tuple(asio::use_awaitable_t<Executor>()));
    if (ec)
      throw boost::system::system_error(asio::error::operation_aborted);
    std::lock_guard lock(s.mutex);
    w.state = detail::resource_request::state_type::fresh;
    co_return reservation(std::move(a), r);
  }

  std::shared_ptr<state> state_;
};

using resource_tracker = basic_resource_tracker<>;

} // namespace hotslot

#endif
