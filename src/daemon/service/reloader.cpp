#include "reloader.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <stdexcept>
#include <utility>

namespace hotslot::daemon {

reloader::reloader(server_parts& parts, listeners& calls, listeners& admin, config_source source)
  : parts_(parts)
  , calls_(calls)
  , admin_(admin)
  , source_(std::move(source)) {}

void reloader::tell_ready(const std::string& more) const {
  parts_.from.manager.ready("serving on " + calls_.urls() + ", admin on " + admin_.urls() + more);
}

asio::awaitable<std::vector<std::string>> reloader::async_reload() {
  const auto on_the_thread = [this]() -> asio::awaitable<std::vector<std::string>> { co_return reload(); };
  co_return co_await asio::co_spawn(thread_.executor(), on_the_thread, asio::use_awaitable);
}

std::vector<std::string> reloader::reload() {
  parts_.from.manager.reloading();
  try {
    parts_.outputs.reopen(); // first: who moves log files away should not depend on what else is wrong
    auto changes = put_in_force();
    for (const auto& change : changes)
      parts_.log.info("reload", {{"change", change}});
    parts_.log.info("reloaded", {{"changes", changes.size()}});
    tell_ready();
    return changes;
  } catch (const std::exception& e) {
    parts_.log.error("not reloaded", {{"error", e.what()}});
    tell_ready(std::string("; not reloaded: ") + e.what());
    throw;
  }
}

std::vector<std::string> reloader::put_in_force() {
  config next = source_();
  auto of_calls = calls_.read_credentials();
  auto of_admin = admin_.read_credentials();
  auto change = parts_.functions.prepare(std::move(next));
  for (auto&& lines : {calls_.differences(of_calls), admin_.differences(of_admin)})
    change.lines.insert(change.lines.end(), lines.begin(), lines.end());
  // Nothing that follows fails, but for an end of the server in between.
  if (!parts_.functions.put_in_force(change))
    throw std::runtime_error("the server is about to end");
  parts_.outputs.take_up();
  calls_.exchange(std::move(of_calls));
  admin_.exchange(std::move(of_admin));
  parts_.functions.announce(change);
  return std::move(change.lines);
}

} // namespace hotslot::daemon
