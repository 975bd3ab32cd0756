// A start of a worker, from the decision until it has made one or not.
#pragma once

#include <hotslot/detail/launcher/launched_queue.hpp>
#include <hotslot/detail/queue/slot_census.hpp>
#include <hotslot/detail/resources/resource_account.hpp>
#include <hotslot/errc.hpp>
#include <hotslot/start_context.hpp>
#include <hotslot/stats/queue_event.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

namespace hotslot::detail {

enum class start_kind : std::uint8_t {
  reserving, ///< Waits for its resources.
  starting,  ///< Runs the factory.
  ending,    ///< Has failed, or is late, and not come to its end.
  leaving,   ///< Has made a worker that nobody wants, and that is on its way out.
};

/// Starts that are counted in a queue, as `kind`; those that have not gone to somebody else are taken back at
/// its end.
template <queue_hook Hook>
class counted_starts {
 public:
  using queue_type = launched_queue<Hook>;

  counted_starts(queue_type& queue, start_kind kind, std::uint64_t n = 1) noexcept
    : queue_(&queue)
    , kind_(kind)
    , n_(n) {}
  counted_starts(const counted_starts&) = delete;
  counted_starts& operator=(const counted_starts&) = delete;
  ~counted_starts() {
    while (n_ != 0)
      end_one();
  }

  queue_type& queue() const noexcept { return *queue_; }
  start_kind kind() const noexcept { return kind_; }
  bool empty() const noexcept { return n_ == 0; }
  /// One is counted by somebody else, or no longer, from now on.
  void drop_one() noexcept { --n_; }
  /// The queue counts it as `starting` from now on.
  void is_starting() noexcept { kind_ = start_kind::starting; }

  /// It makes no worker, or not in time; `failed`: by its own fault. Precondition: one that is `starting`.
  void fail(const error_code& why, bool failed) noexcept {
    kind_ = start_kind::ending;
    queue_->step([&](auto& core, auto& todo) {
      core.recount(todo, [](slot_census& census) { census.enter_ending(); });
      core.launch_ended(why, failed, todo);
      todo.signal = true;
    });
  }

  /// What it has made is not wanted. Precondition: one that is `ending`.
  void is_leaving() noexcept {
    kind_ = start_kind::leaving;
    queue_->step([&](auto& core, auto& todo) {
      core.recount(todo, [](slot_census& census) { census.ending_leaves(); });
      todo.signal = true;
    });
  }

 private:
  void end_one() noexcept {
    --n_;
    queue_->step([&](auto& core, auto& todo) {
      if (kind_ == start_kind::reserving)
        core.reserved(false, todo);
      else if (kind_ == start_kind::starting)
        core.launch_ended(operation_aborted, false, todo);
      else
        core.recount(todo, [this](slot_census& census) {
          kind_ == start_kind::leaving ? census.unwanted_left() : census.leave_ending();
        });
      todo.signal = true;
    });
  }

  typename queue_type::pointer queue_; // a start may outlive its launcher
  start_kind kind_;
  std::uint64_t n_;
};

/// One of them, with what it takes.
template <queue_hook Hook, class Mutex>
struct start_attempt {
  using account_pointer = std::shared_ptr<shared_account<Mutex>>;

  explicit start_attempt(counted_starts<Hook>& from) noexcept
    : counted(from.queue(), from.kind()) {
    from.drop_one();
  }

  /// Whether the resources could be had at once.
  bool try_reserve(const account_pointer& a, const resources& r) noexcept {
    reserved = a->try_reserve(r);
    if (!reserved)
      return false;
    counted.queue().step([](auto& core, auto& todo) { core.reserved(true, todo); });
    counted.is_starting();
    return true;
  }

  /// `waiter` is told when `take_reservation` is worth a try.
  void wait_for(account_pointer a, const resources& r, std::weak_ptr<resource_waiter> waiter) noexcept {
    pending.emplace(std::move(a), r, std::move(waiter));
    if (pending->wait()) // others may have to wait for what this one can have
      cause = wait_cause::resources;
  }
  resource_request::state_type take_reservation() noexcept { return pending->take(reserved); }

  counted_starts<Hook> counted;
  resource_reservation<Mutex> reserved;
  std::optional<pending_reservation<Mutex>> pending;
  start_context context;
  wait_cause cause = wait_cause::start; ///< What those wait for that its worker serves first.
};

} // namespace hotslot::detail
