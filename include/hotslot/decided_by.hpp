// Two operations at once, of which one counts.
#ifndef HOTSLOT_DECIDED_BY_HPP
#define HOTSLOT_DECIDED_BY_HPP

#include <boost/asio/awaitable.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <exception>
#include <optional>
#include <utility>

namespace hotslot {
namespace detail {

template <class T>
boost::asio::awaitable<std::optional<T>> result_of(boost::asio::awaitable<T> operation,
                                                   std::exception_ptr& error) {
  try {
    co_return co_await std::move(operation);
  } catch (...) {
    error = std::current_exception();
  }
  co_return std::nullopt;
}

inline boost::asio::awaitable<void> without_end(boost::asio::awaitable<void> operation) {
  try {
    co_await std::move(operation);
  } catch (const boost::system::system_error& e) {
    if (e.code() == boost::asio::error::operation_aborted)
      throw;
  }
  boost::asio::steady_timer never(co_await boost::asio::this_coro::executor,
                                  boost::asio::steady_timer::time_point::max());
  co_await never.async_wait(boost::asio::use_awaitable);
}

} // namespace detail

/// Runs both at once, on the awaiting coroutine's executor, and returns or throws what `first` ends with,
/// which cancels `other` (terminal) and waits for its end. How `other` ends by itself is of no account.
///
/// Use: to send what is large while the answer to it is read already. Cancellation: terminal, of both. Cost:
/// two coroutines and a race; not for what is small.
template <class T>
boost::asio::awaitable<T> decided_by(boost::asio::awaitable<T> first, boost::asio::awaitable<void> other) {
  using namespace boost::asio::experimental::awaitable_operators;
  std::exception_ptr error;
  auto ended = co_await (detail::result_of(std::move(first), error) || detail::without_end(std::move(other)));
  if (error)
    std::rethrow_exception(error);
  co_return std::move(*std::get<0>(ended));
}

} // namespace hotslot

#endif
