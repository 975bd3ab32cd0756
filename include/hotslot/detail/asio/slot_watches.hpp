// The operations that wait for what becomes of a slot.
#pragma once

#include <hotslot/detail/asio/wait_op.hpp>
#include <hotslot/detail/queue/queue_nodes.hpp>
#include <hotslot/slot.hpp>

#include <boost/asio/error.hpp>
#include <boost/intrusive/list.hpp>
#include <boost/intrusive/slist.hpp>

#include <cstdint>

namespace hotslot::detail {

using watch_hook =
    boost::intrusive::slist_base_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>>;

struct watch_node;

/// The watches of one slot, or those that are to be sent off.
using watch_list =
    boost::intrusive::slist<watch_node, boost::intrusive::base_hook<watch_hook>,
                            boost::intrusive::linear<true>, boost::intrusive::constant_time_size<false>>;

/// One of them. Lives in its operation.
struct watch_node : list_hook, watch_hook {
  explicit watch_node(bool until_end) noexcept
    : until_closed(until_end) {}

  virtual void post() = 0;
  virtual void destroy() noexcept = 0;

  cancel_link_base<watch_node>* link = nullptr;
  watch_list* of = nullptr; ///< The list of its slot.
  slot_fate fate = slot_fate::acquired;
  error_code result;
  bool until_closed; ///< Not ended by an acquisition.
  bool ended = false;

 protected:
  ~watch_node() = default;
};

/// All watches of one queue's slots. Guarded by the queue's mutex; those that have ended go into `out`, to be
/// sent off without it.
class slot_watches {
 public:
  using all_list = boost::intrusive::list<watch_node, boost::intrusive::base_hook<list_hook>,
                                          boost::intrusive::constant_time_size<false>>;

  /// Begins to watch the offer `id` of a slot with the watches `of`.
  void start(watch_node& op, watch_list& of, const slot_node& s, std::uint64_t id, watch_list& out) noexcept {
    op.of = &of;
    all_.push_back(op);
    of.push_front(op);
    if (op.ended) // cancelled before it began
      end(op, op.fate, asio::error::operation_aborted, out);
    else if (!op.until_closed && (s.id != id || s.acquired))
      end(op, slot_fate::acquired, {}, out);
    else if (s.place == slot_node::place_type::closed)
      end(op, fate_of_closed(s), {}, out);
  }

  void cancel(watch_node& op, watch_list& out) noexcept {
    if (op.ended)
      return;
    if (op.of)
      end(op, op.fate, asio::error::operation_aborted, out);
    else
      op.ended = true;
  }

  void abandon(watch_node& op) noexcept {
    if (op.of && !op.ended)
      forget(op);
  }

  /// A slot with the watches `of` was acquired.
  void acquired(watch_list& of, watch_list& out) noexcept {
    for (auto it = of.begin(); it != of.end();) {
      watch_node& op = *it++;
      if (!op.until_closed)
        end(op, slot_fate::acquired, {}, out);
    }
  }

  /// A slot with the watches `of` was closed.
  void closed(watch_list& of, const slot_node& s, watch_list& out) noexcept {
    while (!of.empty())
      end(of.front(), fate_of_closed(s), {}, out);
  }

  /// Hands out every watch, to be destroyed.
  void forget_all(all_list& out) noexcept {
    for (watch_node& op : all_) {
      op.ended = true;
      op.of->clear();
    }
    out.swap(all_);
  }

 private:
  static slot_fate fate_of_closed(const slot_node& s) noexcept {
    if (s.retired == eject_reason::detached)
      return slot_fate::detached;
    return s.retired == eject_reason::closed ? slot_fate::closed : slot_fate::ejected;
  }

  void end(watch_node& op, slot_fate fate, error_code result, watch_list& out) noexcept {
    forget(op);
    op.ended = true;
    op.fate = fate;
    op.result = result;
    out.push_front(op);
  }

  void forget(watch_node& op) noexcept {
    op.of->erase(op.of->iterator_to(op));
    all_.erase(all_.iterator_to(op));
  }

  all_list all_;
};

} // namespace hotslot::detail
