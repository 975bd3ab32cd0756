// The figures of a server, and of a function, as lines of text.
#pragma once

#include <boost/json/object.hpp>

#include <string>
#include <vector>

namespace hotslot::ctl {

/// Of a document of /stats.
std::vector<std::string> describe_totals(const boost::json::object& stats);

/// Of a document of /stats/{key}.
std::vector<std::string> describe_function(const boost::json::object& stats);

} // namespace hotslot::ctl
