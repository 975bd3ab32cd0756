// The cancellation contract as a table. The tests take their cells from it, docs/contract.md quotes it.
#ifndef HOTSLOT_TEST_ASIO_CANCELLATION_TABLE_HPP
#define HOTSLOT_TEST_ASIO_CANCELLATION_TABLE_HPP

#include <array>
#include <initializer_list>
#include <string>

namespace cancellation {

enum class operation { acquire, ticket_acquire, acquire_awaitable, next, wait, wait_closed, drain };
enum class phase { before, waiting, granted, delivered };
enum class cause { signal, none_signal, queue_cancel, dequeuer_cancel, queue_close, deadline };

/// What the operation ends with.
enum class caller { aborted, queue_closed, deadline_exceeded, empty_offer, wanted, waits_on };
/// What becomes of the queue and the slot.
enum class aftermath { never_there, passed_on, taken, closed, unaffected };

inline constexpr std::array operations{
    operation::acquire, operation::ticket_acquire, operation::acquire_awaitable,
    operation::next,    operation::wait,           operation::wait_closed,
    operation::drain};
inline constexpr std::array phases{phase::before, phase::waiting, phase::granted, phase::delivered};
inline constexpr std::array causes{cause::signal,          cause::none_signal, cause::queue_cancel,
                                   cause::dequeuer_cancel, cause::queue_close, cause::deadline};

/// A set of the values of one enumeration.
template <class Enum>
class set_of {
 public:
  constexpr set_of(std::initializer_list<Enum> members) {
    for (Enum m : members)
      bits_ |= bit(m);
  }
  constexpr bool has(Enum m) const { return bits_ & bit(m); }

 private:
  static constexpr unsigned bit(Enum m) { return 1U << static_cast<unsigned>(m); }
  unsigned bits_ = 0;
};

inline constexpr set_of slots{operation::acquire, operation::ticket_acquire, operation::acquire_awaitable,
                              operation::next};
inline constexpr set_of acquisitions{operation::acquire, operation::ticket_acquire,
                                     operation::acquire_awaitable};
inline constexpr set_of next{operation::next};
inline constexpr set_of watches{operation::wait, operation::wait_closed};
inline constexpr set_of drain{operation::drain};
inline constexpr set_of watches_and_drain{operation::wait, operation::wait_closed, operation::drain};

struct row {
  cause by;
  set_of<operation> of;
  set_of<phase> when;
  caller outcome;
  aftermath left;

  constexpr bool is_for(operation o, phase p, cause c) const { return of.has(o) && when.has(p) && by == c; }
};

// clang-format off
inline constexpr std::array rows{
  row{cause::signal, slots, {phase::before, phase::waiting}, caller::aborted, aftermath::never_there},
  row{cause::signal, slots, {phase::granted}, caller::aborted, aftermath::passed_on},
  row{cause::signal, slots, {phase::delivered}, caller::wanted, aftermath::taken},
  row{cause::signal, watches_and_drain, {phase::before, phase::waiting}, caller::aborted, aftermath::unaffected},
  row{cause::signal, watches_and_drain, {phase::granted, phase::delivered}, caller::wanted, aftermath::unaffected},

  row{cause::none_signal, slots, {phase::waiting}, caller::waits_on, aftermath::unaffected},
  row{cause::none_signal, slots, {phase::before, phase::granted, phase::delivered}, caller::wanted, aftermath::taken},
  row{cause::none_signal, watches_and_drain, {phase::before, phase::waiting}, caller::waits_on, aftermath::unaffected},
  row{cause::none_signal, watches_and_drain, {phase::granted, phase::delivered}, caller::wanted, aftermath::unaffected},

  row{cause::queue_cancel, slots, {phase::waiting}, caller::aborted, aftermath::never_there},
  row{cause::queue_cancel, slots, {phase::before, phase::granted, phase::delivered}, caller::wanted, aftermath::taken},
  row{cause::queue_cancel, watches_and_drain, {phase::before, phase::waiting}, caller::waits_on, aftermath::unaffected},
  row{cause::queue_cancel, watches_and_drain, {phase::granted, phase::delivered}, caller::wanted, aftermath::unaffected},

  row{cause::dequeuer_cancel, next, {phase::before, phase::waiting}, caller::empty_offer, aftermath::never_there},
  row{cause::dequeuer_cancel, next, {phase::granted}, caller::empty_offer, aftermath::passed_on},
  row{cause::dequeuer_cancel, next, {phase::delivered}, caller::wanted, aftermath::taken},

  row{cause::queue_close, slots, {phase::before, phase::waiting, phase::granted}, caller::queue_closed, aftermath::closed},
  row{cause::queue_close, slots, {phase::delivered}, caller::wanted, aftermath::closed},
  row{cause::queue_close, watches_and_drain, {phase::before, phase::waiting, phase::granted, phase::delivered}, caller::wanted, aftermath::closed},

  row{cause::deadline, acquisitions, {phase::waiting}, caller::deadline_exceeded, aftermath::never_there},
  row{cause::deadline, acquisitions, {phase::before, phase::granted, phase::delivered}, caller::wanted, aftermath::taken},
  row{cause::deadline, drain, {phase::before, phase::waiting}, caller::deadline_exceeded, aftermath::unaffected},
  row{cause::deadline, drain, {phase::granted, phase::delivered}, caller::wanted, aftermath::unaffected},
};
// clang-format on

// In words, for the document and for what a failed test says.

constexpr const char* text(operation o) {
  constexpr std::array words{"`async_acquire`", "ticket `async_acquire`", "`acquire()`",  "`next()`",
                             "`async_wait`",    "`async_wait_closed`",    "`async_drain`"};
  return words[static_cast<std::size_t>(o)];
}
constexpr const char* text(phase p) {
  constexpr std::array words{"before start", "waiting", "granted", "delivered"};
  return words[static_cast<std::size_t>(p)];
}
constexpr const char* text(cause c) {
  constexpr std::array words{"a signal",         "a signal of type `none`",
                             "`queue.cancel()`", "`dequeuer.cancel()`",
                             "`queue.close()`",  "the deadline"};
  return words[static_cast<std::size_t>(c)];
}
constexpr const char* text(caller c) {
  constexpr std::array words{"`operation_aborted`", "`errc::queue_closed`", "`errc::deadline_exceeded`",
                             "an empty offer",      "what it waited for",   "nothing yet: it waits on"};
  return words[static_cast<std::size_t>(c)];
}
constexpr const char* text(aftermath s) {
  constexpr std::array words{
      "as if the caller had never been there",
      "the slot goes to the next waiter, else back to its place: same id, same idle age",
      "the slot is the caller's",
      "closed: free and granted slots at once, those of callers when they come back",
      "unaffected",
  };
  return words[static_cast<std::size_t>(s)];
}

template <class Enum, std::size_t N>
std::string join(const std::array<Enum, N>& all, const set_of<Enum>& some) {
  std::string joined;
  for (Enum e : all)
    if (some.has(e))
      joined += (joined.empty() ? "" : ", ") + std::string(text(e));
  return joined;
}

inline std::string markdown(const row& r) {
  return std::string("| ") + text(r.by) + " | " + join(operations, r.of) + " | " + join(phases, r.when) +
         " | " + text(r.outcome) + " | " + text(r.left) + " |";
}

} // namespace cancellation

#endif
