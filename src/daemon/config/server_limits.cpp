#include "server_limits.hpp"

namespace hotslot::daemon {

void server_timeouts::put_into(http::server_limits& limits) const {
  limits.header_timeout = header;
  limits.body_timeout = body;
  limits.idle_timeout = idle;
  limits.write_timeout = write;
}

void read_trusted_proxies(json_object& in, http::trusted_proxies& to) {
  in.strings("trusted_proxies", [&](const std::string& text, const std::string& pointer) {
    if (!to.add(text))
      in.problems().push_back({pointer, "must be an address, a network as 10.0.0.0/8 or 2001:db8::/32, with "
                                        "no bits set beyond its length, or unix:"});
  });
}

void read_timeouts(json_object& in, server_timeouts& to) {
  constexpr json_range range{1, 3'600'000};
  in.within("timeouts", [&](json_object& timeouts) {
    assign(to.header, timeouts.integer("header_ms", range));
    assign(to.body, timeouts.integer("body_ms", range));
    assign(to.idle, timeouts.integer("idle_ms", range));
    assign(to.write, timeouts.integer("write_ms", range));
  });
}

void read_detached(json_object& in, detached_limits& to) {
  in.within("detached", [&](json_object& limits) {
    assign(to.waiting, limits.integer("max_waiting", {0, 1'000'000}));
    assign(to.bytes, limits.integer("max_bytes", {0, std::uint64_t(1) << 40}));
    assign(to.body_bytes, limits.integer("max_body_bytes", {0, std::uint64_t(1) << 30}));
  });
}

} // namespace hotslot::daemon
