// A queue on a context that the test runs by hand, and its callers.
#ifndef HOTSLOT_TEST_ASIO_QUEUE_FIXTURE_HPP
#define HOTSLOT_TEST_ASIO_QUEUE_FIXTURE_HPP

#include "manual_clock.hpp"

#include <hotslot/slot_queue.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/io_context.hpp>

#include <deque>
#include <optional>
#include <utility>

template <class Slot, class Traits = hotslot::queue_traits>
struct queue_fixture {
  using queue_type = hotslot::basic_slot_queue<Slot, boost::asio::any_io_executor, Traits>;
  using lease = typename queue_type::lease_type;

  boost::asio::io_context io{1};
  queue_type q{boost::asio::any_io_executor(io.get_executor())};

  void poll() {
    io.restart();
    io.poll();
  }

  /// What a caller got, if anything yet.
  struct outcome {
    std::optional<hotslot::error_code> ec;
    lease held;
    int number() const { return held ? held.peek().number : 0; }
  };
  std::deque<outcome> calls;

  outcome& call(typename queue_type::time_point deadline = queue_type::time_point::max()) {
    outcome& o = calls.emplace_back();
    q.async_acquire(deadline, [&o](hotslot::error_code ec, lease l) {
      o.ec = ec;
      o.held = std::move(l);
    });
    poll();
    return o;
  }
};

/// The same in time that passes when the test says so.
template <class Slot>
struct manual_queue_fixture : queue_fixture<Slot, manual_traits> {
  void pass(manual_clock::duration t) {
    manual_clock::advance(t);
    this->poll();
  }
};

#endif
