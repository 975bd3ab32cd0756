// Who has done what at the admin address.
#pragma once

#include "daemon/calls/rate_limiter.hpp"
#include "daemon/log/log.hpp"

#include <hotslot/http/access_record.hpp>

namespace hotslot::daemon {

/// A line for each action that was asked for, and for requests that were refused, of these no more than a few
/// a second: whoever guesses tokens does not fill the log. Thread-safe.
class audit {
 public:
  explicit audit(const logger& log) noexcept
    : log_(log) {}

  void note(const http::access_record& record) const;

 private:
  const logger& log_;
  mutable rate_limiter refusals_{{.per_second = 2, .burst = 20}};
};

} // namespace hotslot::daemon
