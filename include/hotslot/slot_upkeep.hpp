// What is done with slots between calls.
#ifndef HOTSLOT_SLOT_UPKEEP_HPP
#define HOTSLOT_SLOT_UPKEEP_HPP

#include <hotslot/slot.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <functional>

namespace hotslot {

namespace asio = boost::asio;

/// Callables that look after the slots of one queue; what is absent costs nothing. See
/// `basic_slot_queue::set_upkeep`.
///
/// Executor: those that are awaited run on a strand of their own on the queue's executor, one at a time for a
/// slot, which nobody else has meanwhile; `on_acquire` and `on_release` on the thread of the caller, without
/// a lock, and may use the queue. Cancellation: one that takes longer than its timeout gets a terminal
/// signal, and is not waited for; its slot is closed when it has come to its end. One that throws has failed.
template <slot Slot, class Executor = asio::any_io_executor>
struct slot_upkeep {
  /// Whether a slot that has been idle for `validate_after` or longer is still fit. It is asked before a
  /// caller gets the slot, where that did not wait for the slot to be made; while it is, the caller waits,
  /// within its deadline. A slot that is not fit is closed, and the next one is looked at.
  std::function<asio::awaitable<bool, Executor>(Slot&)> validate = {};
  std::chrono::nanoseconds validate_after = std::chrono::milliseconds(500);
  std::chrono::nanoseconds validate_timeout = std::chrono::seconds(5);

  /// Makes a slot fit for the next call, each time that it comes back clean. Where it fails, the slot is
  /// closed.
  std::function<asio::awaitable<void, Executor>(Slot&)> reset = {};
  std::chrono::nanoseconds reset_timeout = std::chrono::seconds(5);

  /// Keeps an idle slot alive: awaited for each slot that has been idle for `keepalive_interval` (1 ms at
  /// least), and then
  /// again and again, each time up to `keepalive_jitter_percent` earlier; for no more than
  /// `keepalive_at_once` of them at a time, and for none while a caller waits. Where it fails, the slot is
  /// closed. Does not count as use. Needs a launcher, which says when.
  std::function<asio::awaitable<void, Executor>(Slot&)> keepalive = {};
  std::chrono::nanoseconds keepalive_interval = std::chrono::minutes(2);
  std::chrono::nanoseconds keepalive_timeout = std::chrono::seconds(5);
  std::uint32_t keepalive_jitter_percent = 10;
  std::uint64_t keepalive_at_once = 1;

  /// Told of each slot that a caller gets, before the caller has it, and of each that comes back, used or
  /// not, but not of one that is detached. They do not throw. As all callables here they live as long as the
  /// queue, so they must not hold a handle on it.
  std::function<void(Slot&)> on_acquire = {};
  std::function<void(Slot&, worker_condition)> on_release = {};
};

} // namespace hotslot

#endif
