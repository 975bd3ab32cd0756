// What hotslot is compared with: the least that a pool can cost, and what people write instead of one.
#ifndef HOTSLOT_TEST_BENCH_REFERENCES_HPP
#define HOTSLOT_TEST_BENCH_REFERENCES_HPP

#include <boost/asio/awaitable.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

namespace hotslot::bench {

namespace asio = boost::asio;

/// The floor: a stack under a mutex, without waiting, ejection or stats.
class lifo {
 public:
  void push(std::uint64_t slot) {
    std::lock_guard lock(mutex_);
    slots_.push_back(slot);
  }
  std::optional<std::uint64_t> pop() {
    std::lock_guard lock(mutex_);
    if (slots_.empty())
      return std::nullopt;
    const auto slot = slots_.back();
    slots_.pop_back();
    return slot;
  }

 private:
  std::mutex mutex_;
  std::vector<std::uint64_t> slots_;
};

/// Fn's check-out by what it is made of: mutex, condition variable, a vector of idle slots that a
/// queueing wakes all waiters for, the same counters and latencies.
class condvar_queue {
 public:
  using clock = std::chrono::steady_clock;

  struct leased {
    std::uint64_t slot;
    clock::time_point since;
  };

  void queue(std::uint64_t slot) {
    {
      std::lock_guard lock(mutex_);
      slots_.push_back(slot);
    }
    slots_changed_.notify_all();
  }

  leased acquire() {
    const auto begun = clock::now();
    std::unique_lock lock(mutex_);
    ++waiting_;
    slots_changed_.wait(lock, [&] { return !slots_.empty(); });
    --waiting_;
    ++running_;
    const auto slot = slots_.back();
    slots_.pop_back();
    const auto now = clock::now();
    waited_ = (waited_ + (now - begun)) / 2;
    return {slot, now};
  }

  void release(const leased& l) {
    {
      const auto ran = clock::now() - l.since;
      std::lock_guard lock(mutex_);
      --running_;
      ran_ = (ran_ + ran) / 2;
      slots_.push_back(l.slot);
    }
    slots_changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable slots_changed_;
  std::vector<std::uint64_t> slots_;
  std::uint64_t waiting_ = 0;
  std::uint64_t running_ = 0;
  clock::duration waited_{};
  clock::duration ran_{};
};

/// The first thing one would write with Asio: a channel of slots, and for each checkout a race of the channel
/// against cancellation and a deadline.
class naive_queue {
 public:
  explicit naive_queue(asio::io_context& io)
    : slots_(io, 1024)
    , cancelled_(io)
    , io_(io) {}

  void queue(std::uint64_t slot) { slots_.try_send(error_code(), slot); }

  asio::awaitable<std::uint64_t> acquire(std::chrono::steady_clock::time_point deadline) {
    using namespace asio::experimental::awaitable_operators;
    asio::steady_timer timer(io_, deadline);
    auto outcome =
        co_await (slots_.async_receive(asio::use_awaitable) ||
                  cancelled_.async_receive(asio::use_awaitable) || timer.async_wait(asio::use_awaitable));
    co_return std::get<0>(outcome);
  }

 private:
  using error_code = boost::system::error_code;

  asio::experimental::channel<void(error_code, std::uint64_t)> slots_;
  asio::experimental::channel<void(error_code)> cancelled_;
  asio::io_context& io_;
};

} // namespace hotslot::bench

#endif
