// What is kept and told of what happens in a slot queue.
#pragma once

#include <hotslot/detail/queue/latency_books.hpp>
#include <hotslot/detail/queue/queue_nodes.hpp>
#include <hotslot/detail/queue/slot_stats.hpp>
#include <hotslot/stats/queue_event.hpp>
#include <hotslot/stats/snapshot.hpp>

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace hotslot::detail {

/// States, latencies and totals of one queue, and its hook.
template <queue_hook Hook>
class queue_recorder {
 public:
  static constexpr bool is_hooked = !std::is_same_v<Hook, no_hook>;

  /// Workers are numbered only for those who are told of them.
  using slot_type = std::conditional_t<is_hooked, numbered_slot_node, slot_node>;

  explicit queue_recorder(const Hook& hook)
    : hook_(hook) {}

  queue_totals totals;

  // States

  std::uint64_t count(queue_state s) const noexcept { return stats_.count(s); }
  timestamp latency(queue_state s) const noexcept { return stats_.latency(s); }
  bool is_idle() const noexcept { return stats_.is_idle(); }
  void enter(queue_state s) noexcept { stats_.enter(s); }
  void leave(queue_state s) noexcept {
    [[maybe_unused]] const bool was_in = stats_.exit(s);
    assert(was_in);
  }
  void write_to(queue_snapshot& out) const noexcept {
    stats_.write_to(out);
    out.busy = stats_.count(queue_state::runner);
    out.totals = totals;
  }

  // Latencies

  void expect_runs() noexcept { latencies_.expect_runs(); }
  void served_at_once() noexcept {
    stats_.record_latency(queue_state::waiter, {});
    latencies_.count_immediate();
  }
  void served(wait_cause cause, timestamp waited) noexcept {
    stats_.record_latency(queue_state::waiter, waited);
    unserved(cause, waited);
  }
  /// A slot reaches whoever has waited for it.
  void delivered(const wait_node& w) noexcept {
    const wait_cause cause = w.slot->origin;
    w.slot->origin = wait_cause::call;
    if (w.waited)
      served(cause, w.granted_at - w.since);
    else if (w.kind == wait_node::kind_type::acquire)
      served_at_once();
  }
  /// A wait that ended by its deadline.
  void unserved(wait_cause cause, timestamp waited) noexcept { latencies_.record_wait(cause, waited); }
  void ran(timestamp run) noexcept {
    stats_.record_latency(queue_state::runner, run);
    latencies_.record_run(run);
  }
  void started(timestamp took) noexcept {
    stats_.record_latency(queue_state::starter, took);
    latencies_.record_start(took);
  }
  queue_histograms histograms() const noexcept { return latencies_.copy(); }

  // Events

  void number([[maybe_unused]] slot_type& s, [[maybe_unused]] std::uint64_t worker) noexcept {
    if constexpr (is_hooked)
      s.worker = worker;
  }
  void tell(queue_event e) noexcept {
    if constexpr (is_hooked)
      hook_(e);
  }
  void tell([[maybe_unused]] queue_event e, [[maybe_unused]] const slot_node& s) noexcept {
    if constexpr (is_hooked) {
      e.worker = static_cast<const slot_type&>(s).worker;
      e.offer = s.id;
      hook_(e);
    }
  }
  void tell(queue_event_kind kind, const slot_node& s, std::uint64_t wait = 0) noexcept {
    tell({.kind = kind, .wait = wait}, s);
  }

 private:
  slot_stats stats_;
  latency_books latencies_;
  [[no_unique_address]] Hook hook_;
};

} // namespace hotslot::detail
