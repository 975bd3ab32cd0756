// What a running hotslotd consists of, below its addresses.
#pragma once

#include "activation.hpp"
#include "service_manager.hpp"
#include "socket_directory.hpp"

#include "daemon/calls/deployment.hpp"
#include "daemon/config/config.hpp"
#include "daemon/log/access_log.hpp"
#include "daemon/log/log.hpp"
#include "daemon/log/log_output.hpp"
#include "daemon/tracing/tracer.hpp"

#include <hotslot/process/isolation_host.hpp>

#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <memory>
#include <optional>

namespace hotslot::daemon {

/// What it got from whoever started it.
struct service {
  service_manager manager;
  activated_sockets sockets = take_activated_sockets(); ///< Before the addresses of the configuration.
};

/// In the order in which they are made. `log` and `from` outlive them.
struct server_parts {
  /// Throws `std::runtime_error` where something cannot be had as `c` says.
  server_parts(const config& c, std::size_t threads, const logger& log, const service& from);

  const std::size_t threads;
  const logger& log;
  const service& from;
  asio::io_context io;
  const std::shared_ptr<process::isolation_host> isolation;
  const std::shared_ptr<process::fleet> workers;
  socket_directory directory;
  log_outputs outputs;
  std::optional<tracer> spans;
  std::unique_ptr<const access_log> accesses; ///< Null: none is kept.
  const std::shared_ptr<detached_queue> detached;
  deployment functions;
};

} // namespace hotslot::daemon
