#include "server_stats.hpp"

#include <optional>
#include <string_view>
#include <utility>

namespace hotslot::daemon {
namespace {

pool_snapshot snapshot(const server_parts& of) {
  const auto front = of.functions.routes();
  pool_snapshot all;
  all.queues.reserve(front->functions().size());
  for (const auto& f : front->functions())
    all.queues.push_back(f->snapshot());
  if (of.spans)
    all.spans = of.spans->exporter().counts();
  return all;
}

} // namespace

http::stats_source make_stats_source(const server_parts& of) {
  return {.pool = [&of] { return snapshot(of); },
          .detail = [&of](std::string_view key) -> std::optional<queue_detail> {
            const auto front = of.functions.routes();
            const auto* f = front->with_key(key);
            return f ? std::optional(f->detail()) : std::nullopt;
          },
          .histograms = [&of](std::string_view key) -> std::optional<queue_histograms> {
            const auto front = of.functions.routes();
            const auto* f = front->with_key(key);
            return f ? std::optional(f->pool()->queue().histograms()) : std::nullopt;
          }};
}

} // namespace hotslot::daemon
