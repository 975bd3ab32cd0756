// Calls that were accepted and run later: who waits, how many may, and what becomes of them at the end.
#pragma once

#include "daemon/config/server_limits.hpp"
#include "daemon/log/log.hpp"

#include <hotslot/stats/snapshot.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace hotslot::daemon {

namespace asio = boost::asio;

enum class detached_outcome { succeeded, failed, lost };

/// One call, with all that it needs.
class detached_job {
 public:
  virtual ~detached_job() = default;
  virtual const std::string& id() const noexcept = 0;
  /// Runs on a strand of its own. Cancellation: terminal, after which it is lost.
  virtual asio::awaitable<detached_outcome> run() = 0;
};

/// The calls of one function: kept as long as the function is configured, whatever else changes about it.
class detached_line {
 public:
  detached_line(std::string app, std::string fn)
    : app_(std::move(app))
    , fn_(std::move(fn)) {}

 private:
  friend class detached_queue;

  struct entry {
    std::unique_ptr<detached_job> job;
    std::uint64_t bytes = 0;
  };

  const std::string app_;
  const std::string fn_;
  // Guarded by the mutex of `detached_queue`.
  std::deque<entry> waiting_; ///< Oldest first.
  std::size_t runners_ = 0;
  detached_counts counts_;
};

/// All lines of the server, with one bound on how many calls may wait and how much their bodies may hold.
/// Each line has up to so many coroutines at work as its function may have workers, each on a strand of its
/// own, which take the oldest call and run it: so a thousand calls are not a thousand waits for a worker.
///
/// Thread safety: a shared object is safe. Lifetime: held by whoever may have a place, and by its coroutines.
class detached_queue : public std::enable_shared_from_this<detached_queue> {
 public:
  /// Room for one call that is being read, given back where it is destroyed before `enter`.
  class place;

  detached_queue(asio::any_io_executor executor, const detached_limits& limits, const logger& log);
  detached_queue(const detached_queue&) = delete;
  detached_queue& operator=(const detached_queue&) = delete;

  /// Calls that wait already stay.
  void set_limits(const detached_limits& limits);
  detached_limits limits() const;

  /// Nothing where there is no room, which is counted.
  std::optional<place> reserve(std::shared_ptr<detached_line> line, std::uint64_t bytes);

  /// Has `job` run in its turn. `at_once` of its line run at the same time. False where a drain has ended
  /// since its place was reserved, which is counted.
  [[nodiscard]] bool enter(place&& at, std::unique_ptr<detached_job> job, std::size_t at_once);

  detached_counts counts(const detached_line& line) const;

  /// Completes when no call waits or runs, at the latest a moment after `until`: what is left then is lost,
  /// and told in the log by id. Nothing is accepted any more then.
  asio::awaitable<void> async_drain(std::chrono::steady_clock::time_point until);

  /// Ends a drain at once.
  void cut();

 private:
  struct runner;
  using clock = std::chrono::steady_clock;

  static asio::awaitable<void> work(std::shared_ptr<runner> r);
  asio::awaitable<detached_outcome> run(detached_job& job);
  std::optional<detached_line::entry> take(detached_line& line);
  void settle(detached_line& line, std::uint64_t bytes, detached_outcome outcome);
  void start(std::shared_ptr<runner> r);
  void left(const std::shared_ptr<runner>& r);
  void tell_lost(const detached_line& line, const std::string& id) const;
  bool grow(const std::shared_ptr<detached_line>& line, std::uint64_t bytes);
  void give_back(std::uint64_t bytes) noexcept;
  asio::awaitable<void> drain(clock::time_point until);
  asio::awaitable<void> wait_for_end(clock::time_point until, bool may_be_cut);
  bool is_empty() const;
  void lose_all();

  const asio::any_io_executor executor_;
  const asio::strand<asio::any_io_executor> strand_;
  const logger& log_;

  mutable std::mutex mutex_;
  detached_limits limits_;
  std::uint64_t places_ = 0; ///< Taken: calls that are being read, or wait.
  std::uint64_t bytes_ = 0;  ///< Of those, and of the ones that run.
  std::set<std::shared_ptr<runner>> runners_;
  bool draining_ = false;
  bool stopped_ = false;

  asio::steady_timer changed_; ///< On the strand, waited on by a drain.
  bool cut_ = false;           ///< On the strand.
};

class detached_queue::place {
 public:
  place(place&& other) noexcept
    : calls_(std::move(other.calls_))
    , line_(std::move(other.line_))
    , bytes_(other.bytes_) {}
  place& operator=(place&&) = delete;
  ~place() {
    if (calls_)
      calls_->give_back(bytes_);
  }

  /// False where there is no room for so much more, which is counted.
  bool grow(std::uint64_t bytes) {
    const bool grown = calls_->grow(line_, bytes);
    bytes_ += grown ? bytes : 0;
    return grown;
  }

 private:
  friend class detached_queue;
  place(std::shared_ptr<detached_queue> calls, std::shared_ptr<detached_line> line, std::uint64_t bytes)
    : calls_(std::move(calls))
    , line_(std::move(line))
    , bytes_(bytes) {}

  std::shared_ptr<detached_queue> calls_;
  std::shared_ptr<detached_line> line_;
  std::uint64_t bytes_;
};

} // namespace hotslot::daemon
