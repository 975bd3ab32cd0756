#pragma once

#include <boost/asio/io_context.hpp>

/// Uses the part of hotslot that the program is linked with. Whether that went well is in `right` when `io`
/// has run out of work.
void use_part(boost::asio::io_context& io, bool& right);
