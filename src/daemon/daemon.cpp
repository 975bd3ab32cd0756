#include "daemon.hpp"

#include "front.hpp"
#include "function.hpp"
#include "socket_directory.hpp"

#include <hotslot/http/server.hpp>
#include <hotslot/http/stats_routes.hpp>
#include <hotslot/machine.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <atomic>
#include <csignal>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <thread>
#include <vector>

namespace hotslot::daemon {
namespace {

resources total_of(const resource_limits& limits) {
  const resources machine = usable_machine_resources();
  return {.memory_mb = limits.memory_mb.value_or(machine.memory_mb),
          .cpu_milli = limits.cpu_milli.value_or(machine.cpu_milli)};
}

class daemon_process {
 public:
  daemon_process(const config& c, std::size_t threads, const logger& log)
    : config_(c)
    , log_(log)
    , threads_(threads)
    , io_(static_cast<int>(threads))
    , directory_(c.socket_dir)
    , queues_(io_.get_executor())
    , tracker_(total_of(c.resources))
    , functions_(make_functions())
    , routes_(front_routes())
    , front_(io_.get_executor(), call_handler(), server_options())
    , admin_(io_.get_executor(), stats_handler(), server_options())
    , signals_(io_, SIGTERM, SIGINT) {}

  int run(std::ostream& out) {
    const auto listen = front_.listen(config_.listen);
    const auto admin = admin_.listen(config_.admin);
    for (const auto& f : functions_)
      announce(f->config());
    front_.start();
    admin_.start();
    out << "listening on http://" << to_string(listen) << "\nadmin on http://" << to_string(admin)
        << std::endl;
    asio::co_spawn(io_, live(), rethrow);
    run_threads();
    log_.info("ended");
    return 0;
  }

 private:
  static void rethrow(std::exception_ptr e) {
    if (e)
      std::rethrow_exception(e);
  }

  std::vector<std::unique_ptr<function>> make_functions() {
    const function_environment env{queues_, tracker_, directory_.path(), log_};
    std::vector<std::unique_ptr<function>> functions;
    for (const auto& f : config_.functions)
      functions.push_back(std::make_unique<function>(f, io_.get_executor(), env));
    return functions;
  }

  front front_routes() { return front(functions_); }

  http::server_handler call_handler() {
    return [this](http::request&& request, http::exchange& exchange) {
      return routes_.handle(std::move(request), exchange);
    };
  }

  http::server_handler stats_handler() {
    http::stats_options options;
    options.ready = [this] { return !draining_.load(); };
    options.version = HOTSLOT_VERSION;
    auto routes = std::make_shared<http::stats_routes>([this] { return snapshot(); }, std::move(options));
    return [routes](http::request&& request, http::exchange&) -> asio::awaitable<http::response> {
      co_return routes->handle(request);
    };
  }

  http::server_options server_options() {
    http::server_options options;
    options.limits.header_bytes = static_cast<std::uint32_t>(config_.max_header_bytes);
    options.limits.body_bytes = config_.max_body_bytes;
    options.single_threaded = threads_ == 1;
    options.log = [this](std::string_view what) { log_.error(what); };
    return options;
  }

  pool_snapshot snapshot() const {
    pool_snapshot all;
    all.queues.reserve(functions_.size());
    for (const auto& f : functions_)
      all.queues.push_back(f->snapshot());
    return all;
  }

  void announce(const function_config& f) const {
    log_.info("function", {{"app", f.app}, {"fn", f.name}, {"id", f.id}, {"trigger", f.trigger}});
    if (f.memory_mb > tracker_.total().memory_mb || f.cpu_milli > tracker_.total().cpu_milli)
      log_.warn("function can never be started: it needs more than there is",
                {{"app", f.app},
                 {"fn", f.name},
                 {"memory_mb", f.memory_mb},
                 {"of_memory_mb", tracker_.total().memory_mb},
                 {"cpu_milli", f.cpu_milli},
                 {"of_cpu_milli", tracker_.total().cpu_milli}});
  }

  /// From the start to the end: served until the first signal, then drained.
  asio::awaitable<void> live() {
    const int signal = co_await signals_.async_wait(asio::use_awaitable);
    log_.info("draining", {{"signal", signal}, {"grace_s", config_.drain_grace.count()}});
    draining_ = true;
    signals_.async_wait([this](error_code ec, int) {
      if (ec)
        return;
      log_.warn("cutting the calls that still run");
      front_.stop();
    });
    co_await front_.async_drain(config_.drain_grace);
    for (const auto& f : functions_)
      f->close();
    admin_.stop();
    co_await admin_.async_join();
    signals_.cancel();
    // What is left are the workers, and the context ends with the last of them.
  }

  void run_threads() {
    std::vector<std::jthread> others;
    for (std::size_t n = 1; n < threads_; ++n)
      others.emplace_back([this] { io_.run(); });
    io_.run();
  }

  const config& config_;
  const logger& log_;
  const std::size_t threads_;
  asio::io_context io_;
  socket_directory directory_;
  function_queues queues_;
  resource_tracker tracker_;
  std::vector<std::unique_ptr<function>> functions_;
  front routes_;
  http::server front_;
  http::server admin_;
  asio::signal_set signals_;
  std::atomic<bool> draining_{false};
};

} // namespace

int serve(const config& config, std::size_t threads, const logger& log, std::ostream& out) {
  std::signal(SIGPIPE, SIG_IGN);
  return daemon_process(config, threads, log).run(out);
}

} // namespace hotslot::daemon
