// A slot in its queue's keeping.
#pragma once

#include <hotslot/detail/asio/slot_watches.hpp>
#include <hotslot/detail/queue/queue_nodes.hpp>
#include <hotslot/slot.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

namespace hotslot::detail {

/// When a slot was queued first.
struct birth_record {
  timestamp born{};
};
struct no_birth_record {};

/// Owned by its queue until closed, and by the tokens that refer to it. The slot itself is gone once closed.
/// `Node` is what the queue's state machine links.
template <slot Slot, class Node, bool KeepsAge = false>
struct slot_entry final : Node, std::conditional_t<KeepsAge, birth_record, no_birth_record> {
  explicit slot_entry(Slot&& s)
    : slot(std::move(s)) {}
  slot_entry(const slot_entry&) = delete;
  slot_entry& operator=(const slot_entry&) = delete;
  ~slot_entry() {}

  std::atomic<std::uint32_t> references{1}; // first, where the node leaves room
  watch_list watchers;                      ///< Guarded by the queue's mutex.
  union {
    Slot slot;
  };

  void note_birth([[maybe_unused]] timestamp now) noexcept {
    if constexpr (KeepsAge)
      this->born = now;
  }

  void resume() noexcept {
    if constexpr (pausable_slot<Slot>)
      slot.resume();
  }

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
