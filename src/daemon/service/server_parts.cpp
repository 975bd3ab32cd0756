#include "server_parts.hpp"

namespace hotslot::daemon {
namespace {

std::unique_ptr<const access_log> make_access_log(const config& c, log_outputs& outputs) {
  if (!c.access_log)
    return nullptr;
  return std::make_unique<access_log>(c.access_log->format, outputs.get(c.access_log->target));
}

tracer* make_tracer(std::optional<tracer>& in, const config& c, asio::io_context& io, const logger& log) {
  if (c.tracing)
    in.emplace(io.get_executor(), *c.tracing, log);
  return in ? &*in : nullptr;
}

} // namespace

server_parts::server_parts(const config& c, std::size_t n, const logger& l, const service& started_by)
  : threads(n)
  , log(l)
  , from(started_by)
  , io(static_cast<int>(n))
  , isolation(std::make_shared<process::isolation_host>())
  , workers(std::make_shared<process::fleet>(io.get_executor()))
  , directory(c.socket_dir, isolation->has_users())
  , outputs(io.get_executor(), log)
  , accesses(make_access_log(c, outputs))
  , detached(std::make_shared<detached_queue>(io.get_executor(), c.detached, log))
  , functions(
        c,
        {io.get_executor(), resource_tracker(total_of(c.resources), c.eviction), directory.path(),
         [this] { directory.restore(); }, isolation, workers, log, outputs},
        {detached, std::make_shared<unheard_calls>(io.get_executor()), make_tracer(spans, c, io, log)}) {}

} // namespace hotslot::daemon
