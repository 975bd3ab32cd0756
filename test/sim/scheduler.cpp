#include "scheduler.hpp"

#include <algorithm>
#include <limits>

namespace hotslot::sim {

thread_local clock::time_point clock::now_;
thread_local scheduler* scheduler::current_ = nullptr;

scheduler::scheduler(std::uint64_t seed, std::uint32_t preempt_in)
  : random_(seed)
  , preempt_in_(preempt_in) {
  current_ = this;
  clock::now_ = clock::time_point(std::chrono::hours(1));
}

scheduler::~scheduler() {
  drop_everything();
  shutdown();
  drop_everything();
  destroy();
  current_ = nullptr;
}

// What is destroyed may send off or cancel other things.
void scheduler::drop_everything() {
  ending_ = true;
  while (!ready_.empty() || !waits_.empty()) {
    auto ready = std::move(ready_);
    auto waits = std::move(waits_);
    ready_.clear();
    waits_.clear();
  }
}

bool scheduler::step() {
  if (ready_.empty())
    pass_time(clock::time_point::max());
  const std::size_t at = pick();
  if (at == none)
    return false;
  run(at);
  return true;
}

void scheduler::run_until(clock::time_point t) {
  do
    while (!ready_.empty())
      run(pick());
  while (pass_time(t));
  clock::now_ = std::max(clock::now_, t);
}

void scheduler::let_others() noexcept {
  if (preempt_in_ == 0 || active_.empty() || active_.size() >= max_depth || !random_.one_in(preempt_in_))
    return;
  const std::size_t at = pick();
  if (at != none)
    run(at);
}

bool scheduler::is_active(strand_id strand) const noexcept {
  return strand != 0 && std::find(active_.begin(), active_.end(), strand) != active_.end();
}

// Work that is dispatched to the strand that runs goes first, as Asio's strands have it.
bool scheduler::may_inline(strand_id strand) noexcept {
  if (active_.empty())
    return false;
  return strand == 0 ? random_.one_in(2) : strand == active_.back();
}

// A random one of those that may run; of a strand the first.
std::size_t scheduler::pick() noexcept {
  if (ready_.empty())
    return none;
  const auto n = static_cast<std::uint32_t>(ready_.size());
  const auto start = in_order_ ? 0 : random_.below(n);
  for (std::uint32_t i = 0; i < n; ++i) {
    const std::size_t at = (start + i) % n;
    const strand_id strand = ready_[at].strand;
    if (is_active(strand))
      continue;
    if (strand == 0)
      return at;
    const auto first =
        std::find_if(ready_.begin(), ready_.end(), [&](auto& t) { return t.strand == strand; });
    return static_cast<std::size_t>(first - ready_.begin());
  }
  return none;
}

void scheduler::run(std::size_t at) {
  ready_task t = std::move(ready_[at]);
  ready_.erase(ready_.begin() + static_cast<std::ptrdiff_t>(at));
  active_.push_back(t.strand);
  ++tasks_;
  t.work->run();
  t.work.reset();
  active_.pop_back();
}

// False where no timer ends by then.
bool scheduler::pass_time(clock::time_point latest) {
  const auto next = std::min_element(waits_.begin(), waits_.end(),
                                     [](const auto& a, const auto& b) { return a->at < b->at; });
  if (next == waits_.end() || (*next)->at > latest || (*next)->at == clock::time_point::max())
    return false;
  clock::now_ = std::max(clock::now_, (*next)->at);
  std::vector<std::unique_ptr<timer_wait>> due;
  for (auto& w : waits_)
    if (w->at <= clock::now_)
      due.push_back(std::move(w));
  std::erase(waits_, nullptr);
  for (auto& w : due)
    w->end(false);
  return true;
}

std::uint64_t scheduler::add(std::unique_ptr<timer_wait> wait) {
  const std::uint64_t id = wait->id = ++last_wait_;
  if (!ending_)
    waits_.push_back(std::move(wait));
  return id;
}

void scheduler::cancel_wait(std::uint64_t id) {
  const auto it = std::find_if(waits_.begin(), waits_.end(), [&](auto& w) { return w && w->id == id; });
  if (it == waits_.end())
    return;
  auto wait = std::move(*it);
  waits_.erase(it);
  wait->end(true);
}

std::size_t scheduler::cancel_timer(const void* timer) {
  std::vector<std::unique_ptr<timer_wait>> cancelled;
  for (auto& w : waits_)
    if (w && w->timer == timer)
      cancelled.push_back(std::move(w));
  std::erase(waits_, nullptr);
  for (auto& w : cancelled)
    w->end(true);
  return cancelled.size();
}

} // namespace hotslot::sim
