#include "daemon.hpp"

#include "admin.hpp"
#include "listener.hpp"
#include "server_stats.hpp"
#include "shutdown.hpp"
#include "watchdog.hpp"

#include <hotslot/http/stats_server.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <csignal>
#include <memory>
#include <ostream>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace hotslot::daemon {
namespace {

void rethrow(std::exception_ptr e) {
  if (e)
    std::rethrow_exception(e);
}

/// When nobody listens for them any more, they would end the process with a failure.
void block_signals() {
  sigset_t ours;
  ::sigemptyset(&ours);
  for (const int signal : {SIGHUP, SIGTERM, SIGINT})
    ::sigaddset(&ours, signal);
  ::pthread_sigmask(SIG_BLOCK, &ours, nullptr);
}

/// Wires the parts of the server to its two addresses and to the signals.
class daemon_process {
 public:
  daemon_process(const config& c, const config_source& source, std::size_t threads, const logger& log,
                 const service& from)
    : parts_(c, threads, log, from)
    , operations_(parts_.functions, server_actions(), log)
    , control_(asio::make_strand(parts_.io))
    , calls_(parts_.io.get_executor(), c.listen, call_handler(), call_options(c))
    , admin_(parts_.io.get_executor(), c.admin, admin_handler(), server_options(c))
    , reloader_(parts_, calls_, admin_, source)
    , shutdown_(control_, parts_, calls_, admin_)
    , hangup_(control_, SIGHUP)
    , watchdog_(parts_.io.get_executor(), from.manager) {}

  int run(std::ostream& out) {
    const auto listen = calls_.listen(parts_.from.sockets.listen);
    const auto admin = admin_.listen(parts_.from.sockets.admin);
    calls_.server().start();
    admin_.server().start();
    out << "listening on " << listen << "\nadmin on " << admin << std::endl;
    warn_of_open_admin();
    reloader_.tell_ready();
    watchdog_.start();
    asio::co_spawn(control_, shutdown_.run(operations_, [this] { stop_reloading(); }), rethrow);
    asio::co_spawn(control_, shutdown_.obey_signals(), rethrow);
    asio::co_spawn(control_, reload_on_hangup(), rethrow);
    run_threads();
    block_signals();
    parts_.log.info("ended");
    return 0;
  }

 private:
  http::server_handler call_handler() {
    return [this](http::request&& request, http::exchange& exchange) {
      return front::handle(parts_.functions.routes(), std::move(request), exchange);
    };
  }

  daemon::server_actions server_actions() {
    return {.reload = [this] { return reloader_.reload(); },
            .drain = [this] { shutdown_.ask("POST /admin/drain"); },
            .draining = [this] { return shutdown_.draining(); }};
  }

  http::server_handler admin_handler() {
    http::stats_options options;
    options.ready = [this] { return !shutdown_.draining(); };
    options.version = HOTSLOT_VERSION;
    options.more_metrics = [this] { return log_metrics(parts_); };
    auto stats = http::make_stats_handler(
        std::make_shared<http::stats_routes>(make_stats_source(parts_), std::move(options)));
    return [this, stats = std::move(stats)](http::request&& request, http::exchange& exchange) {
      return admin::owns(request.target()) ? operations_.handle(std::move(request), exchange)
                                           : stats(std::move(request), exchange);
    };
  }

  http::server_options server_options(const config& c) {
    http::server_options options;
    options.limits.header_bytes = static_cast<std::uint32_t>(c.max_header_bytes);
    options.limits.body_bytes = c.max_body_bytes;
    options.limits.whole_body_bytes = c.request_buffer;
    c.timeouts.put_into(options.limits);
    options.single_threaded = parts_.threads == 1;
    options.log = [this](std::string_view what) { parts_.log.error(what); };
    return options;
  }

  http::server_options call_options(const config& c) {
    http::server_options options = server_options(c);
    if (parts_.accesses)
      options.on_answered = [this](const http::access_record& record) { note_access(record); };
    return options;
  }

  void note_access(const http::access_record& record) const {
    const auto front = parts_.functions.routes();
    const auto* f = front->with_target(record.target);
    parts_.accesses->write(record,
                           f ? called_function{f->config().app, f->config().name} : called_function{});
  }

  void warn_of_open_admin() const {
    if (!admin_.is_public())
      return;
    if (!admin_.is_guarded())
      parts_.log.warn(
          "whoever reaches the admin address can call functions, reload the configuration and end "
          "the server: it asks for no token and for no client certificate");
    if (!admin_.is_encrypted())
      parts_.log.warn("the admin address is served without TLS beyond this machine");
  }

  asio::awaitable<void> reload_on_hangup() {
    while (!shutdown_.draining()) {
      const auto [ec, signal] = co_await hangup_.async_wait(asio::as_tuple(asio::use_awaitable));
      if (ec || shutdown_.draining()) // one that came before it was cancelled
        co_return;
      try {
        reloader_.reload();
      } catch (const std::runtime_error&) { // logged; what was in force stays
      }
    }
  }

  void stop_reloading() {
    hangup_.cancel();
    watchdog_.stop();
  }

  void run_threads() {
    std::vector<std::jthread> others;
    for (std::size_t n = 1; n < parts_.threads; ++n)
      others.emplace_back([this] { parts_.io.run(); });
    parts_.io.run();
  }

  server_parts parts_;
  admin operations_;
  asio::strand<asio::io_context::executor_type> control_; ///< For what starts, changes and ends the server.
  listener calls_;
  listener admin_;
  reloader reloader_;
  shutdown shutdown_;
  asio::signal_set hangup_;
  watchdog watchdog_;
};

} // namespace

int serve(const config_source& source, std::size_t threads, const logger& log, std::ostream& out,
          const service& service) {
  std::signal(SIGPIPE, SIG_IGN);
  return daemon_process(source(), source, threads, log, service).run(out);
}

} // namespace hotslot::daemon
