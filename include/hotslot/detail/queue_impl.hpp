// What the handles of one queue share: the state machine under a mutex, and what completes its operations.
#ifndef HOTSLOT_DETAIL_QUEUE_IMPL_HPP
#define HOTSLOT_DETAIL_QUEUE_IMPL_HPP

#include <hotslot/core/queue_core.hpp>
#include <hotslot/detail/queue_handle.hpp>
#include <hotslot/detail/queue_service.hpp>
#include <hotslot/detail/slot_entry.hpp>
#include <hotslot/detail/wait_op.hpp>
#include <hotslot/queue_traits.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <new>

namespace hotslot::detail {

/// A wait as an operation: something that can be sent off to its executor, or destroyed.
struct wait_op_base : wait_node {
  using wait_node::wait_node;
  virtual void post() = 0;
  virtual void destroy() noexcept = 0;

  cancel_link_base<wait_op_base>* link = nullptr;

 protected:
  ~wait_op_base() = default;
};

// How each kind of operation completes; defined where its result type is.
template <slot Slot, class Executor, class Traits>
struct acquire_result;
template <slot Slot, class Executor, class Traits>
struct offer_result;

/// Lifetime: `handles_` counts the users' handles, and the last one that goes closes the queue; `references_`
/// counts whatever points here: all handles together, each operation, each token, each slot that is not
/// closed. A lease points here without counting, since its slot does.
template <slot Slot, class Executor, class Traits>
class queue_impl final : public registered_queue {
 public:
  using executor_type = Executor;
  using entry_type = slot_entry<Slot>;
  using entry_pointer = boost::intrusive_ptr<entry_type>;
  using clock_type = typename Traits::clock_type;
  using hook_type = typename Traits::hook_type;
  using core_type = basic_queue_core<hook_type>;
  using actions = typename core_type::actions;
  using pointer = boost::intrusive_ptr<queue_impl>;
  using signaller_type =
      asio::experimental::basic_concurrent_channel<Executor, asio::experimental::channel_traits<>,
                                                   void(error_code)>;

  explicit queue_impl(const Executor& ex, const hook_type& hook = {})
    : registered_queue(context_of(ex))
    , core_(hook)
    , executor_(ex) {}

  static timestamp now() noexcept { return to_timestamp(clock_type::now()); }
  static timestamp to_timestamp(typename clock_type::time_point t) noexcept {
    if (t == clock_type::time_point::max())
      return wait_node::no_deadline;
    return std::chrono::duration_cast<timestamp>(t.time_since_epoch());
  }

  const Executor& get_executor() const noexcept { return executor_; }

  // Slots

  /// Queues a slot; the entry it is kept in, which the caller shares with the queue, and the id of the offer.
  std::pair<entry_pointer, std::uint64_t> queue(Slot&& s) {
    entry_pointer entry(new entry_type(std::move(s)));
    intrusive_ptr_add_ref(this);
    std::uint64_t id = 0;
    act([&](auto& todo) {
      keep_histograms();
      core_.queue(*entry, now(), wait_cause::start, todo);
      id = entry->id;
    });
    return {std::move(entry), id};
  }

  entry_type* try_acquire() noexcept {
    std::unique_lock lock(mutex_);
    return tell_acquired(lock, core_.try_acquire());
  }

  entry_type* try_acquire_counted() noexcept {
    std::unique_lock lock(mutex_);
    return tell_acquired(lock, core_.try_acquire_counted());
  }

  /// The newest idle slot, offered; null where there is none. Shared under the lock: it may be ejected at
  /// once.
  entry_pointer try_offer() noexcept {
    std::lock_guard lock(mutex_);
    slot_node* s = core_.try_offer();
    return s ? &entry_of(*s) : nullptr;
  }

  /// The offered slot as a lease; null where it was lost.
  entry_type* accept(entry_type& e, std::uint64_t id) noexcept {
    std::unique_lock lock(mutex_);
    return tell_acquired(lock, core_.accept(e, id) ? &e : nullptr);
  }

  void release(entry_type& e, timestamp leased_at, worker_condition condition) noexcept {
    const timestamp t = now();
    act([&](auto& todo) { core_.release(e, t, t - leased_at, condition == worker_condition::dirty, todo); });
  }

  void put_back(entry_type& e) noexcept {
    act([&](auto& todo) { core_.put_back(e, todo); });
  }

  void decline(entry_type& e, std::uint64_t id) noexcept {
    act([&](auto& todo) {
      if (e.place == slot_node::place_type::offered && e.id == id)
        core_.put_back(e, todo);
    });
  }

  bool eject(entry_type& e, std::uint64_t id) noexcept {
    bool ejected = false;
    act([&](auto& todo) { ejected = core_.eject(e, id, eject_reason::requested, todo); });
    return ejected;
  }

  void retire(entry_type& e, eject_reason why) noexcept {
    act([&](auto& todo) { core_.retire(e, why, todo); });
  }

  void eject_idle(timestamp cutoff, std::uint64_t keep) noexcept {
    act([&](auto& todo) { core_.eject_idle(cutoff, keep, todo); });
  }

  timestamp oldest_idle() const noexcept {
    std::lock_guard lock(mutex_);
    return core_.oldest_idle();
  }

  // Waits

  /// Starts `op`, whose caller may be counted as waiting already.
  void start(wait_op_base& op, bool counted) noexcept {
    const pointer keep(this); // the completion may run, and drop the last handle, before this returns
    act([&](auto& todo) {
      keep_histograms();
      const timestamp t = now();
      if (op.kind == wait_node::kind_type::drain)
        core_.wait_drained(op, t, todo);
      else
        core_.wait(op, t, counted, todo);
      todo.signal = op.phase == wait_node::phase_type::waiting;
      arm_timer(t);
    });
  }

  /// Whether `op` is to be completed now.
  bool deliver(wait_op_base& op) noexcept {
    std::unique_lock lock(mutex_);
    if (!core_.deliver(op, now()))
      return false;
    disconnect(op);
    if (op.slot && op.kind == wait_node::kind_type::offer)
      intrusive_ptr_add_ref(&entry_of(*op.slot)); // the offer's, which is made after the lock is released
    if (op.slot && op.kind == wait_node::kind_type::acquire)
      tell_acquired(lock, op.slot);
    return true;
  }

  void abandon(wait_op_base& op) noexcept {
    act([&](auto& todo) {
      core_.abandon(op, todo);
      disconnect(op);
    });
  }

  void cancel(cancel_link_base<wait_op_base>& link) noexcept {
    act([&](auto& todo) {
      if (!link.op)
        return;
      core_.cancel(*link.op, asio::error::operation_aborted, todo);
      todo.signal = true;
    });
  }

  template <class OpBase>
  void unlink(cancel_link_base<OpBase>& link) noexcept {
    std::lock_guard lock(mutex_);
    if (link.op)
      link.op->link = nullptr;
  }

  void cancel_waiters(error_code why) noexcept {
    act([&](auto& todo) {
      core_.cancel_waiters(why, todo);
      todo.signal = true;
    });
  }

  void fail_waiters(error_code why, std::uint64_t n) noexcept {
    act([&](auto& todo) { core_.fail_waiters(why, n, todo); });
  }

  void enter_waiting() noexcept {
    std::lock_guard lock(mutex_);
    core_.enter_waiting();
  }

  void leave_waiting() noexcept {
    act([&](auto& todo) {
      core_.leave_waiting(todo);
      todo.signal = true;
    });
  }

  void limit_waiters(std::uint64_t n) noexcept {
    std::lock_guard lock(mutex_);
    core_.limit_waiters(n);
  }

  // Watches

  void start_watch(watch_node& op, entry_type& e, std::uint64_t id) noexcept {
    const pointer keep(this);
    act([&](auto& todo) {
      op.entry = &e;
      watches_.push_back(op);
      e.watchers.push_front(op);
      if (op.ended) // cancelled before it began
        end_watch(op, op.fate, asio::error::operation_aborted, todo);
      else if (!op.until_closed && (e.id != id || e.acquired))
        end_watch(op, slot_fate::acquired, {}, todo);
      else if (e.place == slot_node::place_type::closed)
        end_watch(op, fate_of_closed(e), {}, todo);
    });
  }

  bool deliver(watch_node& op) noexcept {
    std::lock_guard lock(mutex_);
    disconnect(op);
    return true;
  }

  void abandon(watch_node& op) noexcept {
    std::lock_guard lock(mutex_);
    if (!op.ended)
      forget_watch(op);
    disconnect(op);
  }

  void cancel(cancel_link_base<watch_node>& link) noexcept {
    act([&](auto& todo) {
      watch_node* op = link.op;
      if (!op || op->ended)
        return;
      if (op->entry)
        end_watch(*op, op->fate, asio::error::operation_aborted, todo);
      else
        op->ended = true;
    });
  }

  // Workers being started

  template <class Decide>
  auto decide_starts(Decide&& decide) {
    std::lock_guard lock(mutex_);
    return decide(core_);
  }

  void reserved(bool go) noexcept {
    act([&](auto& todo) {
      core_.reserved(go, todo);
      todo.signal = !go;
    });
  }

  void launch_ended(error_code why, bool failed) noexcept {
    act([&](auto& todo) {
      core_.launch_ended(why, failed, todo);
      todo.signal = true;
    });
  }

  void launch_failed(error_code why) noexcept {
    act([&](auto& todo) {
      core_.launch_failed(why, todo);
      todo.signal = true;
    });
  }

  /// A started worker becomes a slot in the same step in which it stops being a start.
  std::pair<entry_pointer, std::uint64_t> launched(Slot&& s, timestamp took, wait_cause origin) {
    entry_pointer entry(new entry_type(std::move(s)));
    intrusive_ptr_add_ref(this);
    std::uint64_t id = 0;
    act([&](auto& todo) {
      keep_histograms();
      core_.launched(took);
      core_.queue(*entry, now(), origin, todo);
      id = entry->id;
      todo.signal = true;
    });
    return {std::move(entry), id};
  }

  /// The channel by which a wait that begins or ends, and a slot that is closed, wake the launcher.
  signaller_type& signaller() {
    std::lock_guard lock(mutex_);
    if (!signaller_)
      signaller_ = std::make_unique<signaller_type>(executor_, 1);
    return *signaller_;
  }

  // The queue

  void close() noexcept {
    const pointer keep(this);
    act([&](auto& todo) {
      core_.close(todo);
      todo.signal = true;
      if (timer_)
        timer_->cancel();
    });
  }

  bool closed() const noexcept {
    std::lock_guard lock(mutex_);
    return core_.closed();
  }

  queue_snapshot snapshot() const noexcept {
    std::lock_guard lock(mutex_);
    return core_.snapshot();
  }

  queue_histograms histograms() const {
    queue_histograms copy;
    std::lock_guard lock(mutex_);
    if (histograms_)
      copy = *histograms_;
    return copy;
  }

  bool is_idle() const noexcept {
    std::lock_guard lock(mutex_);
    return core_.is_idle();
  }

  /// Whether nobody but one handle holds the queue and nothing is in it.
  bool unused() const noexcept {
    std::lock_guard lock(mutex_);
    return handles_.load(std::memory_order_acquire) == 1 && core_.is_idle() && core_.live() == 0;
  }

  // Lifetime

  void add_handle() noexcept {
    if (handles_.fetch_add(1, std::memory_order_relaxed) == 0)
      intrusive_ptr_add_ref(this);
  }

  void drop_handle() noexcept {
    if (handles_.fetch_sub(1, std::memory_order_acq_rel) != 1)
      return;
    close();
    intrusive_ptr_release(this);
  }

  friend void intrusive_ptr_add_ref(queue_impl* q) noexcept {
    q->references_.fetch_add(1, std::memory_order_relaxed);
  }
  friend void intrusive_ptr_release(queue_impl* q) noexcept {
    if (q->references_.fetch_sub(1, std::memory_order_acq_rel) == 1)
      delete q;
  }

 private:
  using timer_type = typename Traits::template timer_type<Executor>;

  struct work : actions {
    watch_list watches;
    bool signal = false;
  };

  // Services are shut down newest first, and a channel must not be sent to after its own has been. So ours,
  // which takes the signallers away, comes after it.
  static asio::execution_context& context_of(const Executor& ex) {
    asio::execution_context& context = asio::query(ex, asio::execution::context);
    if (!asio::has_service<queue_service>(context))
      signaller_type(ex, 1);
    return context;
  }

  // A timer that nobody needs any longer is not cancelled but runs out within this time: arming and
  // cancelling it for every wait would cost more than the wait.
  static constexpr timestamp timer_linger = std::chrono::milliseconds(100);

  ~queue_impl() { assert(core_.empty()); }

  /// Runs `step` under the lock, then does what it decided. Touches nothing of the queue after the lock is
  /// released, but where a slot was closed, whose reference is dropped last, or the step asked for the
  /// signal.
  template <class Step>
  void act(Step&& step) noexcept {
    work todo;
    signaller_type* signaller = nullptr;
    {
      std::lock_guard lock(mutex_);
      step(todo);
      if (todo.resumed)
        arm_timer(now());
      for (slot_node& s : todo.closed)
        end_watches(entry_of(s), todo);
      if (todo.signal || !todo.closed.empty())
        signaller = signaller_.get();
    }
    send(todo);
    if (signaller)
      signaller->try_send(error_code());
    finish_closed(todo);
  }

  static void send(work& todo) noexcept {
    while (!todo.due.empty()) {
      auto& op = static_cast<wait_op_base&>(todo.due.front());
      todo.due.pop_front();
      op.post();
    }
    while (!todo.watches.empty()) {
      watch_node& op = todo.watches.front();
      todo.watches.pop_front();
      op.post();
    }
  }

  void finish_closed(work& todo) noexcept {
    while (!todo.closed.empty()) {
      entry_type& e = entry_of(todo.closed.front());
      todo.closed.pop_front();
      e.close_and_destroy();
      intrusive_ptr_release(&e);
      intrusive_ptr_release(this);
    }
  }

  // Only from the first slot or wait on, so that a queue that nobody has used yet is small. A queue that
  // there is no memory for goes on without.
  void keep_histograms() noexcept {
    if (histograms_)
      return;
    histograms_.reset(new (std::nothrow) queue_histograms);
    core_.record_into(histograms_.get());
  }

  static entry_type& entry_of(slot_node& s) noexcept { return static_cast<entry_type&>(s); }

  // Ends the watches of a slot that has just been acquired. Gives up the lock.
  entry_type* tell_acquired(std::unique_lock<typename Traits::mutex_type>& lock, slot_node* s) noexcept {
    if (!s)
      return nullptr;
    entry_type& e = entry_of(*s);
    if (e.watchers.empty())
      return &e;
    work todo;
    for (auto it = e.watchers.begin(); it != e.watchers.end();) {
      watch_node& op = *it++;
      if (!op.until_closed)
        end_watch(op, slot_fate::acquired, {}, todo);
    }
    lock.unlock();
    send(todo);
    return &e;
  }

  static slot_fate fate_of_closed(const entry_type& e) noexcept {
    return e.retired == eject_reason::closed ? slot_fate::closed : slot_fate::ejected;
  }

  void end_watches(entry_type& e, work& todo) noexcept {
    while (!e.watchers.empty())
      end_watch(e.watchers.front(), fate_of_closed(e), {}, todo);
  }

  void end_watch(watch_node& op, slot_fate fate, error_code result, work& todo) noexcept {
    forget_watch(op);
    op.ended = true;
    op.fate = fate;
    op.result = result;
    todo.watches.push_front(op);
  }

  void forget_watch(watch_node& op) noexcept {
    auto& watchers = static_cast<entry_type*>(op.entry)->watchers;
    watchers.erase(watchers.iterator_to(op));
    watches_.erase(watches_.iterator_to(op));
  }

  template <class OpBase>
  static void disconnect(OpBase& op) noexcept {
    if (op.link)
      std::exchange(op.link, nullptr)->op = nullptr;
  }

  void arm_timer(timestamp t) {
    const timestamp deadline = core_.next_deadline();
    if (deadline == wait_node::no_deadline)
      return;
    const timestamp at = std::min(deadline, t + timer_linger);
    if (timer_ && armed_for_ <= at)
      return;
    if (!timer_)
      timer_ = std::make_unique<timer_type>(executor_);
    armed_for_ = at;
    const std::uint32_t round = ++timer_round_;
    timer_->expires_at(
        typename clock_type::time_point(std::chrono::duration_cast<typename clock_type::duration>(at)));
    timer_->async_wait([self = pointer(this), round](error_code) { self->on_timer(round); });
  }

  void on_timer(std::uint32_t round) noexcept {
    std::unique_ptr<timer_type> unneeded;
    act([&](auto& todo) {
      if (round != timer_round_)
        return;
      const timestamp t = now();
      core_.expire(t, todo);
      todo.signal = !todo.due.empty();
      armed_for_ = timestamp::max();
      if (core_.next_deadline() == wait_node::no_deadline)
        unneeded = std::move(timer_);
      else
        arm_timer(t);
    });
  }

  void shut_down() noexcept override {
    const pointer keep(this);
    due_list waits;
    boost::intrusive::list<watch_node, boost::intrusive::base_hook<list_hook>,
                           boost::intrusive::constant_time_size<false>>
        watches;
    // What belongs to the context goes with it, since leases and handles may outlive it.
    std::unique_ptr<signaller_type> signaller;
    std::unique_ptr<timer_type> timer;
    {
      std::lock_guard lock(mutex_);
      signaller = std::move(signaller_);
      timer = std::move(timer_);
      core_.forget_waits(waits);
      for (watch_node& op : watches_) {
        op.ended = true;
        static_cast<entry_type*>(op.entry)->watchers.clear();
      }
      watches.swap(watches_);
    }
    while (!waits.empty()) {
      auto& op = static_cast<wait_op_base&>(waits.front());
      waits.pop_front();
      op.destroy();
    }
    while (!watches.empty()) {
      watch_node& op = watches.front();
      watches.pop_front();
      op.destroy();
    }
  }

  mutable typename Traits::mutex_type mutex_;
  core_type core_;
  Executor executor_;
  std::unique_ptr<queue_histograms> histograms_;
  std::unique_ptr<signaller_type> signaller_;
  std::unique_ptr<timer_type> timer_;
  timestamp armed_for_ = timestamp::max();
  std::uint32_t timer_round_ = 0;
  std::atomic<std::uint32_t> handles_{0};
  std::atomic<std::uint32_t> references_{0};
  boost::intrusive::list<watch_node, boost::intrusive::base_hook<list_hook>,
                         boost::intrusive::constant_time_size<false>>
      watches_;
};

} // namespace hotslot::detail

#endif
