// A slot in its queue's keeping, and the operations that watch it.
#ifndef HOTSLOT_DETAIL_SLOT_ENTRY_HPP
#define HOTSLOT_DETAIL_SLOT_ENTRY_HPP

#include <hotslot/core/queue_core.hpp>
#include <hotslot/detail/wait_op.hpp>
#include <hotslot/slot.hpp>

#include <boost/intrusive/slist.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>

#include <atomic>
#include <memory>
#include <utility>

namespace hotslot::detail {

/// An operation that waits for the fate of a slot.
struct watch_node
  : list_hook,
    boost::intrusive::slist_base_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>> {
  explicit watch_node(bool until_end) noexcept
    : until_closed(until_end) {}

  virtual void post() = 0;
  virtual void destroy() noexcept = 0;

  cancel_link_base<watch_node>* link = nullptr;
  slot_node* entry = nullptr;
  slot_fate fate = slot_fate::acquired;
  error_code result;
  bool until_closed; ///< Not ended by an acquisition.
  bool ended = false;

 protected:
  ~watch_node() = default;
};

using watch_list =
    boost::intrusive::slist<watch_node,
                            boost::intrusive::base_hook<boost::intrusive::slist_base_hook<
                                boost::intrusive::link_mode<boost::intrusive::normal_link>>>,
                            boost::intrusive::linear<true>, boost::intrusive::constant_time_size<false>>;

/// Owned by its queue until closed, and by the tokens that refer to it. The slot itself is gone once closed.
template <slot Slot>
struct slot_entry final : slot_node {
  explicit slot_entry(Slot&& s)
    : slot(std::move(s)) {}
  slot_entry(const slot_entry&) = delete;
  slot_entry& operator=(const slot_entry&) = delete;
  ~slot_entry() {}

  union {
    Slot slot;
  };
  watch_list watchers; ///< Guarded by the queue's mutex.
  std::atomic<std::uint32_t> references{1};

  void close_and_destroy() noexcept {
    slot.close();
    std::destroy_at(std::addressof(slot));
  }

  friend void intrusive_ptr_add_ref(slot_entry* e) noexcept {
    e->references.fetch_add(1, std::memory_order_relaxed);
  }
  friend void intrusive_ptr_release(slot_entry* e) noexcept {
    if (e->references.fetch_sub(1, std::memory_order_acq_rel) == 1)
      delete e;
  }
};

} // namespace hotslot::detail

#endif
