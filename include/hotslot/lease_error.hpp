// Why a caller got no slot.
#ifndef HOTSLOT_LEASE_ERROR_HPP
#define HOTSLOT_LEASE_ERROR_HPP

#include <hotslot/launch_failure.hpp>

#include <boost/system/system_error.hpp>

#include <chrono>
#include <memory>

namespace hotslot {

/// What the awaitables that acquire a slot throw: the error of the wait, and the last failed start of a
/// worker where none has succeeded since. So a caller whose deadline has passed learns that the backend is
/// down, and `what()` says so. With other completion tokens: `basic_slot_queue::last_failure`.
class lease_error : public boost::system::system_error {
 public:
  /// `now` is the time of the queue's clock. `failure` may be null.
  lease_error(const error_code& why, std::shared_ptr<const launch_failure> failure,
              std::chrono::nanoseconds now);

  /// Null where no start has failed since one succeeded. Lifetime: this exception's, and its copies'.
  const launch_failure* last_failure() const noexcept { return failure_.get(); }
  /// How long ago that was; zero where there is none.
  std::chrono::nanoseconds failed_ago() const noexcept { return ago_; }

 private:
  std::shared_ptr<const launch_failure> failure_;
  std::chrono::nanoseconds ago_;
};

} // namespace hotslot

#endif
