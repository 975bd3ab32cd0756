// What a launcher asks of its queue.
#pragma once

#include <hotslot/detail/queue/queue_nodes.hpp>
#include <hotslot/launch_failure.hpp>

#include <cstdint>
#include <memory>
#include <utility>

namespace hotslot::detail {

/// When it is to be woken, which slots are not to be used again, which waits are refused.
class launcher_terms {
 public:
  /// Whether it has to know of waits that begin and end. Not where it has no room for a worker.
  void watch_waits(bool yes) noexcept { waits_matter_ = yes; }
  bool waits_matter() const noexcept { return waits_matter_; }

  /// It has to know of the next slot that becomes idle.
  void watch_idle() noexcept { idle_matters_ = true; }
  bool seen_idle() noexcept { return std::exchange(idle_matters_, false); }

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
  /// Why a slot that comes back from a call, clean, is not to be used again.
  eject_reason end_after_call(const slot_node& s) noexcept {
    if (max_calls_ != 0 && s.calls >= max_calls_)
      return eject_reason::worn;
    if (surrender_ == 0 || !s.launched)
      return eject_reason::none;
    --surrender_;
    return eject_reason::evicted;
  }

  /// From now on waits are refused with `why` while there is no worker; none where that is no error.
  void refuse_waits(error_code why) noexcept { refusal_ = why; }
  const error_code& refusal() const noexcept { return refusal_; }

  /// What callers are told who got no slot; null after a success.
  void tell_failure(std::shared_ptr<const launch_failure> f) noexcept { failure_.swap(f); }
  const std::shared_ptr<const launch_failure>& last_failure() const noexcept { return failure_; }

 private:
  bool waits_matter_ = true;
  bool idle_matters_ = false;
  std::uint32_t max_calls_ = 0;
  std::uint64_t minimum_ = 0;
  std::uint64_t surrender_ = 0;
  error_code refusal_;
  std::shared_ptr<const launch_failure> failure_;
};

} // namespace hotslot::detail
