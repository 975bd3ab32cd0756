// A launcher's workers, as the resource tracker sees them.
#pragma once

#include <hotslot/detail/launcher/launched_queue.hpp>
#include <hotslot/evictable.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <list>
#include <mutex>
#include <utility>

namespace hotslot::detail {

/// Everything overridden runs under the tracker's lock, and takes the queue's.
template <queue_hook Hook, class Mutex>
class evictable_workers final : public evictable {
  using queue_type = launched_queue<Hook>;
  using core_type = typename queue_type::core_type;
  using actions = queue_actions;

 public:
  /// `wake` has `evict` called some time soon. It is called under the tracker's lock, so it must not run
  /// anything that uses the tracker, nor destroy it: a signal to the launcher could, in a context that ends.
  evictable_workers(queue_type& queue, const resources& size, std::uint64_t keep, std::function<void()> wake)
    : queue_(queue)
    , wake_(std::move(wake))
    , size_(size)
    , keep_(keep) {}

  /// So many idle ones may not go.
  void keep(std::uint64_t n) noexcept { keep_.store(n); }
  /// None may go any longer; those that leave are counted to the last.
  void end() noexcept {
    keep_.store(std::numeric_limits<std::uint64_t>::max());
    evict();
  }
  void set_worth(double worth) noexcept { worth_.store(worth); }
  /// Whether somebody waits for resources.
  bool under_pressure() const noexcept { return pressure_.load(); }

  /// Ends what was claimed for that. Without the tracker's lock: what ends a slot is its user's code.
  void evict() noexcept {
    claim_list going;
    {
      std::lock_guard lock(mutex_);
      going.swap(going_);
    }
    for (; !going.empty(); going.pop_front()) {
      going.front().evict();
      --evicting_;
    }
  }

  resources worker_size() const noexcept override { return size_; }
  double worth() const noexcept override { return worth_.load(); }

  std::uint64_t idle_workers() const noexcept override {
    const std::uint64_t keep = keep_.load();
    const auto n = read([](const core_type& core) {
      return core.census().by_hand() == 0 ? core.idle() : core.idle_slots().count_launched();
    });
    return n > keep ? n - keep : 0;
  }

  std::chrono::nanoseconds oldest_idle() const noexcept override {
    return read([keep = keep_.load()](const core_type& core) {
      const slot_node* const s = core.idle() > keep ? core.idle_slots().oldest_launched() : nullptr;
      return s ? s->idle_since : timestamp::max();
    });
  }

  std::uint64_t leaving_workers() const noexcept override {
    return evicting_.load() + read([](const core_type& core) { return core.census().leaving(); });
  }

  std::uint64_t detached_workers() const noexcept override {
    return read([](const core_type& core) { return core.census().detached(); });
  }

  bool claim_oldest() noexcept override {
    slot_node* const s = queue_.claim_oldest(keep_.load());
    if (s)
      claimed_.emplace_back(queue_, *s);
    return s != nullptr;
  }

  // By the launcher, which is woken.
  void evict_claimed() noexcept override {
    if (claimed_.empty())
      return;
    evicting_ += claimed_.size();
    {
      std::lock_guard lock(mutex_);
      going_.splice(going_.end(), claimed_);
    }
    wake_();
  }

  void unclaim() noexcept override { claimed_.clear(); }

  void surrender(std::uint64_t n) noexcept override {
    if (keep_.load() == std::numeric_limits<std::uint64_t>::max())
      return;
    queue_.step([n](core_type& core, actions&) { core.terms().surrender(n); });
  }
  std::uint64_t surrendering() const noexcept override {
    return read([](const core_type& core) { return core.terms().surrendering(); });
  }

  void set_pressure(bool yes) noexcept override {
    pressure_.store(yes);
    if (yes)
      queue_.step([](core_type& core, actions&) { core.terms().watch_idle_above(0); });
  }

 private:
  /// A slot that is kept from its callers, and goes back to its place unless it is evicted.
  class claim {
   public:
    claim(queue_type& q, slot_node& s) noexcept
      : slot_(q, s, false)
      , id_(s.id) {}
    claim(const claim&) = delete;
    ~claim() {
      if (slot_)
        slot_.queue().decline(*slot_, id_);
    }

    void evict() noexcept {
      const auto s = std::exchange(slot_, {});
      s.queue().eject(*s, id_, eject_reason::evicted);
    }

   private:
    shared_slot<Hook> slot_;
    std::uint64_t id_;
  };
  using claim_list = std::list<claim>;

  template <class F>
  auto read(F f) const noexcept {
    decltype(f(std::declval<const core_type&>())) result{};
    queue_.look([&](const core_type& core) { result = f(core); });
    return result;
  }

  queue_type& queue_;
  const std::function<void()> wake_;
  const resources size_;
  std::atomic<std::uint64_t> keep_;
  std::atomic<double> worth_{0};
  std::atomic<bool> pressure_{false};
  std::atomic<std::uint64_t> evicting_{0}; ///< Claimed to be ended, and not yet.
  claim_list claimed_;                     ///< Guarded by the tracker's lock.
  Mutex mutex_;
  claim_list going_; ///< Guarded by it.
};

} // namespace hotslot::detail
