#include <hotslot/policies/policy_memory.hpp>

#include "policy_arithmetic.hpp"

namespace hotslot::detail {

namespace {

std::uint64_t come(const queue_snapshot& q) noexcept {
  const queue_totals& t = q.totals;
  return t.acquired + t.timed_out + t.cancelled + t.shed + t.shed_overloaded + t.shed_late + t.failed +
         q.count(queue_state::waiter);
}

} // namespace

traffic_meter::reading traffic_meter::look(const scaling_input& in) noexcept {
  const std::uint64_t now_come = come(in.queue);
  reading r{.in_service = static_cast<double>(in.queue.busy)};
  if (begun_ && in.now > last_) {
    const auto run = in.queue.latency(queue_state::runner);
    r.seconds = in_s(in.now - last_);
    r.arrivals = static_cast<double>(less(now_come, come_));
    const std::uint64_t handed_out = less(in.queue.totals.acquired, acquired_);
    if (run.count() > 0)
      r.in_service = static_cast<double>(less(in.queue.busy, handed_out)) +
                     static_cast<double>(handed_out) * std::min(in_s(run) / r.seconds, 1.0);
  }
  begun_ = true;
  last_ = in.now;
  acquired_ = in.queue.totals.acquired;
  come_ = now_come;
  return r;
}

} // namespace hotslot::detail
