#include "look_up.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/error.hpp>

#include <future>
#include <memory>
#include <thread>
#include <tuple>
#include <utility>
#include <variant>

namespace hotslot::ctl {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::system_error;

namespace {

constexpr auto without_throwing = asio::as_tuple(asio::use_awaitable);

} // namespace

name_service system_names(std::string host, std::string port) {
  return [host = std::move(host), port = std::move(port)] {
    asio::io_context own;
    return tcp::resolver(own).resolve(host, port);
  };
}

// Asio's own resolver cannot be made to end before the system has answered, and neither can what owns it.
asio::awaitable<tcp::resolver::results_type> look_up(name_service names, std::chrono::milliseconds limit) {
  using namespace asio::experimental::awaitable_operators;
  using pair_end = asio::local::stream_protocol::socket;
  const auto executor = co_await asio::this_coro::executor;
  const auto theirs_at = std::make_shared<asio::io_context>();
  pair_end mine(executor), theirs(*theirs_at);
  asio::local::connect_pair(mine, theirs);
  std::packaged_task<tcp::resolver::results_type()> asking(std::move(names));
  auto answer = asking.get_future();
  std::thread([theirs_at, asking = std::move(asking), end = std::move(theirs)]() mutable {
    asking();
    boost::system::error_code ignored;
    end.close(ignored); // which is how it tells
  }).detach();

  asio::steady_timer timer(executor, asio::steady_timer::time_point::max());
  if (limit.count() != 0)
    timer.expires_after(limit);
  char nothing = 0;
  const auto first = co_await (asio::async_read(mine, asio::buffer(&nothing, 1), without_throwing) ||
                               timer.async_wait(without_throwing));
  if (first.index() == 1)
    throw system_error(boost::beast::error::timeout);
  if (const auto ec = std::get<0>(std::get<0>(first)); ec != asio::error::eof)
    throw system_error(ec);
  co_return answer.get();
}

} // namespace hotslot::ctl
