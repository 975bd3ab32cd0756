// What is typed while figures are shown.
#pragma once

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <string_view>

namespace hotslot::ctl {

/// Gives `take` what comes from standard input, a terminal that has no lines (see `screen`), as it comes,
/// until that returns false. Without a terminal, and after its end, it ends by cancellation only.
boost::asio::awaitable<void> read_keys(bool there, std::function<bool(std::string_view)> take);

} // namespace hotslot::ctl
