// From names to addresses, with an end.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <functional>
#include <string>

namespace hotslot::ctl {

/// Where a name leads to; throws `system_error`. Blocks as long as it takes.
using name_service = std::function<boost::asio::ip::tcp::resolver::results_type()>;

/// That of the system.
name_service system_names(std::string host, std::string port);

/// What `names` says, which is asked on a thread of its own; that thread may outlive this by as long as the
/// system takes, so `names` refers to nothing that does not. Zero is no limit.
///
/// Errors, thrown: `beast::error::timeout` where it takes longer, and what `names` throws. May be cancelled.
boost::asio::awaitable<boost::asio::ip::tcp::resolver::results_type> look_up(name_service names,
                                                                             std::chrono::milliseconds limit);

} // namespace hotslot::ctl
