#include "daemon.hpp"

#include "access_log.hpp"
#include "admin.hpp"
#include "deployment.hpp"
#include "listener.hpp"
#include "log_output.hpp"
#include "socket_directory.hpp"
#include "watchdog.hpp"

#include <hotslot/http/stats_server.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <atomic>
#include <chrono>
#include <csignal>
#include <memory>
#include <mutex>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace hotslot::daemon {
namespace {

constexpr std::chrono::seconds longest_end_of_workers{70}; // the longest stop_grace_ms, and some
// For a collector to take what is left, once nothing runs any more.
constexpr std::chrono::seconds spans_grace{2};

class daemon_process {
 public:
  daemon_process(const config& c, const config_source& source, std::size_t threads, const logger& log,
                 const service& service)
    : config_(c)
    , source_(source)
    , log_(log)
    , service_(service)
    , threads_(threads)
    , io_(static_cast<int>(threads))
    , directory_(c.socket_dir, isolation_->has_users())
    , outputs_(io_.get_executor(), log)
    , detached_(std::make_shared<detached_calls>(io_.get_executor(), c.detached, log))
    , functions_(c, environment(), {detached_, make_tracer(c)})
    , operations_(functions_, server_actions(), log)
    , access_(make_access_log(c))
    , front_(io_.get_executor(), c.listen, call_handler(), front_options())
    , admin_(io_.get_executor(), c.admin, admin_handler(), server_options())
    , control_(asio::make_strand(io_))
    , drain_asked_(control_, 1)
    , signals_(control_, SIGTERM, SIGINT)
    , hangup_(control_, SIGHUP)
    , watchdog_(io_.get_executor(), service.manager) {}

  int run(std::ostream& out) {
    const auto listen = front_.listen(service_.sockets.listen);
    const auto admin = admin_.listen(service_.sockets.admin);
    front_.server().start();
    admin_.server().start();
    out << "listening on " << listen << "\nadmin on " << admin << std::endl;
    warn_of_open_admin();
    serving_ = "serving on " + listen + ", admin on " + admin;
    service_.manager.ready(serving_);
    watchdog_.start();
    asio::co_spawn(control_, live(), rethrow);
    asio::co_spawn(control_, drain_on_signal(), rethrow);
    asio::co_spawn(control_, reload_on_hangup(), rethrow);
    run_threads();
    block_hangup();
    log_.info("ended");
    return 0;
  }

 private:
  static void rethrow(std::exception_ptr e) {
    if (e)
      std::rethrow_exception(e);
  }

  function_environment environment() {
    return {io_.get_executor(),
            resource_tracker(total_of(config_.resources), config_.eviction),
            directory_.path(),
            isolation_,
            log_,
            outputs_};
  }

  tracer* make_tracer(const config& c) {
    if (c.tracing)
      tracer_.emplace(io_.get_executor(), *c.tracing, c.listen.tls ? "https" : "http", log_);
    return c.tracing ? &*tracer_ : nullptr;
  }

  http::server_handler call_handler() {
    return [this](http::request&& request, http::exchange& exchange) {
      return front::handle(functions_.current(), std::move(request), exchange);
    };
  }

  daemon::server_actions server_actions() {
    return {.reload = [this] { return reload(); },
            .drain = [this] { ask_to_drain("POST /admin/drain"); },
            .draining = [this] { return draining_.load(); }};
  }

  http::server_handler admin_handler() {
    http::stats_options options;
    options.ready = [this] { return !draining_.load(); };
    options.version = HOTSLOT_VERSION;
    options.more_metrics = [this] { return log_metrics(); };
    auto stats = http::make_stats_handler(std::make_shared<http::stats_routes>(source(), std::move(options)));
    return [this, stats = std::move(stats)](http::request&& request, http::exchange& exchange) {
      return admin::owns(request.target()) ? operations_.handle(std::move(request), exchange)
                                           : stats(std::move(request), exchange);
    };
  }

  void warn_of_open_admin() const {
    if (!admin_.is_public())
      return;
    if (!admin_.is_guarded())
      log_.warn("whoever reaches the admin address can call functions, reload the configuration and end the "
                "server: it asks for no token and for no client certificate");
    if (!admin_.is_encrypted())
      log_.warn("the admin address is served without TLS beyond this machine");
  }

  http::stats_source source() const {
    return {.pool = [this] { return snapshot(); },
            .detail = [this](std::string_view key) -> std::optional<queue_detail> {
              const auto front = functions_.current();
              const auto* f = front->with_key(key);
              return f ? std::optional(f->detail()) : std::nullopt;
            },
            .histograms = [this](std::string_view key) -> std::optional<queue_histograms> {
              const auto front = functions_.current();
              const auto* f = front->with_key(key);
              return f ? std::optional(f->pool()->queue().histograms()) : std::nullopt;
            }};
  }

  std::unique_ptr<const access_log> make_access_log(const config& c) {
    if (!c.access_log)
      return nullptr;
    return std::make_unique<access_log>(c.access_log->format, outputs_.get(c.access_log->target));
  }

  void note_access(const http::access_record& record) const {
    const auto front = functions_.current();
    const auto* f = front->with_target(record.target);
    access_->write(record, f ? called_function{f->config().app, f->config().name} : called_function{});
  }

  std::vector<http::metric_family> log_metrics() {
    http::metric_family lost{.name = "hotslotd_log_lost_lines",
                             .help =
                                 "Lines that an output of functions or of the access log could not take."};
    for (auto& [output, lines] : outputs_.lost())
      lost.samples.push_back({{{"output", output}}, lines});
    http::metric_family dropped{.name = "hotslotd_function_log_dropped_lines",
                                .help = "Lines of calls that had written too much, of workers in force."};
    const auto front = functions_.current();
    for (const auto& f : front->functions())
      if (const auto lines = f->pool()->dropped_lines())
        dropped.samples.push_back({{{"app", f->config().app}, {"fn", f->config().name}}, lines});
    return {std::move(lost), std::move(dropped)};
  }

  // The configuration

  /// Puts the file in force, and what the certificates and tokens now are, or, where something is wrong with
  /// any of them, nothing. Throws `std::runtime_error`.
  std::vector<std::string> reload() {
    const std::lock_guard lock(reload_mutex_);
    service_.manager.reloading();
    try {
      outputs_.reopen(); // first: who moves log files away should not depend on what else is wrong
      auto changes = put_in_force();
      for (const auto& change : changes)
        log_.info("reload", {{"change", change}});
      log_.info("reloaded", {{"changes", changes.size()}});
      service_.manager.ready(serving_);
      return changes;
    } catch (const std::runtime_error& e) {
      log_.error("not reloaded", {{"error", e.what()}});
      service_.manager.ready(serving_ + "; not reloaded: " + e.what());
      throw;
    }
  }

  /// Opens what the functions are to write to, so that it is there when they are changed.
  std::vector<std::shared_ptr<log_output>> open_outputs(const config& c) {
    std::vector<std::shared_ptr<log_output>> all;
    for (const auto& f : c.functions)
      all.push_back(outputs_.get(f.log.target));
    return all;
  }

  std::vector<std::string> put_in_force() {
    config next = source_();
    listener::check(config_.listen);
    listener::check(config_.admin);
    const auto outputs = open_outputs(next);
    auto changes = functions_.change(std::move(next));
    front_.reload();
    admin_.reload();
    return changes;
  }

  /// When nobody listens for it any more, it would end the process with a failure.
  static void block_hangup() {
    sigset_t hangup;
    ::sigemptyset(&hangup);
    ::sigaddset(&hangup, SIGHUP);
    ::pthread_sigmask(SIG_BLOCK, &hangup, nullptr);
  }

  asio::awaitable<void> reload_on_hangup() {
    while (!draining_) {
      const auto [ec, signal] = co_await hangup_.async_wait(asio::as_tuple(asio::use_awaitable));
      if (ec || draining_) // one that came before it was cancelled
        co_return;
      try {
        reload();
      } catch (const std::runtime_error&) { // logged; what was in force stays
      }
    }
  }

  http::server_options server_options() {
    http::server_options options;
    options.limits.header_bytes = static_cast<std::uint32_t>(config_.max_header_bytes);
    options.limits.body_bytes = config_.max_body_bytes;
    options.limits.whole_body_bytes = config_.request_buffer;
    config_.timeouts.put_into(options.limits);
    options.single_threaded = threads_ == 1;
    options.log = [this](std::string_view what) { log_.error(what); };
    return options;
  }

  http::server_options front_options() {
    http::server_options options = server_options();
    if (access_)
      options.on_answered = [this](const http::access_record& record) { note_access(record); };
    return options;
  }

  pool_snapshot snapshot() const {
    const auto front = functions_.current();
    pool_snapshot all;
    all.queues.reserve(front->functions().size());
    for (const auto& f : front->functions())
      all.queues.push_back(f->snapshot());
    if (tracer_)
      all.spans = tracer_->exporter().counts();
    return all;
  }

  /// Any number of times, from any thread.
  void ask_to_drain(const std::string& cause) { drain_asked_.try_send(error_code(), cause); }

  asio::awaitable<void> drain_on_signal() {
    for (bool asked = false; !ended_; asked = true) {
      const auto [ec, signal] = co_await signals_.async_wait(asio::as_tuple(asio::use_awaitable));
      if (ec || ended_) // one that came before it was cancelled
        co_return;
      if (asked)
        cut();
      else
        ask_to_drain("signal " + std::to_string(signal));
    }
  }

  void cut() {
    log_.warn("cutting the calls that still run");
    front_.server().stop();
    admin_.server().stop();
    detached_->cut();
  }

  /// From the start to the end: served until it is asked to drain, then drained.
  asio::awaitable<void> live() {
    const std::string cause = co_await drain_asked_.async_receive(asio::use_awaitable);
    begin_to_drain(cause);
    const auto end = std::chrono::steady_clock::now() + config_.drain_grace;
    co_await front_.server().async_drain(config_.drain_grace);
    co_await detached_->async_drain(end);
    // Whoever reads the stats is not waited for.
    const auto left = end - std::chrono::steady_clock::now();
    co_await admin_.server().async_drain(operations_.calls() != 0 ? left : left.zero());
    if (tracer_)
      co_await tracer_->exporter().async_drain(spans_grace);
    functions_.close();
    outputs_.close();
    ended_ = true;
    signals_.cancel();
    // What is left are the workers, and the context ends with the last of them.
  }

  void begin_to_drain(const std::string& cause) {
    log_.info("draining", {{"cause", cause}, {"grace_s", config_.drain_grace.count()}});
    draining_ = true;
    hangup_.cancel();
    service_.manager.stopping("draining: " + cause, config_.drain_grace + longest_end_of_workers);
    watchdog_.stop();
  }

  void run_threads() {
    std::vector<std::jthread> others;
    for (std::size_t n = 1; n < threads_; ++n)
      others.emplace_back([this] { io_.run(); });
    io_.run();
  }

  const config& config_;
  const config_source source_;
  const logger& log_;
  const service& service_;
  const std::size_t threads_;
  asio::io_context io_;
  const std::shared_ptr<process::isolation_host> isolation_ = std::make_shared<process::isolation_host>();
  socket_directory directory_;
  log_outputs outputs_;
  std::optional<tracer> tracer_;
  std::shared_ptr<detached_calls> detached_;
  deployment functions_;
  admin operations_;
  std::unique_ptr<const access_log> access_;
  listener front_;
  listener admin_;
  asio::strand<asio::io_context::executor_type> control_; ///< For what starts, changes and ends the server.
  asio::experimental::concurrent_channel<void(error_code, std::string)> drain_asked_;
  asio::signal_set signals_;
  asio::signal_set hangup_;
  watchdog watchdog_;
  std::mutex reload_mutex_;
  std::string serving_; ///< Where, for the service manager.
  std::atomic<bool> draining_{false};
  bool ended_ = false; ///< Within `control_`.
};

} // namespace

int serve(const config& config, const config_source& again, std::size_t threads, const logger& log,
          std::ostream& out, const service& service) {
  std::signal(SIGPIPE, SIG_IGN);
  return daemon_process(config, again, threads, log, service).run(out);
}

} // namespace hotslot::daemon
