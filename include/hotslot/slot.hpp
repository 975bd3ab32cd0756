// What a slot is, and what becomes of one.
#ifndef HOTSLOT_SLOT_HPP
#define HOTSLOT_SLOT_HPP

#include <concepts>
#include <cstdint>

namespace hotslot {

/// The right to run one call on a worker. `close()` ends the worker; it is called exactly once, unless the
/// slot is detached, from whichever thread finds out that the slot is no longer wanted, without any lock of
/// hotslot's held; right after it the slot is destroyed. No two threads touch a slot at a time.
template <class T>
concept slot = std::move_constructible<T> && std::destructible<T> && requires(T& s) {
  { s.close() }
  noexcept;
};

/// A slot whose worker can be put to sleep while it is idle: `pause()` under the queue's lock, so that it has
/// to be quick and must not use the queue; `resume()` before the next caller gets it. A paused slot may be
/// closed.
template <class T>
concept pausable_slot = slot<T> && requires(T& s) {
  { s.pause() }
  noexcept;
  { s.resume() }
  noexcept;
};

/// What became of an offered slot.
enum class slot_fate : std::uint8_t {
  acquired, ///< A caller has it.
  ejected,  ///< It was closed: idle too long, ejected, discarded, or its worker went away.
  closed,   ///< It was closed with its queue.
  detached, ///< Its caller has taken it out of the queue.
};

/// What a caller says of the worker when it gives a lease back.
enum class worker_condition : std::uint8_t {
  clean, ///< Fit for the next call.
  dirty, ///< Its call was cut off or broke the protocol; it is closed and never offered again.
};

} // namespace hotslot

#endif
