// Making documents where they hold nobody up.
#pragma once

#include <hotslot/http/stats_routes.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <utility>

namespace hotslot::http {

/// What `make()` returns, called where `routes` has its documents made. What it refers to lives until this
/// completes.
template <class Make>
auto render(const stats_routes& routes, Make make) -> boost::asio::awaitable<decltype(make())> {
  const auto& elsewhere = routes.options().renderer;
  if (!elsewhere)
    co_return make();
  auto there = [](Make f) -> boost::asio::awaitable<decltype(make())> { co_return f(); }(std::move(make));
  // A signal would reach it on another thread, and it refers to what is here.
  auto token =
      boost::asio::bind_cancellation_slot(boost::asio::cancellation_slot(), boost::asio::use_awaitable);
  auto made = co_await boost::asio::co_spawn(*elsewhere, std::move(there), std::move(token));
  co_return made;
}

} // namespace hotslot::http
