#include "detached_config.hpp"

namespace hotslot::daemon {

void read_detached(json_object& in, detached_limits& to) {
  const auto* v = in.find("detached");
  if (!v)
    return;
  json_object limits(*v, in.pointer("detached"), in.problems());
  assign(to.waiting, limits.integer("max_waiting", {0, 1'000'000}));
  assign(to.bytes, limits.integer("max_bytes", {0, std::uint64_t(1) << 40}));
  assign(to.body_bytes, limits.integer("max_body_bytes", {0, std::uint64_t(1) << 30}));
  limits.refuse_unknown();
}

} // namespace hotslot::daemon
