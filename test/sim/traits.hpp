// What a queue in the simulation is built upon: virtual time, a mutex at which it can be preempted, a hook.
#ifndef HOTSLOT_TEST_SIM_TRAITS_HPP
#define HOTSLOT_TEST_SIM_TRAITS_HPP

#include "scheduler.hpp"

#include <hotslot/queue_traits.hpp>

#include <boost/asio/append.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <cstdlib>

namespace hotslot::sim {

/// A timer as Asio's, in the scheduler's time.
template <class Executor>
class timer {
 public:
  using executor_type = Executor;
  using time_point = clock::time_point;

  explicit timer(const Executor& ex)
    : executor_(ex)
    , scheduler_(static_cast<scheduler&>(asio::query(ex, asio::execution::context))) {}
  timer(const timer&) = delete;
  timer& operator=(const timer&) = delete;
  ~timer() { cancel(); }

  executor_type get_executor() const noexcept { return executor_; }

  std::size_t expires_at(time_point t) {
    expiry_ = t;
    return cancel();
  }
  std::size_t expires_after(clock::duration d) { return expires_at(clock::now() + d); }
  std::size_t cancel() { return scheduler_.cancel_timer(this); }

  template <class CompletionToken = asio::default_completion_token_t<Executor>>
  auto async_wait(CompletionToken&& token = asio::default_completion_token_t<Executor>()) {
    return asio::async_initiate<CompletionToken, void(error_code)>(
        [this](auto handler) {
          auto slot = asio::get_associated_cancellation_slot(handler);
          auto w = std::make_unique<wait<decltype(handler)>>(std::move(handler), executor_);
          w->at = expiry_;
          w->timer = this;
          const auto id = scheduler_.add(std::move(w));
          if (slot.is_connected())
            slot.assign([s = &scheduler_, id](asio::cancellation_type) { s->cancel_wait(id); });
        },
        token);
  }

 private:
  template <class Handler>
  struct wait final : scheduler::timer_wait {
    wait(Handler&& h, const Executor& ex)
      : handler(std::move(h))
      , executor(ex) {}
    void end(bool cancelled) override {
      const auto ex = asio::get_associated_executor(handler, executor);
      const error_code ec = cancelled ? asio::error::operation_aborted : error_code();
      asio::post(ex, asio::append(std::move(handler), ec));
    }
    Handler handler;
    Executor executor;
  };

  Executor executor_;
  scheduler& scheduler_;
  time_point expiry_{};
};

/// One that only checks that it is not taken twice, and lets others go first. Nobody is let go first who
/// could meet a mutex that is held.
class mutex {
 public:
  void lock() noexcept {
    give_way();
    if (held_)
      std::abort();
    held_ = true;
    ++all_held_;
  }
  void unlock() noexcept {
    held_ = false;
    --all_held_;
    give_way();
  }

 private:
  static void give_way() noexcept {
    if (all_held_ == 0)
      scheduler::preempt();
  }

  static inline thread_local int all_held_ = 0;
  bool held_ = false;
};

template <class Hook>
struct traits {
  using clock_type = clock;
  using mutex_type = mutex;
  using hook_type = Hook;
  template <class Executor>
  using timer_type = timer<Executor>;
};

} // namespace hotslot::sim

#endif
