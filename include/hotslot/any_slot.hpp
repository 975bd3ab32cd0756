// A slot of any type, for queues whose workers differ.
#ifndef HOTSLOT_ANY_SLOT_HPP
#define HOTSLOT_ANY_SLOT_HPP

#include <hotslot/slot.hpp>

#include <cassert>
#include <memory>
#include <type_traits>
#include <utility>

namespace hotslot {

/// Holds one slot of whatever type. Move-only; what was moved from is empty, and may only be destroyed,
/// assigned, and asked for its `target`.
///
/// Destruction and assignment do not close what is held, as those of any slot. What the type has beside
/// `close()` is reached through `target` only: a launcher does not see that it is a `watched_slot`.
///
/// Moving does not move the slot, and does not throw. Thread safety: as the slot that it holds. Cost: one
/// allocation when made, one virtual call in `close()`, one dynamic cast in `target`.
class any_slot {
 public:
  /// Throws `bad_alloc`, and whatever moving `s` throws; `s` is destroyed then, not closed.
  template <class S>
  requires(!std::is_same_v<S, any_slot> && slot<S>) any_slot(S s)
    : holder_(std::make_unique<holder<S>>(std::move(s))) {}

  /// Closes the slot. Precondition: there is one.
  void close() noexcept {
    assert(holder_);
    holder_->close();
  }

  /// The slot, where it is of type `S` itself; null otherwise, and where there is none.
  template <slot S>
  S* target() noexcept {
    auto* h = dynamic_cast<holder<S>*>(holder_.get());
    return h ? std::addressof(h->slot) : nullptr;
  }
  /// The same of one that is const.
  template <slot S>
  const S* target() const noexcept {
    const auto* h = dynamic_cast<const holder<S>*>(holder_.get());
    return h ? std::addressof(h->slot) : nullptr;
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
