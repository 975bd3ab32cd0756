// The stats on an address of their own: routes, stream and server in one.
#ifndef HOTSLOT_HTTP_STATS_SERVER_HPP
#define HOTSLOT_HTTP_STATS_SERVER_HPP

#include <hotslot/http/server.hpp>
#include <hotslot/http/stats_routes.hpp>

#include <memory>

namespace hotslot::http {

/// Answers as `routes` does, and /stats/stream without an end: an event at each multiple of the interval,
/// made once for all who ask the same. A reader that does not take an event within 5 s is dropped; those it
/// misses are not kept for it. The stream ends when the server drains.
///
/// Precondition: `routes` is not null. It is kept as long as the handler.
server_handler make_stats_handler(std::shared_ptr<const stats_routes> routes);

/// A server of stats, and of nothing else; everything that `server` says holds. The callables of the source
/// are called on the threads that run the executor's context: to keep what the stats cost off the others, run
/// it on a thread and a context of its own, as examples/stats_server.cpp does.
class stats_server : public server {
 public:
  /// Requests of the stats have no bodies: more than 64 KB is refused, whatever `how.limits` says.
  stats_server(executor_type executor, stats_source source, stats_options what = {}, server_options how = {});
};

} // namespace hotslot::http

#endif
