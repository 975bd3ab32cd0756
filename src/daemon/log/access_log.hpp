// The access log: a line for each request of a caller's.
#pragma once

#include "daemon/config/log_config.hpp"
#include "log_output.hpp"

#include <hotslot/http/access_record.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace hotslot::daemon {

/// Which function a request was for; empty where for none.
struct called_function {
  std::string_view app;
  std::string_view name;
};

/// What a record says where nothing was answered, since the caller had gone: as nginx has it.
inline constexpr unsigned status_unanswered = 499;

/// Apache's Common Log Format: `%h %l %u %t "%r" %>s %b`, in UTC. In the request, quotes, backslashes and
/// what is not printable ASCII are escaped as Apache escapes them.
std::string render_common(const http::access_record& r);

/// One JSON object, of UTF-8; docs/logs.md says what is in it.
std::string render_json(const http::access_record& r, const called_function& function);

/// Thread safety: all of it.
class access_log {
 public:
  access_log(access_format format, std::shared_ptr<log_output> to)
    : format_(format)
    , to_(std::move(to)) {}

  void write(const http::access_record& r, const called_function& function) const;

 private:
  const access_format format_;
  const std::shared_ptr<log_output> to_;
};

} // namespace hotslot::daemon
