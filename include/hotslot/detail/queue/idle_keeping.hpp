// What becomes of idle slots that nobody asks for.
#pragma once

#include <hotslot/detail/queue/queue_nodes.hpp>

#include <cstdint>

namespace hotslot::detail {

/// Closes idle slots of the queue, oldest first, that have been idle since `cutoff` or longer, as long as
/// more than `keep` are live.
template <class Core>
void eject_idle(Core& core, timestamp cutoff, std::uint64_t keep, queue_actions& out) noexcept {
  while (core.idle() != 0 && core.oldest_idle() <= cutoff && core.live() > keep)
    core.eject(core.idle_slots().oldest(), eject_reason::idle, out);
}

/// Closes up to `n` idle slots, oldest first, as long as more than `keep` are live.
template <class Core>
void eject_surplus(Core& core, std::uint64_t n, std::uint64_t keep, queue_actions& out) noexcept {
  for (; n != 0 && core.idle() != 0 && core.live() > keep; --n)
    core.eject(core.idle_slots().oldest(), eject_reason::surplus, out);
}

/// Closes the idle slots of which `unwanted` says so, oldest first. Returns how many.
template <class Core, class Predicate>
std::uint64_t eject_if(Core& core, Predicate&& unwanted, queue_actions& out) {
  std::uint64_t n = 0;
  core.idle_slots().visit_oldest([&](slot_node& s) {
    if (unwanted(s)) {
      core.eject(s, eject_reason::requested, out);
      ++n;
    }
    return true;
  });
  return n;
}

/// Sees to it that no more than `most` slots live, as far as they were launched: closes idle ones, oldest
/// first, and the others when they come back from their calls.
template <class Core>
void shrink_to(Core& core, std::uint64_t most, queue_actions& out) noexcept {
  for (auto* s = core.idle_slots().oldest_launched(); s && core.live() > most;
       s = core.idle_slots().oldest_launched())
    core.eject(*s, eject_reason::surplus, out);
  core.terms().end_surplus(core.live() > most ? core.live() - most : 0);
}

/// The launched slot that has been idle longest, offered to whoever wants to end it; null where no more than
/// `keep` are idle.
template <class Core>
slot_node* claim_oldest(Core& core, std::uint64_t keep) noexcept {
  slot_node* const s = core.idle() > keep ? core.idle_slots().oldest_launched() : nullptr;
  if (s)
    core.offer(*s);
  return s;
}

/// Calls `pause` with each idle slot that is not paused and has been idle since `cutoff` or longer, oldest
/// first. Returns since when the next one has been idle that is not paused; the epoch's end where none is.
template <class Core, class Pause>
timestamp pause_idle(Core& core, timestamp cutoff, Pause&& pause) noexcept {
  timestamp next = timestamp::max();
  core.idle_slots().visit_oldest([&](slot_node& s) {
    if (s.paused)
      return true;
    if (s.idle_since > cutoff) {
      next = s.idle_since;
      return false;
    }
    pause(s);
    s.paused = true;
    return true;
  });
  return next;
}

} // namespace hotslot::detail
