// Boost.MySQL's connection pool, which Boost has since 1.85.
#if !__has_include(<boost/mysql/connection_pool.hpp>)
#error "not there"
#else
#include <boost/mysql/connection_pool.hpp>
#include <boost/mysql/pool_params.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace asio = boost::asio;
namespace mysql = boost::mysql;

asio::awaitable<void> use(mysql::connection_pool& connections) {
  mysql::pooled_connection c = co_await connections.async_get_connection(asio::use_awaitable);
  c.return_without_reset();
}

int main() {
  asio::io_context io;
  mysql::pool_params params;
  params.max_size = 4;
  mysql::connection_pool connections(io, std::move(params));
  connections.async_run(asio::detached);
  asio::co_spawn(io, use(connections), asio::detached);
  io.run();
}
#endif
