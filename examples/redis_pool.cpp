// A pool of kept connections to a Redis server, which may go away at any time and come back.
//
//   redis_pool ADDRESS:PORT|SOCKET CALLERS
//
// Each line of standard input is a key, which as many callers at once increment over four connections.
// Restart the server meanwhile: idle connections leave the pool at once, new ones are made when the server is
// there again, and what cannot be known is counted, not guessed.
#include "redis_connection.hpp"

#include <hotslot/launcher.hpp>

#include <boost/asio/experimental/parallel_group.hpp>

#include <iostream>

namespace asio = boost::asio;
using boost::system::system_error;
using hotslot::errc;
using namespace std::chrono_literals;

// The slot. The launcher awaits wait_gone() for as long as the connection lives, and takes it out of the pool
// when that completes.
struct slot : redis::connection {
  asio::awaitable<void> wait_gone() const { return tell(connection::wait_gone()); }

  static asio::awaitable<void> tell(asio::awaitable<void> gone) {
    co_await std::move(gone);
    std::cout << "a connection has ended" << std::endl;
  }
};
static_assert(hotslot::watched_slot<slot, asio::any_io_executor>);
using pool = hotslot::slot_queue<slot>;

// A command that changes nothing, or sets what is set already, may be sent twice. INCR may not: where the
// connection breaks before the reply, the server may have counted it or not.
enum class repeat { unless_sent, always };

asio::awaitable<redis::reply> ask(pool& connections, const redis::words& command, repeat when) {
  const auto deadline = std::chrono::steady_clock::now() + 30s; // for a connection; the reply has none
  for (;;) {
    auto lease = co_await connections.acquire(deadline);
    try {
      auto reply = co_await lease->command(command);
      lease.release();
      co_return reply;
    } catch (const system_error&) { // a lease that was not released closes its connection
      if (when == repeat::unless_sent)
        throw;
    }
  }
}

// A network that loses everything does not end a connection: only one that does not answer is known by that.
asio::awaitable<void> ping(slot& connection) {
  const redis::words command{"PING"};
  co_await connection.command(command);
}

asio::awaitable<bool> answers(slot& connection) {
  co_await ping(connection); // or throws, which is a no
  co_return true;
}

pool looked_after(asio::io_context& io) {
  pool connections(io);
  pool::upkeep_type upkeep;
  upkeep.validate = answers;
  upkeep.keepalive = ping;
  connections.set_upkeep(upkeep);
  return connections;
}

struct tally {
  int counted = 0;
  int refused = 0; ///< Not counted: no connection in time, or the server said no.
  int unsure = 0;
};

asio::awaitable<void> increment(pool& connections, const std::string& key, tally& all) {
  const redis::words command{"INCR", key};
  try {
    const auto reply = co_await ask(connections, command, repeat::unless_sent);
    ++(reply->type == REDIS_REPLY_INTEGER ? all.counted : all.refused);
  } catch (const system_error& e) {
    ++(e.code() == errc::deadline_exceeded ? all.refused : all.unsure);
  }
}

asio::awaitable<tally> increment_at_once(pool& connections, const std::string& key, int callers) {
  const auto ex = co_await asio::this_coro::executor;
  tally all;
  const auto start = [&] { return asio::co_spawn(ex, increment(connections, key, all), asio::deferred); };
  std::vector<decltype(start())> calls;
  for (int n = 0; n != callers; ++n)
    calls.push_back(start());
  co_await asio::experimental::make_parallel_group(std::move(calls))
      .async_wait(asio::experimental::wait_for_all(), asio::use_awaitable);
  co_return all;
}

asio::awaitable<void> serve(pool connections, int callers) {
  asio::posix::stream_descriptor input(co_await asio::this_coro::executor, ::dup(STDIN_FILENO));
  std::string text;
  for (;;) {
    auto [ec, n] = co_await asio::async_read_until(input, asio::dynamic_buffer(text), '\n',
                                                   asio::as_tuple(asio::use_awaitable));
    if (ec)
      break;
    const std::string key = text.substr(0, n - 1);
    text.erase(0, n);
    const tally all = co_await increment_at_once(connections, key, callers);
    const redis::words get{"GET", key};
    const auto reply = co_await ask(connections, get, repeat::always);
    std::cout << key << ": " << all.counted << " counted, " << all.refused << " refused, " << all.unsure
              << " unsure; the server has " << (reply->str ? reply->str : "nothing") << "; "
              << connections.snapshot().idle << " connections kept" << std::endl;
  }
  connections.close();
}

int main(int argc, char** argv) try {
  if (argc != 3)
    throw std::invalid_argument("two arguments are needed");
  asio::io_context io(1);
  const pool connections = looked_after(io);
  hotslot::launcher<slot> launcher(
      connections,
      [server = redis::endpoint_of(argv[1])]() -> asio::awaitable<slot> {
        co_return slot{co_await redis::connection::open(server)};
      },
      {.max_workers = 4,
       .idle_timeout = 60s,
       // A server that is away comes back: callers wait for it, each for as long as it likes, and no breaker
       // refuses them.
       .starts = {.backoff = {.first = 50ms, .most = 500ms}, .breaker_failures = 0},
       .on_failure = [](const auto& f) { std::cout << "cannot connect: " << f.message << std::endl; }});
  asio::co_spawn(io, serve(connections, std::stoi(argv[2])), [](std::exception_ptr e) {
    if (e)
      std::rethrow_exception(e);
  });
  io.run();
} catch (const std::invalid_argument&) {
  std::cerr << "usage: redis_pool ADDRESS:PORT|SOCKET CALLERS" << std::endl;
  return 2;
} catch (const std::exception& e) {
  std::cerr << e.what() << std::endl;
  return 1;
}
