#include "reloader.hpp"

#include <stdexcept>
#include <utility>

namespace hotslot::daemon {
namespace {

/// Opens what the functions are to write to, so that it is there when they are changed.
std::vector<std::shared_ptr<log_output>> open_outputs(const config& c, log_outputs& outputs) {
  std::vector<std::shared_ptr<log_output>> all;
  for (const auto& f : c.functions)
    all.push_back(outputs.get(f.log.target));
  return all;
}

} // namespace

reloader::reloader(server_parts& parts, listener& calls, listener& admin, config_source source)
  : parts_(parts)
  , calls_(calls)
  , admin_(admin)
  , source_(std::move(source)) {}

void reloader::tell_ready(const std::string& more) const {
  parts_.from.manager.ready("serving on " + calls_.url() + ", admin on " + admin_.url() + more);
}

std::vector<std::string> reloader::reload() {
  const std::lock_guard lock(mutex_);
  parts_.from.manager.reloading();
  try {
    parts_.outputs.reopen(); // first: who moves log files away should not depend on what else is wrong
    auto changes = put_in_force();
    for (const auto& change : changes)
      parts_.log.info("reload", {{"change", change}});
    parts_.log.info("reloaded", {{"changes", changes.size()}});
    tell_ready();
    return changes;
  } catch (const std::runtime_error& e) {
    parts_.log.error("not reloaded", {{"error", e.what()}});
    tell_ready(std::string("; not reloaded: ") + e.what());
    throw;
  }
}

std::vector<std::string> reloader::put_in_force() {
  config next = source_();
  calls_.check();
  admin_.check();
  const auto outputs = open_outputs(next, parts_.outputs);
  auto changes = parts_.functions.change(std::move(next));
  calls_.reload();
  admin_.reload();
  return changes;
}

} // namespace hotslot::daemon
