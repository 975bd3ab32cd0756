#pragma once

#include <boost/asio/io_context.hpp>

/// Starts calls that check workers out of a pool over `io`. What they have computed is in `sum` when it has
/// run out of work.
void use_pool(boost::asio::io_context& io, int& sum);
