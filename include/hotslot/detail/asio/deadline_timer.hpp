// The one timer of a queue.
#pragma once

#include <hotslot/detail/queue/queue_nodes.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>

namespace hotslot::detail {

/// Runs a handler at the earliest deadline, or before. Guarded by its owner's mutex.
///
/// A timer that nobody needs any longer is not cancelled but runs out: arming and cancelling it for every
/// wait would cost more than the wait.
template <class Timer>
class deadline_timer {
 public:
  using executor_type = typename Timer::executor_type;

  /// It never stays for longer than `linger`, so that it holds up nobody who waits for the context's end.
  explicit deadline_timer(timestamp linger) noexcept
    : linger_(linger) {}

  /// Sees to it that a handler runs at `deadline` or before; it is given the number of its round.
  template <class Handler>
  void arm(const executor_type& ex, timestamp now, timestamp deadline, Handler&& make_handler) {
    if (deadline == wait_node::no_deadline || ended_)
      return;
    const timestamp at = std::min(deadline, now + linger_);
    if (timer_ && armed_for_ <= at)
      return;
    if (!timer_)
      timer_ = std::make_unique<Timer>(ex);
    armed_for_ = at;
    timer_->expires_at(time_point(std::chrono::duration_cast<typename time_point::duration>(at)));
    timer_->async_wait(make_handler(++round_));
  }

  /// A handler runs. Whether it is that of the last round: the others were re-armed meanwhile.
  bool ran(std::uint32_t round) noexcept {
    if (round != round_)
      return false;
    armed_for_ = timestamp::max();
    return true;
  }

  void cancel() {
    if (timer_)
      timer_->cancel();
  }

  /// The timer, to be destroyed without the mutex.
  std::unique_ptr<Timer> take() noexcept { return std::move(timer_); }
  /// `take` for good: the execution context ends.
  std::unique_ptr<Timer> end() noexcept {
    ended_ = true;
    return take();
  }

 private:
  using time_point = typename Timer::time_point;

  const timestamp linger_;
  std::unique_ptr<Timer> timer_;
  timestamp armed_for_ = timestamp::max();
  std::uint32_t round_ = 0;
  bool ended_ = false;
};

} // namespace hotslot::detail
