// A stream of offered slots, of which a caller acquires one or loses it and goes on with the next.
#ifndef HOTSLOT_DEQUEUER_HPP
#define HOTSLOT_DEQUEUER_HPP

#include <hotslot/detail/asio/cancel_as_terminal.hpp>
#include <hotslot/detail/asio/stop_event.hpp>
#include <hotslot/lease.hpp>
#include <hotslot/slot_token.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>
#include <optional>
#include <source_location>
#include <utility>
#include <variant>

namespace hotslot {

/// A slot that is held out to one caller, and to no other, until that caller acquires it, drops the offer, or
/// the slot is ejected. Move-only.
///
/// Dropping it changes nothing in the queue: the slot goes to the next waiter or back to its place, its idle
/// age unchanged. Thread safety: distinct objects are safe, a shared one is not.
template <slot Slot, class Executor = asio::any_io_executor, class Traits = queue_traits>
class basic_slot_offer {
  using impl_type = detail::queue_impl<Slot, Executor, Traits>;
  using entry_pointer = typename impl_type::entry_pointer;

 public:
  using lease_type = basic_lease<Slot, Executor, Traits>;
  using token_type = basic_slot_token<Slot, Executor, Traits>;

  basic_slot_offer() = default;
  basic_slot_offer(basic_slot_offer&& other) noexcept = default;
  basic_slot_offer& operator=(basic_slot_offer&& other) noexcept {
    if (this == &other)
      return *this;
    drop();
    impl_ = std::move(other.impl_);
    entry_ = std::move(other.entry_);
    id_ = other.id_;
    return *this;
  }
  ~basic_slot_offer() { drop(); }

  explicit operator bool() const noexcept { return entry_ != nullptr; }

  std::uint64_t id() const noexcept { return id_; }

  /// Takes the slot; an empty lease where it was ejected, or its queue closed, before. Of this and an
  /// ejection exactly one succeeds.
  lease_type acquire(std::source_location where = std::source_location::current()) noexcept {
    if (!entry_)
      return {};
    auto* taken = impl_->accept(*entry_, id_, where);
    lease_type lease(*impl_, taken);
    if (!taken)
      drop();
    entry_.reset();
    impl_.reset();
    return lease;
  }

  /// The worker side's handle on the same offer. Precondition: there is one.
  token_type token() const noexcept { return token_type(impl_, entry_, id_); }

 private:
  template <slot, class, class>
  friend struct detail::offer_result;
  template <slot, class, class>
  friend class basic_dequeuer;

  basic_slot_offer(typename impl_type::pointer impl, entry_pointer entry) noexcept
    : impl_(std::move(impl))
    , entry_(std::move(entry))
    , id_(entry_->id) {}

  void drop() noexcept {
    if (entry_)
      impl_->decline(*entry_, id_);
    entry_.reset();
    impl_.reset();
  }

  typename impl_type::pointer impl_;
  entry_pointer entry_;
  std::uint64_t id_ = 0;
};

namespace detail {

template <slot Slot, class Executor, class Traits>
struct offer_result {
  using impl_type = queue_impl<Slot, Executor, Traits>;
  using offer_type = basic_slot_offer<Slot, Executor, Traits>;

  static bool ready(impl_type& impl, wait_op_base& op) noexcept { return impl.deliver(op); }
  static void abandon(impl_type& impl, wait_op_base& op) noexcept { impl.abandon(op); }
  static std::tuple<error_code, offer_type> make(impl_type& impl, wait_op_base& op) noexcept {
    if (!op.slot)
      return {op.result, offer_type()};
    using entry_type = typename impl_type::entry_type;
    constexpr bool add_reference = false; // `deliver` has
    return {op.result, offer_type(&impl, {static_cast<entry_type*>(op.slot), add_reference})};
  }
};

} // namespace detail

/// The stream. Made by `start_dequeuer`; copies are the same stream.
///
/// Cancelling or destroying it changes nothing in the queue. Lifetime: keeps its queue open.
/// Thread safety: `cancel` from any thread; `next` from one at a time.
template <slot Slot, class Executor = asio::any_io_executor, class Traits = queue_traits>
class basic_dequeuer {
  using impl_type = detail::queue_impl<Slot, Executor, Traits>;
  using stop_type = detail::stop_event<Executor>;

 public:
  using executor_type = Executor;
  using offer_type = basic_slot_offer<Slot, Executor, Traits>;

  /// As by `start_dequeuer` of the queue.
  explicit basic_dequeuer(detail::queue_handle<impl_type> queue)
    : queue_(std::move(queue))
    , stop_(std::make_shared<stop_type>(queue_->get_executor())) {}

  /// The next offered slot: the newest idle one, or the next one that is queued, in turn with the other
  /// waiters. Where the offer before was neither acquired nor dropped it is still held out; where it was
  /// dropped it may be offered again.
  ///
  /// Empty once the dequeuer was cancelled. Throws `system_error`: `errc::queue_closed`, `errc::queue_full`.
  /// Cancellation: terminal, partial and total, with nothing changed. Cost: where it must wait, one race of
  /// the delivery against `cancel`.
  asio::awaitable<offer_type, Executor> next() {
    if (stop_->is_set())
      co_return offer_type();
    if (auto entry = queue_->try_offer())
      co_return offer_type(queue_.get(), std::move(entry));
    const Executor ex = co_await asio::this_coro::executor;
    co_return co_await detail::async_cancel_as_terminal(ex, race(queue_, stop_),
                                                        asio::use_awaitable_t<Executor>());
  }

  /// Ends the stream: nothing is offered any more.
  void cancel() noexcept { stop_->set(); }

 private:
  // Delivery against `cancel`.
  static asio::awaitable<offer_type, Executor> race(detail::queue_handle<impl_type> queue,
                                                    std::shared_ptr<stop_type> stop) {
    using namespace asio::experimental::awaitable_operators;
    auto outcome =
        co_await (async_offer(queue, asio::as_tuple(asio::use_awaitable_t<Executor>())) || stop->wait());
    if (outcome.index() == 1 || stop->is_set())
      co_return offer_type();
    auto& [ec, offer] = std::get<0>(outcome);
    if (ec)
      throw boost::system::system_error(ec);
    co_return std::move(offer);
  }

  template <class CompletionToken>
  static auto async_offer(detail::queue_handle<impl_type> q, CompletionToken token) {
    return asio::async_initiate<CompletionToken, void(error_code, offer_type)>(
        [queue = std::move(q)](auto handler) {
          using handler_type = decltype(handler);
          using op_type = detail::queue_op<impl_type, detail::wait_op_base,
                                           detail::offer_result<Slot, Executor, Traits>, handler_type>;
          queue->prepare();
          auto op = op_type::create(queue.get(), std::move(handler), detail::wait_node::kind_type::offer);
          op->connect();
          queue->start(*op.release());
        },
        token);
  }

  detail::queue_handle<impl_type> queue_;
  std::shared_ptr<stop_type> stop_;
};

} // namespace hotslot

#endif
