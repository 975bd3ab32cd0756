// The asynchronous operations of a queue: a handler, its executor's work, and a link to its cancellation
// slot.
#pragma once

#include <hotslot/detail/queue/queue_nodes.hpp>
#include <hotslot/errc.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/recycling_allocator.hpp>
#include <boost/asio/require.hpp>

#include <atomic>
#include <memory>
#include <type_traits>
#include <utility>

namespace hotslot::detail {

namespace asio = boost::asio;

/// Connects a handler's cancellation slot with its operation. Either may go first, on any thread: the
/// connection is cut under the queue's mutex only, but a link that is cut needs no mutex to go.
template <class OpBase>
struct cancel_link_base {
  std::atomic<OpBase*> op{nullptr};
};

/// A wait as an operation: something that can be sent off to its executor, or destroyed.
struct wait_op_base : wait_node {
  using wait_node::wait_node;
  virtual void post() = 0;
  virtual void destroy() noexcept = 0;

  cancel_link_base<wait_op_base>* link = nullptr;

 protected:
  ~wait_op_base() = default;
};

/// Lives in the cancellation slot.
template <class Impl, class OpBase>
class cancel_link : public cancel_link_base<OpBase> {
 public:
  cancel_link(typename Impl::pointer impl, OpBase& of) noexcept
    : impl_(std::move(impl)) {
    this->op.store(&of, std::memory_order_relaxed);
    of.link = this;
  }
  cancel_link(const cancel_link&) = delete;
  cancel_link& operator=(const cancel_link&) = delete;
  ~cancel_link() {
    if (this->op.load(std::memory_order_acquire))
      impl_->unlink(*this);
  }

  void operator()(asio::cancellation_type_t type) noexcept {
    if (type != asio::cancellation_type::none)
      impl_->cancel(*this);
  }

 private:
  typename Impl::pointer impl_;
};

/// An operation in the hands of one owner.
template <class Op>
struct destroy_op {
  void operator()(Op* op) const noexcept { op->destroy(); }
};
template <class Op>
using op_pointer = std::unique_ptr<Op, destroy_op<Op>>;

/// Not so the system's executor, which `use_future` has: it would run a handler on a thread that nobody
/// knows.
template <class Executor>
constexpr bool runs_a_context =
    asio::can_require_v<Executor, asio::execution::outstanding_work_t::tracked_t> ||
    std::is_same_v<Executor, asio::any_io_executor>;

/// Keeps an executor's context running.
template <class Executor>
using tracked_work = std::decay_t<decltype(asio::prefer(std::declval<const Executor&>(),
                                                        asio::execution::outstanding_work.tracked))>;
struct no_work {};

/// What a posted operation is to its executor.
template <class Op>
class sent_op {
 public:
  using allocator_type = typename Op::allocator_type;

  explicit sent_op(Op* op) noexcept
    : op_(op) {}

  allocator_type get_allocator() const noexcept { return op_->get_allocator(); }
  void operator()() { op_.release()->complete(); }

 private:
  op_pointer<Op> op_;
};

/// An operation of type `Base` that completes `Handler` with what `Result` makes of it.
///
/// `Result` has `static bool ready(impl, op)`, which asks the queue whether the operation is to be completed
/// now, `static auto make(impl, op)`, the arguments of the handler as a tuple, and `abandon(impl, op)`.
template <class Impl, class Base, class Result, class Handler>
class queue_op final : public Base {
 public:
  using handler_executor = asio::associated_executor_t<Handler, typename Impl::executor_type>;
  using allocator_type = asio::associated_allocator_t<Handler, asio::recycling_allocator<void>>;
  static constexpr bool goes_there =
      std::is_same_v<handler_executor, typename Impl::executor_type> || runs_a_context<handler_executor>;

  template <class... Args>
  static op_pointer<queue_op> create(typename Impl::pointer impl, Handler&& handler, Args&&... args) {
    op_allocator alloc(asio::get_associated_allocator(handler, asio::recycling_allocator<void>()));
    queue_op* op = std::allocator_traits<op_allocator>::allocate(alloc, 1);
    try {
      return op_pointer<queue_op>(
          new (op) queue_op(std::move(impl), std::move(handler), std::forward<Args>(args)...));
    } catch (...) {
      std::allocator_traits<op_allocator>::deallocate(alloc, op, 1);
      throw;
    }
  }

  allocator_type get_allocator() const noexcept {
    return asio::get_associated_allocator(handler_, asio::recycling_allocator<void>());
  }

  /// Lets the handler's cancellation slot, if there is one, cancel this operation.
  void connect() {
    auto cancel = asio::get_associated_cancellation_slot(handler_);
    if (cancel.is_connected())
      cancel.template emplace<cancel_link<Impl, Base>>(impl_, *this);
  }

  // The operation has its work; copies of the executor on the way need not count any. An executor of nobody's
  // is gone to by way of the queue's, as with the operations of Asio.
  void post() override {
    auto ex = asio::prefer(work_, asio::execution::outstanding_work.untracked);
    sent_op<queue_op> sent(this);
    if constexpr (goes_there)
      asio::post(ex, std::move(sent));
    else
      asio::post(impl_->get_executor(),
                 [ex = std::move(ex), sent = std::move(sent)]() mutable { ex.execute(std::move(sent)); });
  }

  void complete() {
    if (!Result::ready(*impl_, *this))
      return;
    const typename Impl::pointer impl = std::move(impl_);
    auto outcome = Result::make(*impl, *this);
    Handler handler(take_and_free());
    std::apply(std::move(handler), std::move(outcome));
  }

  void destroy() noexcept override {
    const typename Impl::pointer impl = std::move(impl_);
    Result::abandon(*impl, *this);
    [[maybe_unused]] const Handler gone(take_and_free());
  }

 private:
  using queue_work = std::conditional_t<goes_there, no_work, tracked_work<typename Impl::executor_type>>;
  using op_allocator = typename std::allocator_traits<allocator_type>::template rebind_alloc<queue_op>;

  template <class... Args>
  queue_op(typename Impl::pointer impl, Handler&& handler, Args&&... args)
    : Base(std::forward<Args>(args)...)
    , impl_(std::move(impl))
    , queue_work_(work_of_queue(*impl_))
    , work_(asio::prefer(asio::get_associated_executor(handler, impl_->get_executor()),
                         asio::execution::outstanding_work.tracked))
    , handler_(std::move(handler)) {}

  ~queue_op() = default;

  static queue_work work_of_queue([[maybe_unused]] const Impl& impl) {
    if constexpr (goes_there)
      return {};
    else
      return asio::prefer(impl.get_executor(), asio::execution::outstanding_work.tracked);
  }

  // The allocator may belong to the handler: it is asked of one that is whole, and used while that lives.
  Handler take_and_free() noexcept {
    Handler handler(std::move(handler_));
    op_allocator alloc(asio::get_associated_allocator(handler, asio::recycling_allocator<void>()));
    this->~queue_op();
    std::allocator_traits<op_allocator>::deallocate(alloc, this, 1);
    return handler;
  }

  typename Impl::pointer impl_;
  [[no_unique_address]] queue_work queue_work_;
  tracked_work<handler_executor> work_;
  Handler handler_;
};

} // namespace hotslot::detail
