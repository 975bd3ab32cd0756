// What the state machine of a slot queue links: slots and waits.
#pragma once

#include <hotslot/errc.hpp>
#include <hotslot/start_context.hpp>
#include <hotslot/stats/latency_histogram.hpp>
#include <hotslot/stats/queue_event.hpp>

#include <boost/intrusive/derivation_value_traits.hpp>
#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>
#include <boost/intrusive/slist.hpp>

#include <cassert>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <source_location>

namespace hotslot::detail {

using timestamp = std::chrono::nanoseconds; // since the epoch of the queue's clock

/// `boost::asio::error::operation_aborted`, for what knows no Asio.
inline const error_code operation_aborted{ECANCELED, boost::system::system_category()};

/// As far as there is such a time.
inline timestamp later(timestamp t, std::chrono::nanoseconds by) noexcept {
  return by < timestamp::max() - t ? t + by : timestamp::max();
}

struct wait_node;
struct lease_record;

/// A slot is in a list or in the hands of somebody, so the same place tells the next of the list, the wait
/// that the slot was granted to, and what is known of its lease. A million idle slots are worth it.
struct slot_link {
  union {
    slot_link* next = nullptr;
    wait_node* waiter;
    lease_record* lease; ///< Only where leases are watched.
  };
  slot_link* previous = nullptr;
};

/// One worker's slot, from the time it is queued until it is closed.
struct slot_node : slot_link {
  /// `tended`: it is validated, reset or pinged. `closing`: whoever has taken it out of the queue is in its
  /// `close()`.
  enum class place_type : std::uint8_t { outside, idle, granted, offered, leased, tended, closing, closed };

  std::uint64_t id = 0;   ///< Of the present offer; every queueing is a new one.
  timestamp idle_since{}; ///< Kept until a caller has really used the slot.
  place_type place : 3 = place_type::outside;
  eject_reason retired : 4 = eject_reason::none; ///< If set, closed as soon as it is free.
  bool launched : 1 = false;                     ///< By a launcher, which says when its worker has gone.
  wait_cause origin : 2 = wait_cause::call;      ///< What whoever it is granted to has waited for.
  bool acquired : 1 = false;                     ///< A caller got it under the present offer.
  bool paused : 1 = false;                       ///< Its worker has to be resumed for the next caller.
  std::uint32_t calls : 20 = 0;                  ///< That it has served; no more are counted than fit.

  static constexpr std::uint32_t most_calls = (1u << 20) - 1;

  void count_call() noexcept {
    if (calls != most_calls)
      calls = (calls + 1) & most_calls;
  }

  bool has_left() const noexcept { return place == place_type::closing || place == place_type::closed; }
  bool is_held_out() const noexcept {
    return place == slot_node::place_type::granted || place == slot_node::place_type::offered;
  }
  /// Whom the slot was granted to and not yet delivered, if anybody.
  wait_node* undelivered_to() const noexcept { return is_held_out() ? waiter : nullptr; }
};

/// A slot whose worker can be told from others: what hooks are told of.
struct numbered_slot_node : slot_node {
  std::uint64_t worker = 0; ///< The id of the first offer.
};

struct slot_links {
  using node = slot_link;
  using node_ptr = slot_link*;
  using const_node_ptr = const slot_link*;

  static node_ptr get_next(const_node_ptr n) noexcept { return n->next; }
  static void set_next(node_ptr n, node_ptr next) noexcept { n->next = next; }
  static node_ptr get_previous(const_node_ptr n) noexcept { return n->previous; }
  static void set_previous(node_ptr n, node_ptr previous) noexcept { n->previous = previous; }
};

using slot_list =
    boost::intrusive::list<slot_node,
                           boost::intrusive::value_traits<boost::intrusive::derivation_value_traits<
                               slot_node, slot_links, boost::intrusive::normal_link>>,
                           boost::intrusive::constant_time_size<false>>;

using list_hook =
    boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>>;

/// One asynchronous wait. Lives in its operation.
struct wait_node
  : list_hook,
    boost::intrusive::slist_base_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>>,
    boost::intrusive::set_base_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>,
                                    boost::intrusive::optimize_size<true>> {
  /// `drain` and `idle` wait for the queue, not for a slot.
  enum class kind_type : std::uint8_t { acquire, offer, drain, idle };
  enum class phase_type : std::uint8_t { fresh, waiting, granted, ended };

  static constexpr timestamp no_deadline = timestamp::max();

  explicit wait_node(kind_type k, timestamp d = no_deadline) noexcept
    : deadline(d)
    , kind(k) {}

  bool is_caller() const noexcept { return kind == kind_type::acquire || kind == kind_type::offer; }

  timestamp since{};
  timestamp granted_at{}; ///< The end of the wait, and the beginning of the call.
  timestamp deadline;
  std::uint64_t id = 0; ///< Of a wait for idle slots: how many.
  slot_node* slot = nullptr;
  std::source_location where; ///< Of its caller.
  start_context context;
  error_code result;
  kind_type kind;
  phase_type phase = phase_type::fresh;
  bool waited = false; ///< It was not granted a slot at once.
  bool posted = false; ///< Its completion is on its way; it must not be sent off twice.
};

using wait_list = boost::intrusive::list<wait_node, boost::intrusive::base_hook<list_hook>,
                                         boost::intrusive::constant_time_size<false>>;
using due_list =
    boost::intrusive::slist<wait_node,
                            boost::intrusive::base_hook<boost::intrusive::slist_base_hook<
                                boost::intrusive::link_mode<boost::intrusive::normal_link>>>,
                            boost::intrusive::cache_last<true>, boost::intrusive::constant_time_size<false>>;

/// What the owner of a queue has to do after its lock is released.
struct queue_actions {
  due_list due;     ///< Waits to send off.
  slot_list closed; ///< Slots to close.
  slot_list tended; ///< Slots to look after, all of them by `task`.
  slot_task task = slot_task::validate;
  bool resumed = false;      ///< A wait goes on whose deadline was forgotten.
  bool signal = false;       ///< The launcher has to look.
  bool wait_changed = false; ///< The same, unless it could not start a worker anyhow.
  bool known = false;        ///< It has closed these slots itself.

  void tend(slot_node& s, slot_task what) noexcept {
    assert(tended.empty() || task == what);
    task = what;
    tended.push_back(s);
  }
};

struct by_deadline {
  using type = timestamp;
  timestamp operator()(const wait_node& w) const noexcept { return w.deadline; }
};
using deadline_set = boost::intrusive::multiset<wait_node, boost::intrusive::key_of_value<by_deadline>,
                                                boost::intrusive::constant_time_size<false>>;

} // namespace hotslot::detail
