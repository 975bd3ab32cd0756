// What a queue knows of its slots and its callers, whatever it decides.
#pragma once

#include <hotslot/detail/queue/idle_stack.hpp>
#include <hotslot/detail/queue/launcher_terms.hpp>
#include <hotslot/detail/queue/queue_recorder.hpp>
#include <hotslot/detail/queue/slot_census.hpp>
#include <hotslot/detail/queue/upkeep_book.hpp>

#include <cstdint>

namespace hotslot::detail {

template <queue_hook Hook>
class queue_ledger {
 public:
  launcher_terms& terms() noexcept { return terms_; }
  const launcher_terms& terms() const noexcept { return terms_; }

  bool closed() const noexcept { return closed_; }
  bool suspended() const noexcept { return suspended_; }
  std::uint64_t idle() const noexcept { return idle_.size(); }
  std::uint64_t reserving() const noexcept { return resource_waiters_; }
  std::uint64_t starting() const noexcept { return record_.count(queue_state::starter); }
  std::uint64_t waiting() const noexcept { return record_.count(queue_state::waiter); }
  /// Those who wait for a worker, and not for the end of a suspension.
  std::uint64_t wanting() const noexcept { return suspended_ ? 0 : waiting(); }
  std::uint64_t live() const noexcept { return census_.live(); }
  /// Live slots and those whose `close()` has not returned.
  std::uint64_t present() const noexcept { return census_.live() + census_.closing(); }
  /// Workers that are being started or wait for resources.
  std::uint64_t under_way() const noexcept { return record_.count(queue_state::starter) + resource_waiters_; }
  bool is_idle() const noexcept { return record_.is_idle() && resource_waiters_ == 0; }
  idle_stack& idle_slots() noexcept { return idle_; }
  const idle_stack& idle_slots() const noexcept { return idle_; }
  std::uint64_t tended(slot_task t) const noexcept { return upkeep_.count(t); }
  bool validates() const noexcept { return upkeep_.validates(); }
  /// Slots that are idle, or will be as soon as they are looked after.
  std::uint64_t spare() const noexcept { return idle_.size() + upkeep_.count(); }
  bool has_had_slots() const noexcept { return next_id_ != 0; }
  bool watches_leases() const noexcept { return watches_leases_; }
  const slot_census& census() const noexcept { return census_; }
  /// When the oldest idle slot became idle; the epoch's end where there is none.
  timestamp oldest_idle() const noexcept {
    return idle_.empty() ? timestamp::max() : idle_.oldest().idle_since;
  }

  queue_snapshot snapshot() const noexcept {
    queue_snapshot s;
    record_.write_to(s);
    s.idle = idle_.size();
    s.resource_waiters = resource_waiters_;
    s.max_workers = terms_.max_workers();
    s.suspended = suspended_;
    s.validating = upkeep_.count(slot_task::validate);
    s.resetting = upkeep_.count(slot_task::reset);
    s.pinged = upkeep_.count(slot_task::keepalive);
    return s;
  }
  queue_histograms histograms() const noexcept { return record_.histograms(); }

  // Workers being started

  void enter_starting(std::uint64_t n) noexcept {
    for (; n != 0; --n) {
      record_.enter(queue_state::starter);
      record_.tell({.kind = queue_event_kind::start_begun});
    }
  }
  void enter_reserving(std::uint64_t n) noexcept { resource_waiters_ += n; }
  /// A start has made a worker; `counted`: until now it was counted as a start.
  void launched(timestamp took, bool counted) noexcept {
    ++record_.totals.launched;
    record_.started(took);
    if (!counted)
      return;
    record_.leave(queue_state::starter);
    record_.tell({.kind = queue_event_kind::start_ended});
  }

 protected:
  explicit queue_ledger(const Hook& hook)
    : record_(hook) {}
  queue_ledger(const queue_ledger&) = delete;
  queue_ledger& operator=(const queue_ledger&) = delete;
  ~queue_ledger() = default;

  /// What those wait for that do not get a slot. Where there is no worker, there is no call that could end.
  wait_cause cause_of_unserved() const noexcept {
    if (resource_waiters_ != 0)
      return wait_cause::resources;
    return record_.count(queue_state::starter) != 0 || live() == 0 ? wait_cause::start : wait_cause::call;
  }

  // What the check-out of an idle slot needs comes first: it is in the same few cache lines.
  idle_stack idle_;
  std::uint64_t next_id_ = 0;
  bool closed_ = false;
  bool suspended_ = false;
  bool watches_leases_ = false;
  upkeep_book upkeep_;
  launcher_terms terms_;
  queue_recorder<Hook> record_;
  slot_census census_;
  std::uint64_t resource_waiters_ = 0;
};

} // namespace hotslot::detail
