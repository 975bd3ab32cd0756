// A configured function at run time: its queue, its launcher, and how one call of it goes.
#ifndef HOTSLOT_DAEMON_FUNCTION_HPP
#define HOTSLOT_DAEMON_FUNCTION_HPP

#include "config.hpp"
#include "log.hpp"

#include <hotslot/core/snapshot.hpp>
#include <hotslot/http/exchange.hpp>
#include <hotslot/http/message.hpp>
#include <hotslot/launcher.hpp>
#include <hotslot/process/function_launcher.hpp>
#include <hotslot/slot_queue_manager.hpp>

#include <boost/asio/awaitable.hpp>

#include <filesystem>
#include <string>
#include <string_view>

namespace hotslot::daemon {

using function_queue = slot_queue<process::function_slot>;
using function_lease = lease<process::function_slot>;
using function_queues = slot_queue_manager<process::function_slot>;

/// What functions share.
struct function_environment {
  function_queues& queues;
  resource_tracker tracker;
  std::filesystem::path socket_root;
  const logger& log; ///< Outlives the functions' processes.
};

class function {
 public:
  function(const function_config& config, asio::any_io_executor ex, const function_environment& env);

  const function_config& config() const noexcept { return config_; }

  /// Acquires a worker, has it answer, and gives it back before the answer is returned. Never throws for what
  /// a function, a worker or a caller does.
  asio::awaitable<http::response> call(http::request&& request, http::exchange& exchange, bool http_trigger);

  named_queue_snapshot snapshot() const;

  /// Takes no more calls, ends idle workers, and the busy ones when they come back.
  void close() noexcept;

 private:
  asio::awaitable<http::response> call_worker(function_lease lease, http::request&& request,
                                              http::exchange& exchange, const process::call_context& call);
  http::response no_worker(const error_code& ec, std::string_view call_id) const;
  http::response failed(http::status status, std::string_view message, std::string_view call_id) const;

  function_config config_;
  const logger& log_;
  slot_key key_;
  function_queue queue_;
  launcher<process::function_slot> launcher_;
  bool possible_; ///< Whether a worker fits into what there is in total.
};

} // namespace hotslot::daemon

#endif
