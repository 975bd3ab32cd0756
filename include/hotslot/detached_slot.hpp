// A slot that its caller has taken out of its queue.
#ifndef HOTSLOT_DETACHED_SLOT_HPP
#define HOTSLOT_DETACHED_SLOT_HPP

#include <hotslot/detail/asio/queue_impl.hpp>

#include <cassert>
#include <utility>

namespace hotslot {

/// What `basic_lease::detach` returns. Move-only.
///
/// The slot is destroyed with it, without a call of `close()`: that is up to its owner now. Then its watches
/// end with `slot_fate::detached`, and what was reserved for the worker is given back, once the worker has
/// gone where the slot is a `watched_slot`. `async_drain` does not wait for it.
///
/// Lifetime: may outlive every handle of its queue, and the execution context. Thread safety: distinct
/// objects are safe and may be used from any thread; a shared one is not.
template <slot Slot, class Executor = asio::any_io_executor, class Traits = queue_traits>
class basic_detached_slot {
  using impl_type = detail::queue_impl<Slot, Executor, Traits>;
  using entry_type = typename impl_type::entry_type;

 public:
  using slot_type = Slot;

  basic_detached_slot() = default;
  basic_detached_slot(basic_detached_slot&& other) noexcept
    : impl_(other.impl_)
    , entry_(std::exchange(other.entry_, nullptr)) {}
  basic_detached_slot& operator=(basic_detached_slot&& other) noexcept {
    if (this != &other) {
      reset();
      impl_ = other.impl_;
      entry_ = std::exchange(other.entry_, nullptr);
    }
    return *this;
  }
  ~basic_detached_slot() { reset(); }

  /// Whether there is a slot.
  explicit operator bool() const noexcept { return entry_ != nullptr; }

  /// The slot. Precondition: there is one.
  Slot& get() const noexcept {
    assert(entry_);
    return entry_->slot;
  }
  Slot& operator*() const noexcept { return get(); }
  Slot* operator->() const noexcept { return &get(); }

  /// As if destroyed.
  void reset() noexcept {
    if (entry_type* e = std::exchange(entry_, nullptr))
      impl_->end_detached(*e);
  }

 private:
  template <slot, class, class>
  friend class basic_lease;

  basic_detached_slot(impl_type& impl, entry_type& entry) noexcept
    : impl_(&impl)
    , entry_(&entry) {}

  impl_type* impl_ = nullptr;
  entry_type* entry_ = nullptr;
};

} // namespace hotslot

#endif
