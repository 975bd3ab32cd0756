#include <hotslot/http/stats_server.hpp>

#include "rendering.hpp"
#include "stats_stream.hpp"

#include <algorithm>

namespace hotslot::http {
namespace {

server_options without_bodies(server_options how) {
  constexpr std::uint64_t most = 64 * 1024;
  how.limits.body_bytes = std::min(how.limits.body_bytes, most);
  return how;
}

} // namespace

server_handler make_stats_handler(std::shared_ptr<const stats_routes> routes) {
  auto stream = std::make_shared<stats_stream>(routes);
  return [routes = std::move(routes),
          stream = std::move(stream)](request&& req, exchange& ex) -> boost::asio::awaitable<response> {
    if (routes->is_stream(req))
      co_return co_await stream->serve(req, ex);
    if (!routes->is_costly(req))
      co_return routes->handle(req);
    co_return co_await render(*routes, [&] { return routes->handle(req); });
  };
}

stats_server::stats_server(executor_type executor, stats_source source, stats_options what,
                           server_options how)
  : server(std::move(executor),
           make_stats_handler(std::make_shared<stats_routes>(std::move(source), std::move(what))),
           without_bodies(std::move(how))) {}

} // namespace hotslot::http
