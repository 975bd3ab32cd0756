#include "pool_model.hpp"

#include <algorithm>

namespace policysim {

using hotslot::queue_state;

time outcome::wait_percentile(unsigned percent) const {
  return waits.empty() ? time() : waits[(waits.size() * percent + 99) / 100 - 1]; // the nearest rank
}

outcome pool_model::run() {
  for (const call& c : trace_.calls)
    schedule(c.arrives, kind::arrival);
  const time give_up = trace_.ends + std::chrono::hours(1);
  while (!events_.empty() && (now_ < trace_.ends || out_.waits.size() != trace_.calls.size() || busy_ != 0)) {
    const event e = events_.top();
    events_.pop();
    if (e.at > give_up)
      break;
    pay_until(e.at);
    now_ = e.at;
    handle(e);
    if (!waiting_.empty() && !idle_since_.empty())
      out_.faults.push_back("a call waits beside an idle worker");
  }
  pay_until(trace_.ends);
  if (out_.waits.size() != trace_.calls.size())
    out_.faults.push_back("calls were never served");
  std::ranges::sort(out_.waits);
  return std::move(out_);
}

void pool_model::handle(const event& e) {
  switch (e.what) {
  case kind::arrival:
    return arrive();
  case kind::call_done:
    (void)stats_.exit_with_latency(queue_state::runner, e.lasted);
    --busy_;
    out_.last_done = now_;
    return worker_free();
  case kind::start_done:
    return finish_start(e);
  case kind::ask:
    if (now_ == wake_)
      ask();
    return;
  case kind::idle_out:
    if (!idle_since_.empty() && idle_since_.front() + idle_timeout_ <= now_)
      end_idle(1);
    return;
  }
}

void pool_model::pay_until(time t) {
  if (const time until = std::min(t, trace_.ends); until > now_)
    out_.paid += (until - now_) * static_cast<std::int64_t>(workers());
}

void pool_model::arrive() {
  const call c = trace_.calls[arrived_++];
  if (!idle_since_.empty()) {
    idle_since_.pop_back();
    serve({}, c.runs);
    return;
  }
  stats_.enter(queue_state::waiter);
  waiting_.push_back(c);
  ask();
}

void pool_model::serve(time waited, time runs) {
  ++totals_.acquired;
  ++busy_;
  stats_.enter(queue_state::runner);
  out_.waits.push_back(waited);
  schedule(runs, kind::call_done);
}

void pool_model::worker_free() {
  if (waiting_.empty()) {
    idle_since_.push_back(now_);
    schedule(idle_timeout_, kind::idle_out);
    return;
  }
  const call c = waiting_.front();
  waiting_.pop_front();
  (void)stats_.exit_with_latency(queue_state::waiter, now_ - c.arrives);
  serve(now_ - c.arrives, c.runs);
}

void pool_model::finish_start(const event& e) {
  if (now_ < trace_.fails_until) {
    (void)stats_.exit(queue_state::starter);
    ++totals_.launch_failed;
    not_before_ = now_ + hotslot::backoff_delay({}, ++failures_, 0);
    wake_at(not_before_);
    return;
  }
  (void)stats_.exit_with_latency(queue_state::starter, e.lasted);
  ++totals_.launched;
  failures_ = 0;
  worker_free();
}

void pool_model::end_idle(std::uint64_t n) {
  totals_.ejected_idle += n;
  idle_since_.erase(idle_since_.begin(), idle_since_.begin() + static_cast<std::ptrdiff_t>(n));
  ask();
}

/// As many starts as the back-off lets through.
std::uint64_t pool_model::allowed(std::uint64_t wanted) const {
  if (now_ < not_before_)
    return 0;
  if (failures_ == 0)
    return wanted;
  return starting() == 0 ? std::min<std::uint64_t>(wanted, 1) : 0;
}

void pool_model::wake_at(time t) {
  if (t >= wake_ && wake_ > now_)
    return;
  wake_ = t;
  if (t != time::max())
    events_.push({t, order_++, kind::ask, {}});
}

void pool_model::ask() {
  hotslot::scaling_input in;
  in.now = now_;
  in.max_workers = max_workers;
  stats_.write_to(in.queue);
  in.queue.idle = idle_since_.size();
  in.queue.busy = busy_;
  in.queue.totals = totals_;
  const auto d = policy_(in);
  check(in, d);
  const std::uint64_t n = allowed(d.start);
  for (std::uint64_t i = 0; i != n; ++i) {
    stats_.enter(queue_state::starter);
    schedule(trace_.start, kind::start_done);
  }
  out_.cold_starts += n;
  out_.workers = std::max(out_.workers, workers());
  wake_ = time::max();
  wake_at(now_ < not_before_ ? std::min(d.again, not_before_) : d.again);
  if (d.eject != 0)
    end_idle(d.eject);
}

void pool_model::check(const hotslot::scaling_input& in, const hotslot::scaling_decision& d) {
  if (d.start > max_workers - workers())
    out_.faults.push_back("more starts than there is room for");
  if (d.eject > in.queue.idle)
    out_.faults.push_back("more ejections than idle workers");
  if (d.again <= now_)
    out_.faults.push_back("the policy wants to be asked at once");
}

} // namespace policysim
