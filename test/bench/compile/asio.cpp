// Asio alone: a coroutine is spawned.
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

namespace asio = boost::asio;

asio::awaitable<void> use() { co_return; }

int main() {
  asio::io_context io;
  asio::co_spawn(io, use(), asio::detached);
  io.run();
}
