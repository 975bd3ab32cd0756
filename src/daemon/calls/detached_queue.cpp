#include "detached_queue.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <vector>

namespace hotslot::daemon {

struct detached_queue::runner {
  runner(std::shared_ptr<detached_queue> c, std::shared_ptr<detached_line> l)
    : calls(std::move(c))
    , line(std::move(l))
    , strand(asio::make_strand(calls->executor_)) {}

  const std::shared_ptr<detached_queue> calls;
  const std::shared_ptr<detached_line> line;
  const asio::strand<asio::any_io_executor> strand;
  asio::cancellation_signal stop; ///< On the strand.
};

detached_queue::detached_queue(asio::any_io_executor executor, const detached_limits& limits,
                               const logger& log)
  : executor_(executor)
  , strand_(asio::make_strand(executor))
  , log_(log)
  , limits_(limits)
  , changed_(strand_) {}

void detached_queue::set_limits(const detached_limits& limits) {
  std::lock_guard lock(mutex_);
  limits_ = limits;
}

detached_limits detached_queue::limits() const {
  std::lock_guard lock(mutex_);
  return limits_;
}

detached_counts detached_queue::counts(const detached_line& line) const {
  std::lock_guard lock(mutex_);
  return line.counts_;
}

// Coming in

std::optional<detached_queue::place> detached_queue::reserve(std::shared_ptr<detached_line> line,
                                                             std::uint64_t bytes) {
  std::lock_guard lock(mutex_);
  if (places_ >= limits_.waiting || bytes_ + bytes > limits_.bytes || stopped_) {
    ++line->counts_.refused;
    return std::nullopt;
  }
  ++places_;
  bytes_ += bytes;
  return place(shared_from_this(), std::move(line), bytes);
}

bool detached_queue::grow(const std::shared_ptr<detached_line>& line, std::uint64_t bytes) {
  std::lock_guard lock(mutex_);
  const bool fits = bytes_ + bytes <= limits_.bytes;
  if (fits)
    bytes_ += bytes;
  else
    ++line->counts_.refused;
  return fits;
}

void detached_queue::give_back(std::uint64_t bytes) noexcept {
  std::lock_guard lock(mutex_);
  --places_;
  bytes_ -= bytes;
}

bool detached_queue::enter(place&& at, std::unique_ptr<detached_job> job, std::size_t at_once) {
  const auto line = at.line_;
  std::shared_ptr<runner> fresh;
  {
    std::lock_guard lock(mutex_);
    if (stopped_) {
      ++line->counts_.refused;
      return false;
    }
    line->waiting_.push_back({std::move(job), at.bytes_});
    ++line->counts_.accepted;
    ++line->counts_.waiting;
    if (line->runners_ < at_once) {
      fresh = std::make_shared<runner>(shared_from_this(), line);
      runners_.insert(fresh);
      ++line->runners_;
    }
  }
  at.calls_.reset(); // the place is the call's from now on
  if (fresh)
    start(std::move(fresh));
  return true;
}

void detached_queue::start(std::shared_ptr<runner> r) {
  asio::co_spawn(
      r->strand, work(r),
      asio::bind_cancellation_slot(r->stop.slot(), [r](const std::exception_ptr&) { r->calls->left(r); }));
}

// Running

asio::awaitable<void> detached_queue::work(std::shared_ptr<runner> r) {
  co_await asio::post(r->strand, asio::use_awaitable); // whoever entered the call does not run it
  while (auto next = r->calls->take(*r->line)) {
    const auto outcome = co_await r->calls->run(*next->job);
    if (outcome == detached_outcome::lost)
      r->calls->tell_lost(*r->line, next->job->id());
    next->job.reset();
    r->calls->settle(*r->line, next->bytes, outcome);
  }
}

asio::awaitable<detached_outcome> detached_queue::run(detached_job& job) {
  try {
    co_return co_await job.run();
  } catch (const std::exception& e) {
    log_.error("detached call failed", {{"call", job.id()}, {"reason", e.what()}});
  }
  co_return detached_outcome::failed;
}

// Where nothing waits the runner is counted out, so that whoever enters then starts another.
std::optional<detached_line::entry> detached_queue::take(detached_line& line) {
  std::lock_guard lock(mutex_);
  if (line.waiting_.empty() || stopped_) {
    --line.runners_;
    return std::nullopt;
  }
  auto next = std::move(line.waiting_.front());
  line.waiting_.pop_front();
  --line.counts_.waiting;
  ++line.counts_.running;
  --places_;
  return next;
}

void detached_queue::settle(detached_line& line, std::uint64_t bytes, detached_outcome outcome) {
  std::lock_guard lock(mutex_);
  bytes_ -= bytes;
  --line.counts_.running;
  switch (outcome) {
  case detached_outcome::succeeded:
    ++line.counts_.succeeded;
    break;
  case detached_outcome::failed:
    ++line.counts_.failed;
    break;
  case detached_outcome::lost:
    ++line.counts_.lost;
    break;
  }
}

void detached_queue::left(const std::shared_ptr<runner>& r) {
  std::lock_guard lock(mutex_);
  runners_.erase(r);
  if (draining_)
    asio::post(strand_, [self = shared_from_this()] { self->changed_.cancel(); });
}

void detached_queue::tell_lost(const detached_line& line, const std::string& id) const {
  log_.error("detached call lost", {{"app", line.app_}, {"fn", line.fn_}, {"call", id}});
}

// The end

asio::awaitable<void> detached_queue::async_drain(clock::time_point until) {
  co_await asio::co_spawn(strand_, drain(until), asio::use_awaitable);
}

void detached_queue::cut() {
  asio::post(strand_, [self = shared_from_this()] {
    self->cut_ = true;
    self->changed_.cancel();
  });
}

asio::awaitable<void> detached_queue::drain(clock::time_point until) {
  {
    std::lock_guard lock(mutex_);
    draining_ = true;
  }
  co_await wait_for_end(until, true);
  lose_all();
  co_await wait_for_end(clock::time_point::max(), false);
}

asio::awaitable<void> detached_queue::wait_for_end(clock::time_point until, bool may_be_cut) {
  while (!is_empty() && clock::now() < until && !(cut_ && may_be_cut)) {
    changed_.expires_at(until);
    co_await changed_.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

bool detached_queue::is_empty() const {
  std::lock_guard lock(mutex_);
  return runners_.empty(); // what waits has one
}

void detached_queue::lose_all() {
  std::vector<detached_line::entry> lost; // ends after the lock
  std::lock_guard lock(mutex_);
  stopped_ = true;
  for (const auto& r : runners_) {
    for (auto& waiting : std::exchange(r->line->waiting_, {})) {
      --r->line->counts_.waiting;
      ++r->line->counts_.lost;
      --places_;
      bytes_ -= waiting.bytes;
      tell_lost(*r->line, waiting.job->id());
      lost.push_back(std::move(waiting));
    }
    asio::post(r->strand, [r] { r->stop.emit(asio::cancellation_type::terminal); });
  }
}

} // namespace hotslot::daemon
