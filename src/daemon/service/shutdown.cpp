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

shutdown::shutdown(const asio::any_io_executor& control, server_parts& parts, listeners& calls,
                   listeners& admin)
  : parts_(parts)
  , calls_(calls)
  , admin_(admin)
  , asked_(control, 1)
  , delay_(control)
  , signals_(control, SIGTERM, SIGINT) {}

asio::awaitable<void> shutdown::run(admin& operations, std::function<void()> begun) {
  const std::string cause = co_await asked_.async_receive(asio::use_awaitable);
  const auto force = parts_.functions.current();
  const auto grace = force->settings.drain_grace;
  begin(cause, force->settings.drain_delay, grace);
  begun();
  co_await let_others_notice(force->settings.drain_delay);
  const auto end = std::chrono::steady_clock::now() + grace;
  co_await calls_.async_drain(grace);
  const bool is_called = operations.calls() != 0;
  co_await operations.async_drain(end); // they may be detached ones
  co_await parts_.detached->async_drain(end);
  // Whoever reads the stats is not waited for.
  const auto left = end - std::chrono::steady_clock::now();
  co_await admin_.async_drain(is_called ? left : left.zero());
  if (parts_.spans)
    co_await parts_.spans->exporter().async_drain(spans_grace);
  parts_.functions.close();
  parts_.outputs.close();
  co_await parts_.workers->async_join();
  ended_ = true;
  signals_.cancel();
}

void shutdown::begin(const std::string& cause, std::chrono::seconds delay, std::chrono::seconds grace) {
  draining_ = true;
  parts_.log.info("draining", {{"cause", cause}, {"delay_s", delay.count()}, {"grace_s", grace.count()}});
  parts_.from.manager.stopping("draining: " + cause, delay + grace + longest_end_of_workers);
}

// That it is not ready; until then they send calls, which are served.
asio::awaitable<void> shutdown::let_others_notice(std::chrono::seconds delay) {
  if (delay == delay.zero() || cut_)
    co_return;
  delay_.expires_after(delay);
  co_await delay_.async_wait(asio::as_tuple(asio::use_awaitable));
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
  cut_ = true;
  delay_.cancel();
  parts_.log.warn("cutting the calls that still run, and the grace of workers");
  calls_.stop();
  admin_.stop();
  parts_.detached->cut();
  parts_.workers->hurry();
}

} // namespace hotslot::daemon
