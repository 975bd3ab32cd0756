#include "shutdown.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <csignal>

namespace hotslot::daemon {
namespace {

constexpr std::chrono::seconds longest_end_of_workers{70}; // the longest stop_grace_ms, and some
// For a collector to take what is left, once nothing runs any more.
constexpr std::chrono::seconds spans_grace{2};

} // namespace

shutdown::shutdown(const asio::any_io_executor& control, server_parts& parts, listener& calls,
                   listener& admin)
  : parts_(parts)
  , calls_(calls)
  , admin_(admin)
  , asked_(control, 1)
  , signals_(control, SIGTERM, SIGINT) {}

asio::awaitable<void> shutdown::run(const admin& operations, std::function<void()> begun) {
  const std::string cause = co_await asked_.async_receive(asio::use_awaitable);
  const auto grace = parts_.functions.current()->settings.drain_grace;
  begin(cause, grace);
  begun();
  const auto end = std::chrono::steady_clock::now() + grace;
  co_await calls_.server().async_drain(grace);
  co_await parts_.detached->async_drain(end);
  // Whoever reads the stats is not waited for.
  const auto left = end - std::chrono::steady_clock::now();
  co_await admin_.server().async_drain(operations.calls() != 0 ? left : left.zero());
  if (parts_.spans)
    co_await parts_.spans->exporter().async_drain(spans_grace);
  parts_.functions.close();
  parts_.outputs.close();
  ended_ = true;
  signals_.cancel();
}

void shutdown::begin(const std::string& cause, std::chrono::seconds grace) {
  parts_.log.info("draining", {{"cause", cause}, {"grace_s", grace.count()}});
  draining_ = true;
  parts_.from.manager.stopping("draining: " + cause, grace + longest_end_of_workers);
}

asio::awaitable<void> shutdown::obey_signals() {
  for (bool asked = false; !ended_; asked = true) {
    const auto [ec, signal] = co_await signals_.async_wait(asio::as_tuple(asio::use_awaitable));
    if (ec || ended_) // one that came before it was cancelled
      co_return;
    if (asked)
      cut();
    else
      ask("signal " + std::to_string(signal));
  }
}

void shutdown::cut() {
  parts_.log.warn("cutting the calls that still run");
  calls_.server().stop();
  admin_.server().stop();
  parts_.detached->cut();
}

} // namespace hotslot::daemon
