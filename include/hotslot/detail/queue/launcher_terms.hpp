// What a launcher asks of its queue.
#pragma once

#include <hotslot/detail/queue/queue_nodes.hpp>
#include <hotslot/launch_failure.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>

namespace hotslot::detail {

/// When it is to be woken, which slots are not to be used again, which waits are refused.
class launcher_terms {
  static constexpr std::uint64_t no_bound = std::numeric_limits<std::uint64_t>::max();

 public:
  /// Whether it has to know of waits that begin and end. Not where it has no room for a worker.
  void watch_waits(bool yes) noexcept { waits_matter_ = yes; }
  bool waits_matter() const noexcept { return waits_matter_; }

  /// It has to know, once, when more than `n` are idle.
  void watch_idle_above(std::uint64_t n) noexcept { most_idle_ = std::min(most_idle_, n); }
  bool seen_idle(std::uint64_t idle) noexcept {
    if (idle <= most_idle_) [[likely]]
      return false;
    most_idle_ = no_bound;
    return true;
  }

  /// It has to know, once, of a slot whose `close()` has returned.
  void watch_closing() noexcept { closing_matters_ = true; }
  bool seen_closed() noexcept { return std::exchange(closing_matters_, false); }

  /// It has to know, once, when a caller leaves fewer than `n` idle.
  void watch_minimum(std::uint64_t n) noexcept { minimum_ = n; }
  bool missed_minimum(std::uint64_t idle) noexcept {
    if (idle >= minimum_) [[likely]]
      return false;
    minimum_ = 0;
    return true;
  }

  /// A worker that has served `n` calls is closed when it comes back; 0 for no bound.
  void limit_calls(std::uint32_t n) noexcept { max_calls_ = n; }
  /// The next `n` launched slots that come back from a call are closed, whoever waits.
  void surrender(std::uint64_t n) noexcept { surrender_ = n; }
  std::uint64_t surrendering() const noexcept { return surrender_; }
  /// The next `n` launched slots that come back from a call are too many.
  void end_surplus(std::uint64_t n) noexcept { surplus_ = n; }
  /// Why a slot that comes back from a call, clean, is not to be used again.
  eject_reason end_after_call(const slot_node& s) noexcept {
    if (max_calls_ != 0 && s.calls >= max_calls_)
      return eject_reason::worn;
    if (s.launched && surplus_ != 0)
      return --surplus_, eject_reason::surplus;
    if (s.launched && surrender_ != 0)
      return --surrender_, eject_reason::evicted;
    return eject_reason::none;
  }

  /// What starts may be begun for callers that come, beside those under way.
  struct permission {
    std::uint64_t workers = no_bound; ///< There may be so many.
    std::uint64_t starts = 0;
    std::uint64_t resources = no_bound; ///< Are there for so many.
  };
  void permit(const permission& p) noexcept { permission_ = p; }
  /// The most that a launcher starts; the greatest number where there is no bound.
  std::uint64_t max_workers() const noexcept { return permission_.workers; }
  /// How many, where so many workers are there or under way. Where resources are short, idle workers of
  /// others may go for the first that waits for them.
  std::uint64_t startable(std::uint64_t there, std::uint64_t reserving) const noexcept {
    const std::uint64_t room = permission_.workers > there ? permission_.workers - there : 0;
    return std::min(
        {room, permission_.starts, std::max<std::uint64_t>(permission_.resources, reserving == 0)});
  }

  /// From now on waits are refused with `why` while there is no worker; none where that is no error.
  void refuse_waits(error_code why) noexcept { refusal_ = why; }
  const error_code& refusal() const noexcept { return refusal_; }

  /// What callers are told who got no slot; null after a success.
  void tell_failure(std::shared_ptr<const launch_failure> f) noexcept { failure_.swap(f); }
  const std::shared_ptr<const launch_failure>& last_failure() const noexcept { return failure_; }

 private:
  bool waits_matter_ = true;
  bool closing_matters_ = false;
  std::uint32_t max_calls_ = 0;
  std::uint64_t most_idle_ = no_bound;
  std::uint64_t minimum_ = 0;
  std::uint64_t surrender_ = 0;
  std::uint64_t surplus_ = 0;
  permission permission_;
  error_code refusal_;
  std::shared_ptr<const launch_failure> failure_;
};

} // namespace hotslot::detail
