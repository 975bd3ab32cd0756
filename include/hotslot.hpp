// Everything of hotslot but its parts keys, http and process.
#ifndef HOTSLOT_HPP
#define HOTSLOT_HPP

#include <hotslot/any_slot.hpp>
#include <hotslot/decided_by.hpp>
#include <hotslot/dequeuer.hpp>
#include <hotslot/detached_slot.hpp>
#include <hotslot/errc.hpp>
#include <hotslot/evictable.hpp>
#include <hotslot/launch_each.hpp>
#include <hotslot/launch_failure.hpp>
#include <hotslot/launcher.hpp>
#include <hotslot/launcher_options.hpp>
#include <hotslot/leak_detection.hpp>
#include <hotslot/lease.hpp>
#include <hotslot/lease_error.hpp>
#include <hotslot/machine.hpp>
#include <hotslot/policies/backoff.hpp>
#include <hotslot/policies/overload.hpp>
#include <hotslot/policies/policies.hpp>
#include <hotslot/policies/policy_memory.hpp>
#include <hotslot/policies/start_control.hpp>
#include <hotslot/queue_key.hpp>
#include <hotslot/queue_traits.hpp>
#include <hotslot/resource_tracker.hpp>
#include <hotslot/resources.hpp>
#include <hotslot/slot.hpp>
#include <hotslot/slot_queue.hpp>
#include <hotslot/slot_queue_manager.hpp>
#include <hotslot/slot_token.hpp>
#include <hotslot/slot_upkeep.hpp>
#include <hotslot/start_context.hpp>
#include <hotslot/stats/decision.hpp>
#include <hotslot/stats/latency_histogram.hpp>
#include <hotslot/stats/queue_detail.hpp>
#include <hotslot/stats/queue_event.hpp>
#include <hotslot/stats/snapshot.hpp>
#include <hotslot/version.hpp>

#endif
