// Threads that run a context to its end.
#pragma once

#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <exception>

namespace hotslot::daemon {

/// Runs `io` by `n` threads, this one among them, until it has nothing to do any more. Where a handler
/// throws, all of them end once their handlers have returned. Returns what was thrown first, or null.
std::exception_ptr run_threads(boost::asio::io_context& io, std::size_t n);

} // namespace hotslot::daemon
