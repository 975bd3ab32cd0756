// What calls of all functions share.
#ifndef HOTSLOT_DAEMON_FUNCTION_SERVICES_HPP
#define HOTSLOT_DAEMON_FUNCTION_SERVICES_HPP

#include "detached_calls.hpp"
#include "tracer.hpp"

#include <memory>

namespace hotslot::daemon {

struct function_services {
  std::shared_ptr<detached_calls> detached;
  tracer* spans = nullptr; ///< Null: none are made. Outlives the calls.
};

} // namespace hotslot::daemon

#endif
