// A call that its worker did not answer.
#pragma once

#include "function.hpp"

#include <boost/asio/awaitable.hpp>

#include <optional>

namespace hotslot::daemon {

/// Until something of it has been sent, a call belongs to the pool, and not to the worker that happened to
/// end. From then on it may have been run, until an answer begins: once more it is sent only where that makes
/// no difference. docs/requests.md has the table.
class moved_call {
 public:
  /// The request as it was, to be sent to another worker; the lease is given up. Nothing where the call has
  /// failed.
  std::optional<process::call_request> take(const function& of, function_lease& lease,
                                            const error_code& failure);

 private:
  unsigned moves_ = 0;
  unsigned fresh_moves_ = 0; ///< From workers that had served nobody.
  bool sent_again_ = false;
};

/// `failure`, or, where a connection was lost, what that means: the worker has run out of memory, or nothing
/// was ever sent.
asio::awaitable<error_code> why_lost(function_lease& lease, error_code failure);

} // namespace hotslot::daemon
