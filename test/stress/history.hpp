// What the threads of a round did to a queue, and what the queue said of it.
#ifndef HOTSLOT_TEST_STRESS_HISTORY_HPP
#define HOTSLOT_TEST_STRESS_HISTORY_HPP

#include <hotslot/stats/queue_event.hpp>

#include <atomic>
#include <cstdint>
#include <vector>

namespace hotslot::stress {

using stamp = std::uint64_t;

/// The clock of all threads: no two stamps are the same, and what happens after has the later one.
inline stamp tick() noexcept {
  static std::atomic<stamp> ticks{0};
  return ++ticks;
}

enum class call : std::uint8_t {
  queue_slot,
  try_acquire,
  async_acquire,
  release,
  discard,
  put_back,
  eject,
  retire,
  next,
  accept,
  decline,
  cancel,
  signal,
  snapshot,
  close,
  drain,
};

struct counts {
  std::uint64_t idle = 0;
  std::uint64_t busy = 0;
  std::uint64_t waiting = 0;
  std::uint64_t acquired = 0;
  bool operator==(const counts&) const = default;
};

/// One operation as its caller saw it, known by the stamp of its invocation. A slot is known by the operation
/// that queued it.
struct operation {
  call what{};
  stamp begun = 0;
  stamp ended = 0;
  stamp of = 0;               ///< The operation that acquired the lease, or is signalled.
  stamp slot = 0;             ///< That was acquired; 0 where nobody looked.
  std::uint64_t offer = 0;    ///< That was made, taken, dropped or ejected.
  bool got = false;           ///< Whether there was a slot, or an ejection.
  const char* flaw = nullptr; ///< What was wrong at first sight.
  error_code error{};
  counts seen{};
};

/// An event as the hook was told it.
struct witness {
  stamp at = 0;
  stamp section = 0; ///< When the lock was taken under which it happened.
  stamp by = 0;      ///< The operation whose function ran; 0 for completions and timers.
  queue_event event;
};

struct closing {
  stamp slot = 0;
  stamp at = 0;
};

/// Each thread writes one of its own.
struct history {
  std::vector<stamp> started; ///< Asynchronous operations.
  std::vector<operation> operations;
  std::vector<witness> events;
  std::vector<closing> closings;

  void append(const history& other);
};

/// In the order of their stamps.
void sort(history& h);

} // namespace hotslot::stress

#endif
