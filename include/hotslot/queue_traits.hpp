// What a queue is built upon beside its executor: a clock, a timer for it, a mutex, a hook.
#ifndef HOTSLOT_QUEUE_TRAITS_HPP
#define HOTSLOT_QUEUE_TRAITS_HPP

#include <hotslot/stats/queue_event.hpp>

#include <boost/asio/basic_waitable_timer.hpp>

#include <chrono>
#include <mutex>

namespace hotslot {

namespace asio = boost::asio;

/// The traits of a queue in production. A simulation brings its own clock and timer; whoever wants to be told
/// of every event derives a type with a `hook_type` of its own, of which each queue gets a copy.
///
/// `timer_type<Executor>` needs `expires_at`, `async_wait(handler)` and `cancel`, as `basic_waitable_timer`
/// has.
struct queue_traits {
  using clock_type = std::chrono::steady_clock;
  using mutex_type = std::mutex;
  using hook_type = no_hook;
  /// Whether leases tell the age of their slots, at 8 bytes for each; false where traits do not say.
  static constexpr bool keeps_age = false;
  template <class Executor>
  using timer_type = asio::basic_waitable_timer<clock_type, asio::wait_traits<clock_type>, Executor>;
};

namespace detail {

template <class Traits>
constexpr bool keeps_age = false;
template <class Traits>
requires requires { Traits::keeps_age; }
constexpr bool keeps_age<Traits> = Traits::keeps_age;

} // namespace detail

/// The same, for queues whose leases tell the age of their slots.
struct aging_queue_traits : queue_traits {
  static constexpr bool keeps_age = true;
};

} // namespace hotslot

#endif
