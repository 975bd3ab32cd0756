// Lines on their way to what may block: a bounded queue, and a thread that empties it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace hotslot::daemon {

class line_queue;

/// What became of lines.
struct lines_written {
  std::size_t lost = 0;
  std::string error = {}; ///< Why, where some were.
};

/// Writes whole lines, each with its end. May block.
using line_sink = std::function<lines_written(std::string_view lines)>;

/// To a descriptor, until it has taken all of it or fails.
lines_written write_lines(int fd, std::string_view lines);

/// Writes for any number of queues, one after another.
///
/// Thread safety: all of it. Lifetime: its queues keep what they need of it. What cannot be written in
/// `linger` after its end is given up: whoever holds the thread up then, does so until the process ends.
class line_thread {
 public:
  explicit line_thread(std::chrono::milliseconds linger = std::chrono::seconds(2));
  ~line_thread();
  line_thread(const line_thread&) = delete;
  line_thread& operator=(const line_thread&) = delete;

 private:
  friend class line_queue;

  struct state {
    std::mutex mutex;
    std::condition_variable work;
    std::condition_variable rest;
    std::deque<std::shared_ptr<line_queue>> ready;
    bool writing = false;
    bool ended = false;

    bool idle() const { return ready.empty() && !writing; }
    void add(std::shared_ptr<line_queue> queue);
    void write(std::shared_ptr<line_queue> queue, std::unique_lock<std::mutex>& lock);
    void run();
  };

  const std::chrono::milliseconds linger_;
  const std::shared_ptr<state> state_;
  std::thread thread_;
};

/// Whether no queue of the process has lines that its thread still has to write. Async-signal-safe.
bool all_lines_are_written() noexcept;

/// Lines that find no room are lost, and counted; so are those that could not be written.
///
/// Thread safety: all of it.
class line_queue : public std::enable_shared_from_this<line_queue> {
 public:
  static constexpr std::size_t default_room = 8u << 20;

  /// `failed` is told, on the thread, when lines begin to fail, and only as long as `by` lives.
  line_queue(const line_thread& by, line_sink to, std::function<void(const std::string&)> failed = nullptr,
             std::size_t room = default_room);

  enum class result {
    taken,
    lost,
    first_lost, ///< The first since all was written.
  };

  /// Adds the line's end. Never waits for what is being written.
  result push(std::string_view line);

  std::uint64_t lost() const;

 private:
  friend class line_thread;

  lines_written write_pending();
  void account(const lines_written& done);

  const std::shared_ptr<line_thread::state> by_;
  const line_sink to_;
  const std::function<void(const std::string&)> failed_;
  const std::size_t room_;

  std::string writing_; ///< On the thread.
  bool failing_ = false;

  mutable std::mutex mutex_;
  std::string pending_;
  bool overflowing_ = false;
  std::uint64_t lost_ = 0;
};

} // namespace hotslot::daemon
