// For operations of which the first to end, ends the others.
#pragma once

#include <boost/asio/awaitable.hpp>

#include <exception>
#include <utility>

namespace hotslot::ctl {

/// To be raced by `||`: there, only what does not throw ends the race. What it throws is in `error` then.
inline boost::asio::awaitable<void> caught(boost::asio::awaitable<void> operation,
                                           std::exception_ptr& error) {
  try {
    co_await std::move(operation);
  } catch (...) {
    error = std::current_exception();
  }
}

} // namespace hotslot::ctl
