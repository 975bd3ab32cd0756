// Two pools that serve the same calls: whichever has an engine first gets the call. The slot that the losing
// pool granted at the same time is not lost: it is back in its place before the race is over.
#include <hotslot/slot_queue.hpp>

#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>

#include <iostream>

namespace asio = boost::asio;
using namespace asio::experimental::awaitable_operators;

struct engine {
  std::string place;
  void close() noexcept {}
};
using pool = hotslot::slot_queue<engine>;
using lease = hotslot::lease<engine>;

asio::awaitable<lease> acquire_either(pool& east, pool& west) {
  auto won = co_await (east.async_acquire(asio::use_awaitable) || west.async_acquire(asio::use_awaitable));
  co_return std::visit([](lease& l) { return std::move(l); }, won);
}

void print(const char* when, const pool& east, const pool& west) {
  const auto e = east.snapshot();
  const auto w = west.snapshot();
  std::cout << when << ": east has " << e.idle << " idle, " << e.busy << " busy; west has " << w.idle
            << " idle, " << w.busy << " busy" << std::endl;
}

asio::awaitable<void> add_to_both(pool& east, pool& west) {
  east.queue_slot({"east"});
  west.queue_slot({"west"});
  co_return;
}

asio::awaitable<void> run(pool east, pool west) {
  // Both pools are empty. The race is on when each gets an engine, and each grants it to the same caller.
  auto first = co_await (acquire_either(east, west) && add_to_both(east, west));
  std::cout << first->place << " won" << std::endl;
  print("after the first race", east, west);

  auto second = co_await acquire_either(east, west);
  std::cout << second->place << " won" << std::endl;
  print("after the second", east, west);

  first.release();
  second.release();
  print("after the calls", east, west);
}

int main() {
  asio::io_context io;
  asio::co_spawn(io, run(pool(io), pool(io)), asio::detached);
  io.run();
}
