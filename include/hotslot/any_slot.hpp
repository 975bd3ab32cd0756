// A slot of any type, for queues whose workers differ.
#ifndef HOTSLOT_ANY_SLOT_HPP
#define HOTSLOT_ANY_SLOT_HPP

#include <hotslot/slot.hpp>

#include <cassert>
#include <memory>
#include <type_traits>
#include <utility>

namespace hotslot {

/// Holds one slot of whatever type. Move-only; after a move only destruction and assignment are allowed.
///
/// Thread safety: as the slot that it holds. Cost: one allocation when made, one virtual call in `close()`.
class any_slot {
 public:
  template <class S>
  requires(!std::is_same_v<S, any_slot> && slot<S>) any_slot(S s)
    : holder_(std::make_unique<holder<S>>(std::move(s))) {}

  void close() noexcept {
    assert(holder_);
    holder_->close();
  }

  /// The slot, where it is of type `S`; null otherwise.
  template <slot S>
  S* target() noexcept {
    auto* h = dynamic_cast<holder<S>*>(holder_.get());
    return h ? &h->slot : nullptr;
  }

 private:
  struct holder_base {
    virtual ~holder_base() = default;
    virtual void close() noexcept = 0;
  };

  template <class S>
  struct holder final : holder_base {
    explicit holder(S&& s)
      : slot(std::move(s)) {}
    void close() noexcept override { slot.close(); }
    S slot;
  };

  std::unique_ptr<holder_base> holder_;
};

static_assert(slot<any_slot>);

} // namespace hotslot

#endif
