#include "daemon.hpp"

#include "admin.hpp"
#include "audit.hpp"
#include "connection_shares.hpp"
#include "listeners.hpp"
#include "run_threads.hpp"
#include "server_metrics.hpp"
#include "server_stats.hpp"
#include "shutdown.hpp"
#include "watchdog.hpp"

#include "base/descriptors.hpp"
#include "base/quiet_threads.hpp"
#include "base/text.hpp"

#include <hotslot/http/stats_server.hpp>
#include <hotslot/version.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#if __has_include(<malloc.h>)
#include <malloc.h>
#endif

#include <algorithm>
#include <csignal>
#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace hotslot::daemon {
namespace {

constexpr int exit_failed = 1;

void rethrow(std::exception_ptr e) {
  if (e)
    std::rethrow_exception(e);
}

/// Others send their body whatever they are told.
bool waits_for_continue(const http::request& head) { return head.count(http::field::expect) != 0; }

// The other of 0.0.0.0 and [::] is served on the same port.
bool shares_port(const config& c, const endpoint& at) {
  const auto* own = std::get_if<tcp_endpoint>(&at);
  const auto is_other = [own](const listener_config& other) {
    const auto* tcp = std::get_if<tcp_endpoint>(&other.address);
    return tcp && tcp->address().is_v4() && tcp->port() != 0 && tcp->port() == own->port();
  };
  return own && (std::any_of(c.listen.begin(), c.listen.end(), is_other) ||
                 std::any_of(c.admin.begin(), c.admin.end(), is_other));
}

using control_strand = asio::strand<asio::io_context::executor_type>;

// After a burst; the allocator would else keep it. On one thread: it takes some milliseconds.
std::function<void()> give_memory_back(std::weak_ptr<const control_strand> on) {
  return [on = std::move(on)] {
#ifdef __GLIBC__
    if (const auto there = on.lock())
      asio::post(*there, [] { ::malloc_trim(0); });
#endif
  };
}

/// When nobody listens for them any more, they would end the process with a failure.
void block_signals() {
  sigset_t ours;
  ::sigemptyset(&ours);
  for (const int signal : {SIGHUP, SIGTERM, SIGINT})
    ::sigaddset(&ours, signal);
  ::pthread_sigmask(SIG_BLOCK, &ours, nullptr);
}

/// Wires the parts of the server to its addresses and to the signals.
class daemon_process {
 public:
  daemon_process(const config& c, const config_source& source, std::size_t threads, const logger& log,
                 const service& from)
    : parts_(c, threads, log, from)
    , control_(asio::make_strand(parts_.io))
    , shares_(connection_shares::of(base::descriptor_limit()))
    , on_control_(std::make_shared<const control_strand>(control_))
    , bodies_(std::make_shared<http::byte_budget>(c.max_buffered, give_memory_back(on_control_)))
    , stats_(stats_handler(c))
    , audit_(log)
    , operations_(control_, parts_.functions, server_actions(), log)
    , calls_(parts_.io.get_executor(), c.listen, for_calls(c))
    , admin_(parts_.io.get_executor(), c.admin, for_operators(c))
    , reloader_(parts_, calls_, admin_, source)
    , shutdown_(control_, parts_, calls_, admin_)
    , hangup_(control_, SIGHUP)
    , watchdog_(parts_.io.get_executor(), from.manager) {}

  int run() {
    calls_.listen(parts_.from.sockets.listen, "listen");
    admin_.listen(parts_.from.sockets.admin, "admin");
    calls_.start();
    admin_.start();
    announce();
    for (const auto& one : admin_.all())
      warn_of_open_admin(*one);
    warn_of_too_few_descriptors(parts_.functions.current()->settings);
    reloader_.tell_ready();
    watchdog_.start();
    asio::co_spawn(control_, shutdown_.run(operations_, [this] { stop_reloading(); }), rethrow);
    asio::co_spawn(control_, shutdown_.obey_signals(), rethrow);
    asio::co_spawn(control_, reload_on_hangup(), rethrow);
    const auto failed = run_threads(parts_.io, parts_.threads);
    block_signals();
    if (failed)
      return tell_failure(failed);
    parts_.log.info("ended");
    return 0;
  }

 private:
  void announce() {
    const auto out = parts_.outputs.get({.to = log_destination::standard_output});
    for (const auto& one : calls_.all())
      out->write({.time = {}, .text = base::printable("listening on " + one->url())});
    for (const auto& one : admin_.all())
      out->write({.time = {}, .text = base::printable("admin on " + one->url())});
  }

  listeners::served_with for_calls(const config& c) {
    return {.handler = [this](const listener_config& at) { return call_handler(at.probes); },
            .options = [this, &c](const listener_config& at) { return call_options(c, at); },
            .checks_host = false};
  }

  listeners::served_with for_operators(const config& c) {
    return {.handler = [this](const listener_config&) { return admin_handler(); },
            .options = [this, &c](const listener_config& at) { return admin_options(c, at); },
            .checks_host = true};
  }

  http::server_handler call_handler(bool probes) {
    return [this, probes](http::request&& request, http::exchange& exchange) {
      if (probes && is_probe(request.target()))
        return stats_(std::move(request), exchange);
      return front::handle(parts_.functions.routes(), std::move(request), exchange);
    };
  }

  daemon::server_actions server_actions() {
    return {.reload = [this] { return reloader_.async_reload(); },
            .drain = [this] { shutdown_.ask("POST /admin/drain"); },
            .draining = [this] { return shutdown_.draining(); }};
  }

  http::server_handler stats_handler(const config& c) {
    http::stats_options options;
    options.max_metric_keys = c.max_metric_keys;
    options.ready = [this] { return !shutdown_.draining(); };
    options.version = HOTSLOT_VERSION;
    options.renderer = renderer_.executor();
    options.more_metrics = [this] { return server_metrics(parts_, calls_, admin_, *bodies_); };
    return http::make_stats_handler(
        std::make_shared<http::stats_routes>(make_stats_source(parts_), std::move(options)));
  }

  http::server_handler admin_handler() {
    return [this](http::request&& request, http::exchange& exchange) {
      return admin::owns(request.target()) ? operations_.handle(std::move(request), exchange)
                                           : stats_(std::move(request), exchange);
    };
  }

  http::server_options server_options(const config& c, const listener_config& at, std::size_t connections) {
    http::server_options options;
    options.limits.max_connections = at.max_connections.value_or(std::max<std::size_t>(1, connections));
    options.limits.max_connections_per_address = at.max_connections_per_address;
    if (at.backlog)
      options.limits.backlog = static_cast<int>(*at.backlog);
    options.bodies = bodies_;
    options.limits.header_bytes = static_cast<std::uint32_t>(c.max_header_bytes);
    options.limits.body_bytes = c.max_body_bytes;
    options.limits.whole_body_bytes = c.request_buffer;
    c.timeouts.put_into(options.limits);
    options.underscores_in_headers = c.underscores_in_headers;
    options.proxies = c.trusted_proxies;
    options.single_threaded = parts_.threads == 1;
    options.v6_only = shares_port(c, at.address);
    options.log = [this](std::string_view what) { parts_.log.error(what); };
    return options;
  }

  http::server_options call_options(const config& c, const listener_config& at) {
    http::server_options options = server_options(c, at, shares_.calls / c.listen.size());
    options.admit = [this, probes = at.probes](const http::request& head) {
      return waits_for_continue(head) && !(probes && is_probe(head.target()))
                 ? parts_.functions.routes()->refuse_early(head, http::target_path(head.target()))
                 : std::nullopt;
    };
    if (parts_.accesses)
      options.on_answered = [this](const http::access_record& record) { note_access(record); };
    return options;
  }

  http::server_options admin_options(const config& c, const listener_config& at) {
    http::server_options options = server_options(c, at, shares_.admin / c.admin.size());
    options.on_answered = [this](const http::access_record& record) { audit_.note(record); };
    options.admit = [this](const http::request& head) {
      return waits_for_continue(head) && admin::owns(head.target()) ? operations_.refuse_early(head)
                                                                    : std::nullopt;
    };
    return options;
  }

  void note_access(const http::access_record& record) const {
    const auto front = parts_.functions.routes();
    const auto* f = front->with_target(record.target);
    parts_.accesses->write(record,
                           f ? called_function{f->config().app, f->config().name} : called_function{});
  }

  void warn_of_too_few_descriptors(const config& c) const {
    std::uint64_t asked = 0;
    for (const auto* kind : {&c.listen, &c.admin})
      for (const auto& at : *kind)
        asked += at.max_connections.value_or(0);
    if (asked > shares_.calls + shares_.admin)
      parts_.log.warn("more connections are allowed than there are descriptors for",
                      {{"max_connections", asked}, {"descriptors", base::descriptor_limit()}});
  }

  void warn_of_open_admin(const listener& at) const {
    if (!at.is_public())
      return;
    if (!at.is_guarded())
      parts_.log.warn(
          "whoever reaches the admin address can call functions, reload the configuration and end "
          "the server: it asks for no token and for no client certificate");
    if (!at.is_encrypted())
      parts_.log.warn("the admin address is served without TLS beyond this machine");
  }

  asio::awaitable<void> reload_on_hangup() {
    while (!shutdown_.draining()) {
      const auto [ec, signal] = co_await hangup_.async_wait(asio::as_tuple(asio::use_awaitable));
      if (ec || shutdown_.draining()) // one that came before it was cancelled
        co_return;
      try {
        co_await reloader_.async_reload();
      } catch (const std::exception&) { // logged; what was in force stays
      }
    }
  }

  // That is a fault of the server's own.
  int tell_failure(const std::exception_ptr& failed) const {
    try {
      std::rethrow_exception(failed);
    } catch (const std::exception& e) {
      parts_.log.critical("failed", {{"error", e.what()}});
    } catch (...) {
      parts_.log.critical("failed", {{"error", "unknown exception"}});
    }
    return exit_failed;
  }

  void stop_reloading() {
    hangup_.cancel();
    watchdog_.stop();
  }

  server_parts parts_;
  const control_strand control_; ///< For what starts, changes and ends the server.
  const connection_shares shares_;
  const std::shared_ptr<const control_strand> on_control_; ///< For those who may outlive it.
  const std::shared_ptr<http::byte_budget> bodies_;
  base::quiet_threads<asio::thread_pool> renderer_{
      1}; ///< So that stats of thousands of queues hold no call up.
  const http::server_handler stats_;
  const audit audit_;
  admin operations_;
  listeners calls_;
  listeners admin_;
  reloader reloader_;
  shutdown shutdown_;
  asio::signal_set hangup_;
  watchdog watchdog_;
};

} // namespace

int serve(const config_source& source, std::size_t threads, const logger& log, const service& service) {
  std::signal(SIGPIPE, SIG_IGN);
  return daemon_process(source(), source, threads, log, service).run();
}

} // namespace hotslot::daemon
