#include "appearances.hpp"

#include "process/spawn/system.hpp"

#include <boost/asio/query.hpp>

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cstring>

namespace hotslot::process::detail {

namespace asio = boost::asio;

asio::execution_context::id appearances::id;

appearances& appearances::of(const asio::any_io_executor& ex) {
  return asio::use_service<appearances>(asio::query(ex, asio::execution::context));
}

appearances::watch appearances::add(const asio::any_io_executor& ex, const std::filesystem::path& directory,
                                    std::function<void()> appeared) {
  const std::lock_guard lock(mutex_);
  if (!events_) {
    base::unique_fd fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!fd)
      throw_errno("cannot watch " + directory.string());
    events_.emplace(ex, fd.get());
    fd.release();
  }
  const int id = ::inotify_add_watch(events_->native_handle(), directory.c_str(), IN_CREATE | IN_MOVED_TO);
  if (id < 0)
    throw_errno("cannot watch " + directory.string());
  watched_[id] = std::move(appeared);
  wait();
  return watch(*this, id);
}

void appearances::remove(int id) noexcept {
  const std::lock_guard lock(mutex_);
  watched_.erase(id);
  if (!events_)
    return;
  ::inotify_rm_watch(events_->native_handle(), id);
  if (watched_.empty())
    events_.reset(); // which ends the wait
}

void appearances::wait() {
  if (waits_ || watched_.empty())
    return;
  waits_ = true;
  events_->async_wait(asio::posix::stream_descriptor::wait_read,
                      [this](boost::system::error_code) { on_readable(); });
}

void appearances::on_readable() {
  const std::lock_guard lock(mutex_);
  waits_ = false;
  if (!events_)
    return;
  tell_of_events();
  wait();
}

// Too many events at once are told as one that is of no directory.
void appearances::tell_of_events() {
  alignas(inotify_event) std::array<char, 4096> bytes;
  for (ssize_t n = 0; (n = ::read(events_->native_handle(), bytes.data(), bytes.size())) > 0;) {
    for (ssize_t at = 0; at < n;) {
      inotify_event event{};
      std::memcpy(&event, bytes.data() + at, sizeof event);
      at += static_cast<ssize_t>(sizeof event + event.len);
      tell(event);
    }
  }
}

void appearances::tell(const inotify_event& event) {
  if (const auto found = watched_.find(event.wd); found != watched_.end())
    return found->second();
  if ((event.mask & IN_Q_OVERFLOW) != 0)
    for (const auto& [id, appeared] : watched_)
      appeared();
}

void appearances::shutdown() noexcept {
  const std::lock_guard lock(mutex_);
  events_.reset();
  watched_.clear();
}

} // namespace hotslot::process::detail
