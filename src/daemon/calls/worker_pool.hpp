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

#include <array>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
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
  std::function<void()> restore_socket_root; ///< Before each start: it may have been removed. Throws.
  std::shared_ptr<process::isolation_host> isolation;
  std::shared_ptr<process::fleet> workers;
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

  /// Calls that went on to another worker, as the one that they were given had ended.
  void note_moved_call() noexcept { moved_calls_.fetch_add(1, std::memory_order_relaxed); }
  std::uint64_t moved_calls() const noexcept { return moved_calls_.load(std::memory_order_relaxed); }

  /// Calls that were answered, by the first digit of the status; those that broke off within their answer by
  /// 0.
  using answer_counts = std::array<std::atomic<std::uint64_t>, 6>;
  void note_answer(unsigned status) noexcept {
    answers_[status / 100 < answers_.size() ? status / 100 : 0].fetch_add(1, std::memory_order_relaxed);
  }
  const answer_counts& answers() const noexcept { return answers_; }

  /// A call that had a worker has ended, but not by its caller's doing.
  void note_run(bool failed) noexcept;
  call_failures failed_calls() const noexcept;

  /// What a configuration means to the workers that are there. Precondition: the same key. Throws where its
  /// log cannot be written.
  struct settings {
    function_log_settings log;
    overload_options overload;
    launcher_options launcher;
  };
  settings settings_for(const function_config& config) const;

  /// From now on these.
  void take_up(settings&& fresh) noexcept;

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
  std::atomic<std::uint64_t> moved_calls_ = 0;
  std::atomic<std::uint64_t> failed_calls_ = 0;
  std::atomic<std::uint64_t> failed_in_a_row_ = 0;
  answer_counts answers_{};
  slot_key key_;
  function_queue queue_;
  launcher<process::function_slot> launcher_;
};

/// What one worker takes.
resources needs_of(const function_config& f) noexcept;

} // namespace hotslot::daemon
