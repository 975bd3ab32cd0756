// The worker side's handle on a slot that it has queued.
#ifndef HOTSLOT_SLOT_TOKEN_HPP
#define HOTSLOT_SLOT_TOKEN_HPP

#include <hotslot/detail/asio/queue_impl.hpp>

#include <boost/asio/async_result.hpp>

#include <cassert>
#include <cstdint>
#include <tuple>
#include <utility>

namespace hotslot {

namespace detail {

template <slot Slot, class Executor, class Traits>
struct watch_result {
  using impl_type = queue_impl<Slot, Executor, Traits>;

  static bool ready(impl_type& impl, watch_node& op) noexcept { return impl.deliver(op); }
  static void abandon(impl_type& impl, watch_node& op) noexcept { impl.abandon(op); }
  static std::tuple<error_code, slot_fate> make(impl_type&, watch_node& op) noexcept {
    return {op.result, op.fate};
  }
};

} // namespace detail

/// A queued slot, as seen by the worker that it belongs to.
///
/// Each queueing, and each return by a caller, offers the slot anew under an id of its own. A token stands
/// for the offer it was made for, and for the slot: `eject` and `async_wait` are about the offer, `retire`
/// and `async_wait_closed` about the slot.
///
/// Lifetime: copyable; may outlive the slot and every handle of its queue. Thread safety: distinct objects
/// are safe, a shared one is not; the queue may be used from other threads meanwhile.
template <slot Slot, class Executor = asio::any_io_executor, class Traits = queue_traits>
class basic_slot_token {
  using impl_type = detail::queue_impl<Slot, Executor, Traits>;
  using entry_pointer = typename impl_type::entry_pointer;

 public:
  using executor_type = Executor;

  basic_slot_token() = default;

  explicit operator bool() const noexcept { return entry_ != nullptr; }

  /// Of the offer; ids of one queue increase.
  std::uint64_t id() const noexcept { return id_; }

  /// Closes the slot if nobody has acquired it under this offer. Of this and an acquisition exactly one
  /// succeeds. A slot that was granted to a waiting caller counts as acquired; where that caller goes away
  /// unserved the offer stands again.
  ///
  /// Returns whether it did. Cost: one mutex.
  bool eject() noexcept {
    assert(entry_);
    return impl_->eject(*entry_, id_, eject_reason::requested);
  }

  /// Sees to it that the slot is never offered again: closed now if it is free, and when it comes back
  /// otherwise. To be called when the worker has gone, is too old, or is wanted no longer.
  void retire() noexcept { retire(eject_reason::requested); }

  /// `retire`, for a worker that went away by itself.
  void retire_gone() noexcept { retire(eject_reason::gone); }

  /// Waits for what becomes of this offer.
  ///
  /// Completion signature: `void(error_code, slot_fate)`; `operation_aborted` where cancelled. Executor: the
  /// handler's associated one, else the queue's; never inline. Cancellation: terminal, partial and total,
  /// without an effect on the slot.
  template <class CompletionToken = asio::default_completion_token_t<Executor>>
  auto async_wait(CompletionToken&& token = asio::default_completion_token_t<Executor>()) const {
    return start_watch(false, std::forward<CompletionToken>(token));
  }

  /// Waits until the slot's `close()` has returned, however often it is acquired and comes back before.
  /// Otherwise as `async_wait`.
  template <class CompletionToken = asio::default_completion_token_t<Executor>>
  auto async_wait_closed(CompletionToken&& token = asio::default_completion_token_t<Executor>()) const {
    return start_watch(true, std::forward<CompletionToken>(token));
  }

 private:
  template <slot, class, class>
  friend class basic_slot_queue;
  template <slot, class, class>
  friend class basic_slot_offer;
  template <slot, class, class>
  friend class basic_lease;
  basic_slot_token(typename impl_type::pointer impl, entry_pointer entry, std::uint64_t id) noexcept
    : impl_(std::move(impl))
    , entry_(std::move(entry))
    , id_(id) {}

  void retire(eject_reason why) noexcept {
    assert(entry_);
    impl_->retire(*entry_, why);
  }

  template <class CompletionToken>
  auto start_watch(bool until_closed, CompletionToken&& token) const {
    assert(entry_);
    return asio::async_initiate<CompletionToken, void(error_code, slot_fate)>(
        [impl = impl_, entry = entry_, id = id_](auto handler, bool until) {
          using handler_type = decltype(handler);
          using op_type = detail::queue_op<impl_type, detail::watch_node,
                                           detail::watch_result<Slot, Executor, Traits>, handler_type>;
          auto op = op_type::create(impl, std::move(handler), until);
          op->connect();
          impl->start_watch(*op.release(), *entry, id);
        },
        token, until_closed);
  }

  typename impl_type::pointer impl_;
  entry_pointer entry_;
  std::uint64_t id_ = 0;
};

} // namespace hotslot

#endif
