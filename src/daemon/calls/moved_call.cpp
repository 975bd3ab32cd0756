#include "moved_call.hpp"

#include <utility>

namespace hotslot::daemon {
namespace {

/// As many workers may have ended at once, and not been noticed yet.
constexpr unsigned most_moves = 16;

/// A function that ends before its first call would be started for each move.
constexpr unsigned most_fresh_moves = 4;

} // namespace

std::optional<process::call_request> moved_call::take(const function& of, function_lease& lease,
                                                      const error_code& failure) {
  const bool may = failure == process::errc::connection_lost && lease && moves_ != most_moves &&
                   fresh_moves_ != most_fresh_moves;
  auto call = may ? lease->take_back() : std::nullopt;
  if (!call || (call->sent && (!call->request.idempotent || std::exchange(sent_again_, true))))
    return std::nullopt;
  ++moves_;
  fresh_moves_ += lease->calls() == 1;
  of.pool()->note_moved_call();
  lease.discard();
  return std::move(call->request);
}

asio::awaitable<error_code> why_lost(function_lease& lease, error_code failure) {
  if (failure != process::errc::connection_lost || !lease)
    co_return failure;
  const auto call = lease->take_back();
  if (call && !call->sent)
    co_return process::errc::not_sent;
  const bool memory = co_await lease->ran_out_of_memory();
  co_return memory ? process::errc::out_of_memory : failure;
}

} // namespace hotslot::daemon
