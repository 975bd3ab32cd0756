// What happens in a slot queue, for those who want to watch.
#ifndef HOTSLOT_STATS_QUEUE_EVENT_HPP
#define HOTSLOT_STATS_QUEUE_EVENT_HPP

#include <hotslot/errc.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>

namespace hotslot {

/// Why a slot was closed.
enum class eject_reason : std::uint8_t {
  none,
  requested, ///< Through its token.
  idle,      ///< Idle too long.
  gone,      ///< Its worker went away by itself.
  dirty,     ///< Its caller discarded it.
  closed,    ///< With its queue.
  aged,      ///< Lived as long as workers may.
  worn,      ///< Served as many calls as workers may.
  recycled,  ///< Replaced by a younger worker, on request.
  surplus,   ///< More than the scaling policy wants.
  evicted,   ///< For another queue's need.
  unfit,     ///< Its validation, reset or keepalive failed, or took too long.
  detached,  ///< Not closed: its caller has it for good.
};

/// How a slot is looked after between two calls.
enum class slot_task : std::uint8_t { validate, reset, keepalive };
inline constexpr std::size_t slot_task_count = 3;

/// What has happened.
enum class queue_event_kind : std::uint8_t {
  slot_queued,   ///< A worker's slot is new in the queue.
  slot_released, ///< A used slot came back, and is offered anew.
  slot_put_back, ///< A granted, offered or leased slot came back unused; its offer stands.
  slot_idle,     ///< The slot is free and nobody waits, or nobody may have it.
  slot_granted,  ///< The slot goes to `wait`, whom it has not reached yet.
  slot_offered,  ///< The slot is held out to a dequeuer: `wait`, or one that found it idle, where that is 0.
  slot_acquired, ///< A caller has the slot: `wait`, or one that found it idle or offered, where that is 0.
  slot_tended,   ///< The slot is being validated, reset or pinged.
  slot_looked_after, ///< It has been.
  slot_closed,       ///< For `reason`. The last event of its worker.
  wait_begun,        ///< A caller waits; refused ones do, and end at once.
  wait_resumed,      ///< `wait` lost the slot granted to it to an ejection, and waits again in its old place.
  wait_ended,        ///< Without a slot, for `error`.
  start_begun,       ///< A worker is being started.
  start_ended,       ///< It has been, where `error` is none.
  lease_leaked,      ///< The lease of `offer` has been out for too long.
  queue_suspended,   ///< Nobody gets a slot.
  queue_resumed,     ///< They do again.
  queue_closed,
};

/// One step of a queue. Members that a kind does not speak of are 0.
struct queue_event {
  queue_event_kind kind{};
  eject_reason reason = eject_reason::none;
  std::uint64_t worker = 0; ///< The id of the first offer of the worker's slot.
  std::uint64_t offer = 0;  ///< The slot's present offer.
  std::uint64_t wait = 0;   ///< Numbered from 1 by their arrival.
  error_code error = {};
  slot_task task{}; ///< Of a slot that is looked after.
};

/// Told every event of a queue, in their order, under the queue's lock: it must be quick and must not use the
/// queue. The hook of a queue is a type of its traits, so one that is not there costs nothing.
template <class T>
concept queue_hook = std::copy_constructible<T> && requires(T& hook, const queue_event& e) {
  { hook(e) }
  noexcept;
};

/// The hook of queues that nobody watches.
struct no_hook {
  void operator()(const queue_event&) const noexcept {}
};

} // namespace hotslot

#endif
