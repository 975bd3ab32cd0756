// What can go wrong while hotslot operates. Misuse of the interface asserts instead.
#ifndef HOTSLOT_ERRC_HPP
#define HOTSLOT_ERRC_HPP

#include <boost/system/error_category.hpp>
#include <boost/system/error_code.hpp>

namespace hotslot {

using boost::system::error_code;

/// What ends a wait or a start.
enum class errc {
  deadline_exceeded = 1, ///< The deadline of a wait passed before a slot was granted.
  queue_closed,          ///< The slot queue was closed.
  queue_full,            ///< As many callers wait as the queue admits.
  overloaded,            ///< The caller had waited for too long in a queue that only grows.
  deadline_unreachable,  ///< The deadline would pass before a slot could be had.
  launch_failed,         ///< A worker could not be started.
  start_timeout,         ///< A worker was not ready within its start timeout.
  resources_impossible,  ///< More was asked for than there is in total.
  invalid_key_field,     ///< A field of a slot key holds a NUL byte.
  none_idle,             ///< No slot is free just now.
  not_validated,         ///< The free slot has been idle for so long that it has to be validated.
  queue_suspended,       ///< The slot queue is suspended.
};

/// The category of `errc`; its name is "hotslot".
const boost::system::error_category& hotslot_category() noexcept;

/// By which an `errc` becomes an `error_code`.
inline error_code make_error_code(errc e) noexcept { return {static_cast<int>(e), hotslot_category()}; }

} // namespace hotslot

template <>
struct boost::system::is_error_code_enum<hotslot::errc> : std::true_type {};

#endif
