// One slot that is validated, reset or pinged.
#pragma once

#include <hotslot/detail/queue/queue_nodes.hpp>
#include <hotslot/slot_upkeep.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>

#include <exception>
#include <memory>
#include <utility>

namespace hotslot::detail {

/// Kept by its coroutine and its timer, and destroyed with their context. The slot goes on in any case.
///
/// Lifetime: the slot has a reference to its queue, until the queue has been told of the end.
template <class Queue>
class upkeep_task : public std::enable_shared_from_this<upkeep_task<Queue>> {
 public:
  using entry_type = typename Queue::entry_type;
  using upkeep_type = typename Queue::upkeep_type;
  using executor_type = typename Queue::inner_executor;

  static void begin(Queue& queue, entry_type& e, slot_task what) noexcept {
    std::shared_ptr<upkeep_task> self;
    try {
      self = std::make_shared<upkeep_task>(queue, e, what);
      asio::post(self->executor_, [self] { self->run(); }); // whoever has the thread may hold locks
    } catch (...) {                                         // without memory
      if (!self)
        queue.finish(e, what, false, false);
    }
  }

  upkeep_task(Queue& queue, entry_type& e, slot_task what)
    : queue_(queue)
    , entry_(e)
    , what_(what)
    , executor_(asio::make_strand(queue.get_executor()))
    , timer_(executor_) {}
  upkeep_task(const upkeep_task&) = delete;
  ~upkeep_task() { finish(false); }

 private:
  // Where that fails, or is not run, the last one that goes gives the slot back.
  void run() {
    queue_.wake(entry_);
    timer_.expires_at(Queue::to_time_point(later(Queue::now(), timeout())));
    timer_.async_wait([weak = this->weak_from_this()](error_code) { // cancelled at the end only
      if (const auto self = weak.lock())
        self->is_late();
    });
    const auto self = this->shared_from_this();
    asio::co_spawn(
        executor_, look_after(self),
        asio::bind_cancellation_slot(cancel_.slot(), [self](const std::exception_ptr& error, bool fit) {
          self->finish(!error && fit);
        }));
  }

  static asio::awaitable<bool, executor_type> look_after(std::shared_ptr<upkeep_task> self) {
    const upkeep_type& how = self->queue_.upkeep();
    auto& slot = self->entry_.slot;
    switch (self->what_) {
    case slot_task::validate:
      co_return co_await how.validate(slot);
    case slot_task::reset:
      co_await how.reset(slot);
      break;
    case slot_task::keepalive:
      co_await how.keepalive(slot);
      break;
    }
    co_return true;
  }

  std::chrono::nanoseconds timeout() const noexcept {
    const upkeep_type& how = queue_.upkeep();
    switch (what_) {
    case slot_task::validate:
      return how.validate_timeout;
    case slot_task::reset:
      return how.reset_timeout;
    case slot_task::keepalive:
      break;
    }
    return how.keepalive_timeout;
  }

  void is_late() {
    if (over_)
      return;
    late_ = true;
    queue_.give_up(entry_, what_);
    cancel_.emit(asio::cancellation_type::terminal);
  }

  void finish(bool fit) noexcept {
    if (std::exchange(over_, true))
      return;
    timer_.cancel();
    queue_.finish(entry_, what_, fit && !late_, late_);
  }

  Queue& queue_;
  entry_type& entry_;
  const slot_task what_;
  const executor_type executor_;
  typename Queue::template timer_type_for<executor_type> timer_;
  asio::cancellation_signal cancel_;
  bool late_ = false;
  bool over_ = false;
};

} // namespace hotslot::detail
