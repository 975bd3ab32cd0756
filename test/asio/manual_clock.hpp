// Time that passes when the test says so.
#ifndef HOTSLOT_TEST_ASIO_MANUAL_CLOCK_HPP
#define HOTSLOT_TEST_ASIO_MANUAL_CLOCK_HPP

#include <hotslot/queue_traits.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/intrusive/list.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstddef>
#include <utility>

/// Single-threaded, as the tests that use it.
class manual_clock {
 public:
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<manual_clock>;
  static constexpr bool is_steady = true;

  class watcher : public boost::intrusive::list_base_hook<> {
   public:
    watcher() { watchers_.push_back(*this); }
    watcher(const watcher&) = delete;
    watcher& operator=(const watcher&) = delete;
    virtual void time_passed() = 0;

   protected:
    ~watcher() { watchers_.erase(watchers_.iterator_to(*this)); }
  };

  static time_point now() noexcept { return now_; }

  /// Sends the waits off that are over then; their handlers run when the context does.
  static void advance(duration d) {
    now_ += d;
    for (watcher& w : watchers_)
      w.time_passed();
  }

 private:
  static inline time_point now_{std::chrono::hours(1)};
  static inline boost::intrusive::list<watcher> watchers_;
};

/// One of Asio's that never runs out by itself: when its time has come it is cancelled, so that its waits end
/// with `operation_aborted` either way. The library does not look at that.
template <class Executor>
class manual_timer final : manual_clock::watcher {
 public:
  using executor_type = Executor;
  using time_point = manual_clock::time_point;

  explicit manual_timer(const Executor& ex)
    : waits_(ex, std::chrono::steady_clock::time_point::max()) {}

  std::size_t expires_at(time_point t) {
    expiry_ = t;
    return waits_.cancel();
  }
  std::size_t cancel() { return waits_.cancel(); }

  template <class CompletionToken = boost::asio::default_completion_token_t<Executor>>
  auto async_wait(CompletionToken&& token = boost::asio::default_completion_token_t<Executor>()) {
    return boost::asio::async_initiate<CompletionToken, void(boost::system::error_code)>(
        [this](auto handler) {
          waits_.async_wait(std::move(handler));
          time_passed();
        },
        token);
  }

 private:
  void time_passed() override {
    if (expiry_ <= manual_clock::now())
      waits_.cancel();
  }

  boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                    boost::asio::wait_traits<std::chrono::steady_clock>, Executor>
      waits_;
  time_point expiry_ = time_point::max();
};

struct manual_traits : hotslot::queue_traits {
  using clock_type = manual_clock;
  template <class Executor>
  using timer_type = manual_timer<Executor>;
};

#endif
