// What a request says of the answers that it can take.
#pragma once

#include <string_view>

namespace hotslot::http {

/// Whether gzip is asked for, and no less than no coding at all (RFC 9110, 12.5.3). Where nothing is said,
/// no.
bool accepts_gzip(std::string_view accept_encoding);

/// Whether OpenMetrics 1.0 is wanted more than plain text (RFC 9110, 12.5.1). Where nothing is said, no.
bool prefers_openmetrics(std::string_view accept);

/// Whether If-None-Match names `etag`, by the weak comparison (RFC 9110, 13.1.2).
bool matches_etag(std::string_view if_none_match, std::string_view etag);

} // namespace hotslot::http
