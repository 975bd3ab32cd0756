#include "check.hpp"

#include "listener.hpp"

#include "daemon/calls/worker_pool.hpp"
#include "daemon/log/log_output.hpp"

#include <hotslot/process/isolation_host.hpp>

namespace hotslot::daemon {

std::vector<std::string> check_start(const config& c) {
  for (const auto* kind : {&c.listen, &c.admin})
    for (const auto& at : *kind)
      listener::check(at);
  check_log(c.function_log.target);
  if (c.access_log)
    check_log(c.access_log->target);
  std::vector<std::string> warnings;
  for (const auto& f : c.functions) {
    check_log(f.log.target);
    const auto missing = process::isolation_host::missing_part(worker_pool::spec_of(f));
    if (!missing.empty())
      warnings.push_back(f.app + '/' + f.name + " cannot be started as long as there is no " +
                         missing.native());
  }
  return warnings;
}

} // namespace hotslot::daemon
