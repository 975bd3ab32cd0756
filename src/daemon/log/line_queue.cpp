#include "line_queue.hpp"

#include "base/blocked_signals.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <system_error>
#include <utility>

namespace hotslot::daemon {
namespace {

constexpr std::size_t kept_capacity = 64u << 10;

std::atomic<std::size_t> queues_to_write{0};
static_assert(std::atomic<std::size_t>::is_always_lock_free);

// Of a descriptor that others have made non-blocking.
void wait_until_writable(int fd) {
  pollfd waited{.fd = fd, .events = POLLOUT, .revents = 0};
  ::poll(&waited, 1, -1);
}

} // namespace

lines_written write_lines(int fd, std::string_view lines) {
  while (!lines.empty()) {
    const auto n = ::write(fd, lines.data(), lines.size());
    if (n >= 0)
      lines.remove_prefix(static_cast<std::size_t>(n));
    else if (errno == EAGAIN)
      wait_until_writable(fd);
    else if (errno != EINTR)
      return {static_cast<std::size_t>(std::count(lines.begin(), lines.end(), '\n')),
              std::generic_category().message(errno)};
  }
  return {};
}

line_thread::line_thread(std::chrono::milliseconds linger)
  : linger_(linger)
  , state_(std::make_shared<state>()) {
  const base::blocked_signals none;
  thread_ = std::thread([s = state_] { s->run(); });
}

line_thread::~line_thread() {
  std::unique_lock lock(state_->mutex);
  const bool written = state_->rest.wait_for(lock, linger_, [this] { return state_->idle(); });
  state_->ended = true;
  const auto given_up = std::exchange(state_->ready, {});
  queues_to_write -= given_up.size();
  state_->work.notify_one();
  lock.unlock();
  written ? thread_.join() : thread_.detach();
}

void line_thread::state::add(std::shared_ptr<line_queue> queue) {
  const std::lock_guard lock(mutex);
  if (ended)
    return;
  ready.push_back(std::move(queue));
  ++queues_to_write;
  work.notify_one();
}

void line_thread::state::run() {
  for (std::unique_lock lock(mutex);;) {
    work.wait(lock, [this] { return !ready.empty() || ended; });
    if (ended)
      return;
    writing = true;
    auto queue = std::move(ready.front());
    ready.pop_front();
    write(std::move(queue), lock);
    writing = false;
    if (idle())
      rest.notify_all();
  }
}

void line_thread::state::write(std::shared_ptr<line_queue> queue, std::unique_lock<std::mutex>& lock) {
  lock.unlock();
  const auto done = queue->write_pending();
  --queues_to_write;
  lock.lock();
  if (!ended)
    queue->account(done);
  lock.unlock();
  queue.reset(); // which may close a file
  lock.lock();
}

bool all_lines_are_written() noexcept { return queues_to_write == 0; }

line_queue::line_queue(const line_thread& by, line_sink to, std::function<void(const std::string&)> failed,
                       std::size_t room)
  : by_(by.state_)
  , to_(std::move(to))
  , failed_(std::move(failed))
  , room_(room) {}

line_queue::result line_queue::push(std::string_view line) {
  std::unique_lock lock(mutex_);
  if (pending_.size() + line.size() + 1 > room_) {
    ++lost_;
    return std::exchange(overflowing_, true) ? result::lost : result::first_lost;
  }
  const bool first = pending_.empty();
  pending_.append(line).push_back('\n');
  lock.unlock();
  if (first)
    by_->add(shared_from_this());
  return result::taken;
}

std::uint64_t line_queue::lost() const {
  const std::lock_guard lock(mutex_);
  return lost_;
}

lines_written line_queue::write_pending() {
  {
    const std::lock_guard lock(mutex_);
    writing_.swap(pending_);
  }
  auto done = to_(writing_);
  writing_.clear();
  if (writing_.capacity() > kept_capacity)
    writing_.shrink_to_fit();
  return done;
}

void line_queue::account(const lines_written& done) {
  {
    const std::lock_guard lock(mutex_);
    lost_ += done.lost;
    if (pending_.empty())
      overflowing_ = false;
  }
  const bool fails = done.lost != 0;
  if (fails && !std::exchange(failing_, true) && failed_)
    failed_(done.error);
  else if (!fails)
    failing_ = false;
}

} // namespace hotslot::daemon
