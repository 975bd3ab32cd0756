// What hotslotctl does, but for watching.
#pragma once

#include "client.hpp"
#include "terminal_text.hpp"

#include <boost/asio/awaitable.hpp>

#include <string>
#include <string_view>

namespace hotslot::ctl {

/// Runs the command of `what`, which is not `watch`. Throws `failure`.
asio::awaitable<void> run_command(client& server, const options& what);

/// Throws `failure` (refused) with what the server says where the status is none of success.
void check_status(const client& server, unsigned status, std::string_view reason, std::string_view body);

/// JSON as it may be shown on a terminal: what would do something there is escaped.
std::string printable_json(std::string_view json, charset c = output_charset());

} // namespace hotslot::ctl
