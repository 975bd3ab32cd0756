// What a cell of the cancellation table needs: an executor of some kind, and an operation under way on it.
#ifndef HOTSLOT_TEST_ASIO_CANCELLATION_CALL_HPP
#define HOTSLOT_TEST_ASIO_CANCELLATION_CALL_HPP

#include <hotslot/slot_queue.hpp>

#include "cancellation_table.hpp"
#include "test_slot.hpp"

#include <boost/asio.hpp>

#include <chrono>
#include <functional>
#include <future>
#include <optional>
#include <stdexcept>

namespace cancellation {

namespace asio = boost::asio;
using hotslot::error_code;
using queue = hotslot::slot_queue<test_slot>;
using lease = hotslot::lease<test_slot>;
using offer = hotslot::basic_slot_offer<test_slot>;

enum class executor_kind { io_context, strand, thread_pool };
inline constexpr std::array executor_kinds{executor_kind::io_context, executor_kind::strand,
                                           executor_kind::thread_pool};

/// Where a cell's handlers run: on the queue's own executor, or bound to a strand on it. The pool has one
/// thread, so that nothing is delivered between two steps of one `run`.
class place {
 public:
  explicit place(executor_kind k)
    : kind_(k) {
    if (k == executor_kind::thread_pool)
      pool_.emplace(1);
  }
  ~place() {
    if (pool_) {
      pool_->stop();
      pool_->join();
    }
  }

  asio::any_io_executor queue_executor() {
    return pool_ ? asio::any_io_executor(pool_->get_executor()) : io_.get_executor();
  }
  /// What handlers are bound to.
  bool is_bound() const { return kind_ == executor_kind::strand; }
  asio::any_io_executor handler_executor() {
    return is_bound() ? asio::any_io_executor(strand_) : queue_executor();
  }

  bool is_here() {
    if (pool_)
      return pool_->get_executor().running_in_this_thread();
    return is_bound() ? strand_.running_in_this_thread() : io_.get_executor().running_in_this_thread();
  }
  bool is_in_step() const { return in_step_; }

  /// Runs `step` on the handlers' executor, and what is ready thereafter.
  void run(std::function<void()> step) {
    auto end = asio::post(handler_executor(), std::packaged_task<void()>([this, step = std::move(step)] {
                            in_step_ = true;
                            step();
                            in_step_ = false;
                          }));
    flush();
    end.get();
  }

  /// Runs what is ready, and what that makes ready.
  void flush() {
    constexpr int hops = 16; // more than any operation takes
    if (pool_)
      for (int i = 0; i < hops; ++i)
        asio::post(pool_->get_executor(), asio::use_future).wait();
    io_.restart();
    io_.poll();
  }

  /// Runs until `event` has happened.
  void run_until(const std::future<void>& event) {
    using namespace std::chrono_literals;
    io_.restart();
    while (!pool_ && event.wait_for(0s) != std::future_status::ready)
      if (io_.run_one_for(10s) == 0)
        throw std::runtime_error("nothing happens any more");
    if (event.wait_for(10s) != std::future_status::ready)
      throw std::runtime_error("the event does not happen");
    flush();
  }

 private:
  executor_kind kind_;
  asio::io_context io_{1};
  asio::strand<asio::io_context::executor_type> strand_{io_.get_executor()};
  std::optional<asio::thread_pool> pool_;
  bool in_step_ = false;
};

/// How an operation ended.
struct ending {
  explicit ending(place& p)
    : at(p) {}

  place& at;
  int times = 0;
  bool was_inline = false;
  bool was_elsewhere = false;
  error_code ec;
  lease got;
  offer offered;
  hotslot::slot_fate fate{};
  std::promise<void> ended;
  std::future<void> until_ended = ended.get_future();

  void keep() {}
  void keep(lease l) { got = std::move(l); }
  void keep(offer o) { offered = std::move(o); }
  void keep(hotslot::slot_fate f) { fate = f; }

  template <class... Result>
  void end(error_code e, Result... result) {
    was_inline |= at.is_in_step();
    was_elsewhere |= !at.is_here();
    ec = e;
    keep(std::move(result)...);
    if (++times == 1)
      ended.set_value();
  }
};

/// A cancellation slot that is signalled as soon as an operation has connected to it: before the operation
/// starts.
struct impatient_slot {
  asio::cancellation_slot slot;
  std::optional<asio::cancellation_type> signalled;

  bool is_connected() const noexcept { return slot.is_connected(); }
  template <class Handler, class... Args>
  Handler& emplace(Args&&... args) {
    Handler& h = slot.emplace<Handler>(std::forward<Args>(args)...);
    if (signalled)
      h(*signalled);
    return h;
  }
};

struct handler {
  using cancellation_slot_type = impatient_slot;

  ending* out;
  impatient_slot slot;

  cancellation_slot_type get_cancellation_slot() const noexcept { return slot; }

  template <class... Result>
  void operator()(error_code ec, Result... result) {
    out->end(ec, std::move(result)...);
  }
};

/// An operation under way, by callback or awaited.
class call {
 public:
  call(place& p, queue& q)
    : out(p)
    , at_(p)
    , queue_(q) {}

  ending out;

  void start(operation o, queue::time_point deadline, const queue::token_type& token = {}) {
    handler h{&out, {signal_.slot(), early_}};
    switch (o) {
    case operation::acquire:
      return queue_.async_acquire(deadline, h);
    case operation::ticket_acquire:
      return queue_.enter().async_acquire(deadline, h);
    case operation::acquire_awaitable:
      return spawn([this, deadline] { return queue_.acquire(deadline); });
    case operation::next:
      return spawn([this] { return dequeuer_.next(); });
    case operation::wait:
      return token.async_wait(h);
    case operation::wait_closed:
      return token.async_wait_closed(h);
    case operation::drain:
      return queue_.async_drain(deadline, h);
    }
  }

  /// The operation is signalled when it begins to start; an awaitable, when it is about to be awaited.
  void emit_early(asio::cancellation_type t) { early_ = t; }
  void emit(asio::cancellation_type t) { signal_.emit(t); }
  void cancel_dequeuer() { dequeuer_.cancel(); }
  void run_until_ended() { at_.run_until(out.until_ended); }

 private:
  template <class Operation>
  void spawn(Operation o) {
    asio::co_spawn(at_.handler_executor(), await(std::move(o)),
                   asio::bind_cancellation_slot(signal_.slot(), asio::detached));
  }

  template <class Operation>
  asio::awaitable<void> await(Operation o) {
    co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
    if (early_) {
      co_await asio::post(asio::use_awaitable); // what is there already is acquired without suspending
      signal_.emit(*early_);
    }
    try {
      auto result = co_await o();
      out.end(error_code(), std::move(result));
    } catch (const boost::system::system_error& e) {
      out.end(e.code());
    }
  }

  place& at_;
  queue& queue_;
  queue::dequeuer_type dequeuer_ = queue_.start_dequeuer();
  std::optional<asio::cancellation_type> early_;
  asio::cancellation_signal signal_;
};

} // namespace cancellation

// Unbound where the cell's queue is to choose.
template <class Executor>
struct boost::asio::associated_executor<cancellation::handler, Executor> {
  using type = any_io_executor;
  static type get(const cancellation::handler& h, const Executor& otherwise) noexcept {
    return h.out->at.is_bound() ? h.out->at.handler_executor() : type(otherwise);
  }
};

#endif
