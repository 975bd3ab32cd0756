#include "function.hpp"

#include "call_id.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace hotslot::daemon {
namespace {

// Every field by which two functions could differ in what their workers do.
slot_key key_of(const function_config& f) {
  std::vector<std::string> numbers;
  for (std::uint64_t n :
       {f.memory_mb, f.cpu_milli, static_cast<std::uint64_t>(f.timeout.count()),
        static_cast<std::uint64_t>(f.idle_timeout.count()), static_cast<std::uint64_t>(f.command.size())})
    numbers.push_back(std::to_string(n));
  std::vector<std::string_view> fields{"http-stream", f.app, f.name, f.id, f.trigger, f.dir.native()};
  fields.insert(fields.end(), numbers.begin(), numbers.end());
  fields.insert(fields.end(), f.command.begin(), f.command.end());
  for (const auto& [name, value] : f.config) {
    fields.push_back(name);
    fields.push_back(value);
  }
  return slot_key::of(fields);
}

process::function_spec spec_of(const function_config& f) {
  process::function_spec spec;
  spec.app_id = f.app_id;
  spec.app_name = f.app;
  spec.fn_id = f.id;
  spec.fn_name = f.name;
  spec.command = f.command;
  spec.dir = f.dir;
  spec.config = f.config;
  spec.memory_mb = f.memory_mb;
  spec.start_timeout = f.start_timeout;
  spec.stop_grace = f.stop_grace;
  return spec;
}

process::log_sink sink_to(const logger& log) {
  return [&log](process::log_source source, std::string_view line, const process::worker_info& w) {
    const auto& f = w.function;
    if (source == process::log_source::lifecycle)
      log.info(line, {{"app", f.app_name}, {"fn", f.fn_name}, {"worker", w.worker_id}, {"pid", w.pid}});
    else
      log.info("output", {{"app", f.app_name},
                          {"fn", f.fn_name},
                          {"worker", w.worker_id},
                          {"stream", source == process::log_source::out ? "stdout" : "stderr"},
                          {"line", line}});
  };
}

resources needs_of(const function_config& f) { return {.memory_mb = f.memory_mb, .cpu_milli = f.cpu_milli}; }

launcher_options launcher_options_of(const function_config& f, const logger& log) {
  launcher_options options;
  options.max_workers = f.max_workers;
  options.idle_timeout = f.idle_timeout;
  options.per_worker = needs_of(f);
  options.on_failure = [&log, app = f.app, fn = f.name](const launch_failure& failure) {
    using std::chrono::duration_cast, std::chrono::milliseconds;
    log.warn("worker not started", {{"app", app},
                                    {"fn", fn},
                                    {"error", failure.message},
                                    {"in_a_row", failure.in_a_row},
                                    {"retry_ms", duration_cast<milliseconds>(failure.retry).count()}});
  };
  return options;
}

} // namespace

function::function(const function_config& config, asio::any_io_executor ex, const function_environment& env)
  : config_(config)
  , log_(env.log)
  , key_(key_of(config))
  , queue_(env.queues.get(key_).value)
  , launcher_(queue_, process::function_launcher(ex, spec_of(config), env.socket_root, sink_to(env.log)),
              launcher_options_of(config, env.log), env.tracker)
  , possible_(needs_of(config).fits_in(env.tracker.total())) {}

asio::awaitable<http::response> function::call(http::request&& request, http::exchange& exchange,
                                               bool http_trigger) {
  const std::string call_id = make_call_id();
  if (!possible_)
    co_return no_worker(errc::resources_impossible, call_id);

  const auto began = function_queue::clock_type::now();
  function_lease lease = queue_.try_acquire();
  if (!lease) {
    error_code ec;
    std::tie(ec, lease) =
        co_await queue_.async_acquire(began + config_.wait_timeout, asio::as_tuple(asio::use_awaitable));
    if (ec)
      co_return no_worker(ec, call_id);
  }
  const process::call_context call{.call_id = call_id,
                                   .deadline = std::chrono::system_clock::now() + config_.timeout,
                                   .http_trigger = http_trigger};
  co_return co_await call_worker(std::move(lease), std::move(request), exchange, call);
}

asio::awaitable<http::response> function::call_worker(function_lease lease, http::request&& request,
                                                      http::exchange& exchange,
                                                      const process::call_context& call) {
  process::function_slot& worker = *lease;
  exchange.expires_after(config_.timeout);
  try {
    auto reply = co_await worker.call(process::make_call_request(std::move(request), call));
    const int status = reply.result_int();
    auto [response, verdict] = process::make_caller_reply(std::move(reply), call);
    const bool fit = verdict == process::worker_verdict::keep && worker.reusable();
    if (verdict == process::worker_verdict::discard)
      log_.warn("function answered with a status that ends it",
                {{"app", config_.app}, {"fn", config_.name}, {"call", call.call_id}, {"status", status}});
    lease.release(fit ? worker_condition::clean : worker_condition::dirty);
    co_return std::move(response);
  } catch (const boost::system::system_error& e) {
    lease.discard();
    if (exchange.expired())
      co_return failed(http::status::gateway_timeout, "the function did not answer in time", call.call_id);
    if (exchange.abandoned())
      co_return failed(http::status::service_unavailable, "the caller has gone", call.call_id);
    co_return failed(process::failure_status(e.code()), e.code().message(), call.call_id);
  }
}

http::response function::no_worker(const error_code& ec, std::string_view call_id) const {
  if (ec == errc::resources_impossible)
    return failed(http::status::bad_request, "the function needs more memory or processor time than there is",
                  call_id);
  if (ec.category() == hotslot_category() || ec == asio::error::operation_aborted)
    return failed(http::status::service_unavailable, ec.message(), call_id);
  const auto failure = launcher_.last_failure();
  return failed(process::failure_status(ec), failure ? failure->message : ec.message(), call_id);
}

http::response function::failed(http::status status, std::string_view message,
                                std::string_view call_id) const {
  log_.warn("call failed", {{"app", config_.app},
                            {"fn", config_.name},
                            {"call", call_id},
                            {"status", static_cast<int>(status)},
                            {"reason", message}});
  return process::make_error_response(status, message, call_id);
}

named_queue_snapshot function::snapshot() const {
  return {.key = key_.hex(),
          .app = config_.app,
          .name = config_.name,
          .trigger = config_.trigger,
          .id = config_.id,
          .queue = queue_.snapshot()};
}

void function::close() noexcept {
  launcher_.stop();
  queue_.close();
}

} // namespace hotslot::daemon
