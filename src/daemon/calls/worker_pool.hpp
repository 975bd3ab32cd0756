// The workers of one function: a queue and its launcher.
#pragma once

#include "daemon/config/config.hpp"
#include "daemon/log/function_log.hpp"
#include "daemon/log/log.hpp"
#include "daemon/log/log_output.hpp"

#include <hotslot/launcher.hpp>
#include <hotslot/process/function_launcher.hpp>
#include <hotslot/slot_key.hpp>
#include <hotslot/slot_queue.hpp>
#include <hotslot/stats/queue_detail.hpp>

#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>

namespace hotslot::daemon {

using function_queue = slot_queue<process::function_slot>;
using function_lease = lease<process::function_slot>;

/// What functions share.
struct function_environment {
  asio::any_io_executor executor;
  resource_tracker tracker;
  std::filesystem::path socket_root;
  std::shared_ptr<process::isolation_host> isolation;
  const logger& log;    ///< Outlives the functions' processes,
  log_outputs& outputs; ///< and this the functions.
};

/// Lifetime: kept by every configuration of the function that its workers are right for, and by the calls
/// that came under it. The last of them ends the workers.
class worker_pool {
 public:
  worker_pool(const function_config& config, const function_environment& env);
  ~worker_pool() { close(); }
  worker_pool(const worker_pool&) = delete;
  worker_pool& operator=(const worker_pool&) = delete;

  /// Tells workers apart: of everything by which two functions could differ in what their workers do.
  static slot_key key_of(const function_config& config);
  static process::function_spec spec_of(const function_config& config);

  const slot_key& key() const noexcept { return key_; }
  const logger& log() const noexcept { return log_; }
  function_queue& queue() noexcept { return queue_; }
  const function_queue& queue() const noexcept { return queue_; }
  std::optional<launch_failure> last_failure() const { return launcher_.last_failure(); }
  std::optional<failure_view> failure_now() const { return launcher_.failure_now(); }
  void write_to(queue_detail& out) const { launcher_.write_to(out); }

  /// Lines of its workers that were left out, as their calls had written too much.
  std::uint64_t dropped_lines() const noexcept { return output_->dropped(); }

  /// From now on as `config` says. Precondition: the same key. Throws where its log cannot be written.
  void reconfigure(const function_config& config);

  /// Ends the workers that are there now: idle ones at once, busy ones when they come back. Others are
  /// started when they are needed.
  void recycle() { launcher_.recycle(std::numeric_limits<std::uint64_t>::max()); }

  /// Ends idle workers, and the busy ones when they come back.
  void close() noexcept;

 private:
  launcher_options options_of(const function_config& config) const;

  const logger& log_;
  log_outputs& outputs_;
  const std::shared_ptr<function_log> output_; ///< Shared with workers, some of which end after the pool.
  slot_key key_;
  function_queue queue_;
  launcher<process::function_slot> launcher_;
};

/// What one worker takes.
resources needs_of(const function_config& f) noexcept;

} // namespace hotslot::daemon
