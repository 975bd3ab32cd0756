// The configuration of hotslotd: a JSON file as plain values, with every default filled in.
#pragma once

#include "call_limits.hpp"
#include "isolation_config.hpp"
#include "json_reader.hpp"
#include "launch_config.hpp"
#include "listener_config.hpp"
#include "log_config.hpp"
#include "server_limits.hpp"
#include "tracing_config.hpp"

#include <hotslot/evictable.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace hotslot::daemon {

/// What all workers together may take. Nothing means "auto": as the machine has it, less a headroom.
struct resource_limits {
  std::optional<std::uint64_t> memory_mb;
  std::optional<std::uint64_t> cpu_milli;
};

struct function_config {
  std::string app;
  std::string name;
  std::string id;      ///< By default `default_id({app, name})`.
  std::string app_id;  ///< Always `default_id({app})`.
  std::string trigger; ///< Begins with a slash; empty where the function has none.

  /// The program and its arguments. A program with a slash in it is taken from `dir`, one without is
  /// looked up in the function's own PATH.
  std::vector<std::string> command;
  std::filesystem::path dir; ///< Where it runs. Absolute; by default the configuration file's folder.

  std::uint64_t memory_mb = 128;
  std::uint64_t cpu_milli = 0; ///< Zero takes nothing of the CPU budget.
  std::chrono::seconds timeout{30};
  std::chrono::seconds wait_timeout{30};
  std::chrono::milliseconds start_timeout{5000};
  std::chrono::milliseconds stop_grace{2000}; ///< Between SIGTERM and SIGKILL.
  /// Replies that state no more are read before they are passed on, which frees their worker from slow
  /// callers.
  std::uint64_t reply_buffer = 1u << 20;
  process::isolation isolation = {}; ///< By default as the whole configuration has it.
  launch_config launch;
  call_limits limits;
  function_log_config log;
  std::map<std::string, std::string> config; ///< Goes into the function's environment.
  std::string source; ///< The JSON that it was read from, to tell whether something has changed.
};

struct config {
  std::vector<listener_config> listen{
      {.address = tcp_endpoint(boost::asio::ip::address_v4::loopback(), 8080)}}; ///< At least one.
  std::vector<listener_config> admin{
      {.address = tcp_endpoint(boost::asio::ip::address_v4::loopback(), 8081)}};
  resource_limits resources;
  eviction_order eviction = eviction_order::oldest;
  /// Where the workers' socket directories go. Absolute; nothing: a fresh private directory under the
  /// system's one for temporary files.
  std::optional<std::filesystem::path> socket_dir;
  std::uint64_t max_body_bytes = 16u << 20;
  std::uint64_t max_header_bytes = 16u << 10;
  /// Bodies that state no more are read before a worker is acquired, which frees workers from slow callers.
  std::uint64_t request_buffer = 1u << 20;
  std::uint64_t max_buffered = 256u << 20; ///< Of bodies that are kept, together.
  std::uint64_t max_metric_keys = 1000;    ///< Queues with series of their own.
  bool underscores_in_headers = false;     ///< Names with a "_" pass; those that are reserved do not, anyway.
  http::trusted_proxies trusted_proxies;
  server_timeouts timeouts;
  detached_limits detached;
  std::optional<tracing_config> tracing;       ///< Nothing: no spans.
  std::chrono::seconds drain_delay{0};         ///< Between "not ready" and no more calls.
  std::chrono::seconds drain_grace{30};        ///< How long a shutdown waits for running calls.
  function_log_config function_log;            ///< Of functions that say nothing else.
  std::optional<access_log_config> access_log; ///< Of the calling address.
  std::vector<function_config> functions;
};

/// All that is wrong with one configuration file. `what()` has one line for each problem, each beginning with
/// the file and the JSON pointer.
class config_error : public std::runtime_error {
 public:
  config_error(const std::filesystem::path& file, json_problems problems);

  const json_problems& problems() const noexcept { return problems_; }

 private:
  json_problems problems_;
};

/// `file` names the text in errors, and its folder is where relative paths start. Throws `config_error`.
config parse_config(std::string_view text, const std::filesystem::path& file);

/// Throws `config_error` also where the file cannot be read.
config load_config(const std::filesystem::path& file);

/// 26 hexadecimal digits, as long as Fn's ids: of the SHA-256 of `names`, each followed by a NUL.
std::string default_id(std::initializer_list<std::string_view> names);

} // namespace hotslot::daemon
