// The caller side's handle on a slot that it has acquired.
#ifndef HOTSLOT_LEASE_HPP
#define HOTSLOT_LEASE_HPP

#include <hotslot/detached_slot.hpp>
#include <hotslot/slot_token.hpp>

#include <algorithm>
#include <cassert>
#include <chrono>
#include <cstdint>
#include <tuple>
#include <utility>

namespace hotslot {

/// A slot in the hands of one caller. Move-only.
///
/// What becomes of the slot:
///  - `release()`: back to the queue, warm, to the longest waiting caller or as the newest idle slot;
///    `release(worker_condition::dirty)` and `discard()`: closed;
///  - destroyed after the slot was used (`*`, `->`, `get`): closed, since nobody said that the call went
///  well;
///    but back to the queue where `keep()` has said so;
///  - destroyed untouched: back to its place in the queue, its idle age unchanged. So a lease that is granted
///    to the losing branch of a race is not lost;
///  - in any case closed where its queue was closed, or the slot retired, meanwhile; but not where `detach()`
///    has taken it out of the queue.
///
/// Lifetime: may outlive every handle of its queue, and the execution context. Thread safety: distinct
/// objects are safe and may be used from any thread; a shared one is not. Cost: `release` of a slot nobody
/// waits for is one mutex, one clock reading and no allocation.
template <slot Slot, class Executor = asio::any_io_executor, class Traits = queue_traits>
class basic_lease {
  using impl_type = detail::queue_impl<Slot, Executor, Traits>;
  using entry_type = typename impl_type::entry_type;

 public:
  using slot_type = Slot;
  using token_type = basic_slot_token<Slot, Executor, Traits>;
  using detached_type = basic_detached_slot<Slot, Executor, Traits>;

  basic_lease() = default;
  basic_lease(basic_lease&& other) noexcept
    : impl_(other.impl_)
    , entry_(std::exchange(other.entry_, nullptr))
    , leased_at_(other.leased_at_)
    , touched_(other.touched_)
    , kept_(other.kept_) {}
  basic_lease& operator=(basic_lease&& other) noexcept {
    if (this != &other) {
      give_up();
      impl_ = other.impl_;
      entry_ = std::exchange(other.entry_, nullptr);
      leased_at_ = other.leased_at_;
      touched_ = other.touched_;
      kept_ = other.kept_;
    }
    return *this;
  }
  ~basic_lease() { give_up(); }

  /// Whether there is a slot.
  explicit operator bool() const noexcept { return entry_ != nullptr; }

  /// The slot, which is not const where the lease is. Precondition: there is one.
  Slot& get() const noexcept {
    assert(entry_);
    touched_ = true;
    return entry_->slot;
  }
  Slot& operator*() const noexcept { return get(); }
  Slot* operator->() const noexcept { return &get(); }

  /// The slot, only to be looked at: that is no use of it. Precondition: there is one.
  const Slot& peek() const noexcept {
    assert(entry_);
    return entry_->slot;
  }

  /// Of the offer that the lease is for; see `basic_slot_token::id`. Precondition of this and the next three:
  /// there is a slot.
  std::uint64_t id() const noexcept {
    assert(entry_);
    return entry_->id;
  }
  /// How long the slot had been idle when it was acquired.
  std::chrono::nanoseconds idle_time() const noexcept {
    assert(entry_);
    return std::max(leased_at_ - entry_->idle_since, detail::timestamp());
  }
  /// How long ago the worker's slot was queued first; in a queue whose traits keep that
  /// (`aging_queue_traits`).
  std::chrono::nanoseconds age() const noexcept requires detail::keeps_age<Traits> {
    assert(entry_);
    return impl_type::now() - entry_->born;
  }
  /// How many calls the worker has served before, 1 048 575 at most. Cost: one mutex.
  std::uint64_t calls() const noexcept {
    assert(entry_);
    std::uint64_t n = 0;
    impl_->look([&](const auto&) { n = entry_->calls; });
    return n;
  }
  /// The worker's side of the slot; throws nothing.
  token_type token() const noexcept {
    assert(entry_);
    return token_type(impl_, entry_, entry_->id);
  }

  /// From now on the slot goes back to the queue, warm, where the lease is destroyed: for slots that are fit
  /// whatever becomes of a call, or are made so by `slot_upkeep::reset`.
  void keep() noexcept { kept_ = true; }

  /// Takes the slot out of its queue, for good and without closing it: for a connection that becomes a stream
  /// of its own, say. The queue counts it no longer, and may start another worker; what a launcher has
  /// reserved for it stays reserved until the object goes that this returns. Precondition: there is a slot.
  detached_type detach() noexcept {
    assert(entry_);
    entry_type& e = *std::exchange(entry_, nullptr);
    impl_->detach(e);
    return detached_type(*impl_, e);
  }

  /// Gives the slot back; the time since it was acquired is recorded as run latency. No effect without a
  /// slot.
  void release(worker_condition condition = worker_condition::clean) noexcept {
    if (entry_type* e = std::exchange(entry_, nullptr))
      impl_->release(*e, leased_at_, condition);
  }

  /// Closes the slot, which is not fit for another call. No effect without a slot.
  void discard() noexcept { release(worker_condition::dirty); }

 private:
  template <slot, class, class>
  friend class basic_slot_queue;
  template <slot, class, class>
  friend class basic_slot_offer;
  template <slot, class, class>
  friend class basic_ticket;
  template <slot, class, class>
  friend struct detail::acquire_result;

  basic_lease(impl_type& impl, entry_type* entry) noexcept
    : basic_lease(impl, entry, entry ? impl_type::now() : detail::timestamp()) {}
  basic_lease(impl_type& impl, entry_type* entry, detail::timestamp leased_at) noexcept
    : impl_(&impl)
    , entry_(entry)
    , leased_at_(leased_at) {}

  void give_up() noexcept {
    if (touched_)
      release(kept_ ? worker_condition::clean : worker_condition::dirty);
    else if (entry_type* e = std::exchange(entry_, nullptr))
      impl_->put_back(*e);
  }

  impl_type* impl_ = nullptr;
  entry_type* entry_ = nullptr;
  detail::timestamp leased_at_{};
  mutable bool touched_ = false;
  bool kept_ = false;
};

namespace detail {

template <slot Slot, class Executor, class Traits>
struct acquire_result {
  using impl_type = queue_impl<Slot, Executor, Traits>;
  using lease_type = basic_lease<Slot, Executor, Traits>;

  static bool ready(impl_type& impl, wait_op_base& op) noexcept { return impl.deliver(op); }
  static void abandon(impl_type& impl, wait_op_base& op) noexcept { impl.abandon(op); }
  static std::tuple<error_code, lease_type> make(impl_type& impl, wait_op_base& op) noexcept {
    auto* entry = static_cast<typename impl_type::entry_type*>(op.slot);
    return {op.result, lease_type(impl, entry, op.granted_at)};
  }
};

} // namespace detail
} // namespace hotslot

#endif
