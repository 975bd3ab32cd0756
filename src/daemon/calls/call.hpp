// How a call of a function goes, whichever way it came in.
#pragma once

#include "function.hpp"

#include <boost/asio/awaitable.hpp>

#include <optional>
#include <string>

namespace hotslot::daemon {

/// 26 hexadecimal digits, as long as Fn's: 16 drawn when the process starts, and a count of the calls since.
/// Thread safe.
std::string make_call_id();

/// Answers it, or accepts it to be run later; in spans, where calls are traced. Never throws for what a
/// function, a worker or a caller does, unless the answer has begun. `of` and `exchange` outlive it.
asio::awaitable<http::response> call(const function& of, http::request&& request, http::exchange& exchange,
                                     bool http_trigger);

/// Why such a call is refused, as far as its head tells, before its body is asked for.
std::optional<http::response> refuse_call_early(const function& of, const http::request& head,
                                                bool http_trigger);

} // namespace hotslot::daemon
