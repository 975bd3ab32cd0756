#include "catch.hpp"
#include "test_slot.hpp"

#include <hotslot/slot_queue.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>

namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

struct counting_timer : asio::basic_waitable_timer<std::chrono::steady_clock> {
  explicit counting_timer(const executor_type& ex)
    : basic_waitable_timer(ex) {
    ++made;
  }
  static inline int made = 0;
};

struct counting_traits : hotslot::queue_traits {
  template <class Executor>
  using timer_type = counting_timer;
};

} // namespace

TEST_CASE("weakness 8: a thousand deadlines have one timer, and leave none behind", "[slot_queue]") {
  asio::io_context io(1);
  hotslot::basic_slot_queue<test_slot, asio::any_io_executor, counting_traits> q(io);
  counting_timer::made = 0;
  int ended = 0;
  const auto now = std::chrono::steady_clock::now();
  for (int n = 0; n < 1000; ++n)
    q.async_acquire(now + std::chrono::microseconds(n),
                    [&](hotslot::error_code ec, auto) { ended += ec == hotslot::errc::deadline_exceeded; });
  io.run();
  CHECK(ended == 1000);
  CHECK(counting_timer::made == 1);
}
