#include "server_timeouts.hpp"

namespace hotslot::daemon {

void server_timeouts::put_into(http::server_limits& limits) const {
  limits.header_timeout = header;
  limits.body_timeout = body;
  limits.idle_timeout = idle;
  limits.write_timeout = write;
}

void read_timeouts(json_object& in, server_timeouts& to) {
  constexpr json_range range{1, 3'600'000};
  const auto* v = in.find("timeouts");
  if (!v)
    return;
  json_object timeouts(*v, in.pointer("timeouts"), in.problems());
  assign(to.header, timeouts.integer("header_ms", range));
  assign(to.body, timeouts.integer("body_ms", range));
  assign(to.idle, timeouts.integer("idle_ms", range));
  assign(to.write, timeouts.integer("write_ms", range));
  timeouts.refuse_unknown();
}

} // namespace hotslot::daemon
