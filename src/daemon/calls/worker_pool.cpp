#include "worker_pool.hpp"

#include <chrono>
#include <exception>
#include <string>
#include <utility>
#include <vector>

namespace hotslot::daemon {
namespace {

function_log_settings log_settings_of(const function_config& f, log_outputs& outputs) {
  return {.to = outputs.get(f.log.target), .max_bytes_per_call = f.log.max_bytes_per_call};
}

process::log_sink sink_to(std::shared_ptr<function_log> output) {
  return [output = std::move(output)](process::log_source source, std::string_view line,
                                      const process::worker_info& worker) {
    output->write(source, line, worker);
  };
}

// Its parameters are its own: the launcher may end before a start does.
asio::awaitable<process::function_slot> start(process::function_launcher launch,
                                              std::function<void()> restore_root) {
  try {
    restore_root();
  } catch (const std::exception& e) {
    throw boost::system::system_error(process::errc::spawn_failed, e.what());
  }
  co_return co_await launch();
}

} // namespace

resources needs_of(const function_config& f) noexcept {
  return {.memory_mb = f.memory_mb, .cpu_milli = f.cpu_milli};
}

slot_key worker_pool::key_of(const function_config& f) {
  std::vector<std::string> numbers;
  for (const auto n :
       {f.memory_mb, f.cpu_milli, std::uint64_t{f.log.frames},
        static_cast<std::uint64_t>(f.start_timeout.count()), static_cast<std::uint64_t>(f.stop_grace.count()),
        static_cast<std::uint64_t>(f.command.size())})
    numbers.push_back(std::to_string(n));
  numbers.push_back(identity_of(f.isolation));
  std::vector<std::string_view> fields{"http-stream", f.app, f.name, f.id, f.dir.native()};
  fields.insert(fields.end(), numbers.begin(), numbers.end());
  fields.insert(fields.end(), f.command.begin(), f.command.end());
  for (const auto& [name, value] : f.config) {
    fields.push_back(name);
    fields.push_back(value);
  }
  return slot_key::of(fields);
}

process::function_spec worker_pool::spec_of(const function_config& f) {
  process::function_spec spec;
  spec.app_id = f.app_id;
  spec.app_name = f.app;
  spec.fn_id = f.id;
  spec.fn_name = f.name;
  spec.command = f.command;
  spec.dir = f.dir;
  spec.config = f.config;
  spec.memory_mb = f.memory_mb;
  spec.log_frames = f.log.frames;
  spec.start_timeout = f.start_timeout;
  spec.stop_grace = f.stop_grace;
  spec.isolation = f.isolation;
  return spec;
}

worker_pool::worker_pool(const function_config& config, const function_environment& env)
  : log_(env.log)
  , outputs_(env.outputs)
  , output_(std::make_shared<function_log>(env.log, log_settings_of(config, env.outputs)))
  , key_(key_of(config))
  , queue_(env.executor)
  , launcher_(
        queue_,
        [launch = process::function_launcher(env.executor, spec_of(config), env.socket_root, sink_to(output_),
                                             env.isolation, env.workers),
         restore = env.restore_socket_root] { return start(launch, restore); },
        options_of(config), env.tracker) {
  queue_.set_overload(config.launch.overload);
}

void worker_pool::note_run(bool failed) noexcept {
  if (failed) {
    failed_calls_.fetch_add(1, std::memory_order_relaxed);
    failed_in_a_row_.fetch_add(1, std::memory_order_relaxed);
  } else if (failed_in_a_row_.load(std::memory_order_relaxed) != 0) {
    failed_in_a_row_.store(0, std::memory_order_relaxed);
  }
}

call_failures worker_pool::failed_calls() const noexcept {
  return {.total = failed_calls_.load(std::memory_order_relaxed),
          .in_a_row = failed_in_a_row_.load(std::memory_order_relaxed)};
}

launcher_options worker_pool::options_of(const function_config& config) const {
  launcher_options options = launcher_options_of(config.launch, needs_of(config));
  options.on_failure = [&log = log_, app = config.app, fn = config.name](const launch_failure& failure) {
    using std::chrono::duration_cast, std::chrono::milliseconds;
    log.warn("worker not started", {{"app", app},
                                    {"fn", fn},
                                    {"error", failure.message},
                                    {"in_a_row", failure.in_a_row},
                                    {"retry_ms", duration_cast<milliseconds>(failure.retry).count()}});
  };
  return options;
}

worker_pool::settings worker_pool::settings_for(const function_config& config) const {
  return {.log = log_settings_of(config, outputs_),
          .overload = config.launch.overload,
          .launcher = options_of(config)};
}

// The queue has what it needs for it since it has a launcher: nothing is allocated.
void worker_pool::take_up(settings&& fresh) noexcept {
  output_->set(std::move(fresh.log));
  queue_.set_overload(fresh.overload);
  launcher_.reconfigure(std::move(fresh.launcher));
}

void worker_pool::close() noexcept {
  launcher_.stop();
  queue_.close();
}

} // namespace hotslot::daemon
