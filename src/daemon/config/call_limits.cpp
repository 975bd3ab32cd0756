#include "call_limits.hpp"

namespace hotslot::daemon {
namespace {

constexpr json_range body_range{1, std::uint64_t(1) << 40};
constexpr json_range rate_range{1, 1'000'000};

std::optional<rate> read_rate(json_object& in) {
  std::optional<rate> r;
  in.within("rate_limit", [&](json_object& limit) {
    r.emplace();
    limit.require("per_second");
    assign(r->per_second, limit.integer("per_second", rate_range));
    r->burst = r->per_second;
    assign(r->burst, limit.integer("burst", rate_range));
  });
  return r;
}

} // namespace

call_limits read_call_limits(json_object& in) {
  call_limits limits;
  assign(limits.request_header, in.integer("max_header_bytes", {1024, 16u << 20}));
  assign(limits.request_body, in.integer("max_body_bytes", body_range));
  assign(limits.reply_body, in.integer("max_reply_bytes", body_range));
  limits.calls = read_rate(in);
  limits.detached = in.boolean("detached").value_or(limits.detached);
  return limits;
}

} // namespace hotslot::daemon
