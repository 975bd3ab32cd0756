// Lets every type of cancellation end what only terminal cancellation ends by itself.
#pragma once

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>

#include <exception>
#include <memory>
#include <utility>

namespace hotslot::detail {

namespace asio = boost::asio;

/// Runs `a` on `ex`. Asio's awaitable operators start their branches with terminal cancellation only, and a
/// race that is asked for another type takes the request for done: it then waits for its losers for ever.
///
/// Completion signature: `void(std::exception_ptr, T)`.
template <class Executor, class T, class CompletionToken>
auto async_cancel_as_terminal(const Executor& ex, asio::awaitable<T, Executor> a, CompletionToken&& token) {
  return asio::async_initiate<CompletionToken, void(std::exception_ptr, T)>(
      [](auto handler, const Executor& on, asio::awaitable<T, Executor> what) {
        const auto signal = std::make_shared<asio::cancellation_signal>();
        if (auto slot = asio::get_associated_cancellation_slot(handler); slot.is_connected())
          slot.assign([signal](asio::cancellation_type_t type) {
            if (type != asio::cancellation_type::none)
              signal->emit(asio::cancellation_type::terminal);
          });
        auto done = [signal, h = std::move(handler)](std::exception_ptr e, T result) mutable {
          std::move(h)(e, std::move(result));
        };
        asio::co_spawn(on, std::move(what), asio::bind_cancellation_slot(signal->slot(), std::move(done)));
      },
      token, ex, std::move(a));
}

} // namespace hotslot::detail
