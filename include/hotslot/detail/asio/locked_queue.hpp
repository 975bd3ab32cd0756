// The state machine of a queue under its mutex, and what is done when that is released.
#pragma once

#include <hotslot/detail/asio/deadline_timer.hpp>
#include <hotslot/detail/asio/queue_service.hpp>
#include <hotslot/detail/asio/slot_entry.hpp>
#include <hotslot/detail/asio/slot_watches.hpp>
#include <hotslot/detail/asio/upkeep_task.hpp>
#include <hotslot/detail/asio/wait_op.hpp>
#include <hotslot/detail/launcher/launched_queue.hpp>
#include <hotslot/detail/queue/queue_core.hpp>
#include <hotslot/leak_detection.hpp>
#include <hotslot/queue_traits.hpp>
#include <hotslot/slot_upkeep.hpp>

#include <boost/smart_ptr/intrusive_ptr.hpp>

#include <atomic>
#include <cassert>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>

namespace hotslot::detail {

/// Lifetime: `references_` counts whatever points here: all handles together, each operation and each link to
/// one, each token and offer, the timer, each slot that is not closed. A lease points here without counting,
/// since its slot does.
template <slot Slot, class Executor, class Traits>
class locked_queue : public registered_queue, public launched_queue<typename Traits::hook_type> {
  using launched_base = launched_queue<typename Traits::hook_type>;
  using clock_type = typename Traits::clock_type;
  using hook_type = typename Traits::hook_type;

 public:
  using core_type = basic_queue_core<hook_type>;
  using entry_type = slot_entry<Slot, typename core_type::slot_type, keeps_age<Traits>>;
  using signaller_type = queue_signaller<Executor>;
  /// Of what runs on a strand: the strand, under the name of the queue's executor where that can be one.
  using inner_executor = std::conditional_t<std::is_constructible_v<Executor, asio::strand<Executor>>,
                                            Executor, asio::strand<Executor>>;
  template <class Other>
  using timer_type_for = typename Traits::template timer_type<Other>;
  using upkeep_type = slot_upkeep<Slot, inner_executor>;

  static timestamp now() noexcept { return to_timestamp(clock_type::now()); }
  static timestamp to_timestamp(typename clock_type::time_point t) noexcept {
    if (t == clock_type::time_point::max())
      return wait_node::no_deadline;
    return std::chrono::duration_cast<timestamp>(t.time_since_epoch());
  }

  static typename clock_type::time_point to_time_point(timestamp t) noexcept {
    if (t == timestamp::max())
      return clock_type::time_point::max();
    return typename clock_type::time_point(std::chrono::duration_cast<typename clock_type::duration>(t));
  }

  const Executor& get_executor() const noexcept { return executor_; }

  /// Makes room for slots and waits. A queue that has never had any does without, so that it is small. To be
  /// called before the functions that take one; throws `bad_alloc`.
  void prepare() {
    if constexpr (!is_hooked)
      if (!state_.load(std::memory_order_acquire)) [[unlikely]]
        make_state();
  }

  /// The channel by which a wait that begins or ends, and a slot that is closed, wake the launcher.
  signaller_type& signaller() {
    prepare();
    std::lock_guard lock(mutex_);
    if (!state_or_null()->signaller)
      state_or_null()->signaller = std::make_unique<signaller_type>(executor_, 1);
    return *state_or_null()->signaller;
  }

  bool closed() const noexcept override {
    std::lock_guard lock(mutex_);
    return state_or_null() ? state_or_null()->core.closed() : closed_;
  }

  // Slots that are looked after, by their tasks

  /// Precondition: there is one.
  const upkeep_type& upkeep() const noexcept { return *state_or_null()->upkeep; }

  /// Resumes it where it is paused.
  void wake([[maybe_unused]] entry_type& e) noexcept {
    if constexpr (pausable_slot<Slot>) {
      std::unique_lock lock(mutex_);
      const bool paused = e.paused;
      e.paused = false;
      lock.unlock();
      if (paused)
        e.resume();
    }
  }

  /// `late`: it was given up before.
  void finish(entry_type& e, slot_task what, bool fit, bool late) noexcept {
    const timestamp t = now();
    act([&](state& s, work& todo) {
      if (late)
        s.core.finish_late(e, what, fit, t, todo);
      else
        s.core.finish(e, what, fit, t, todo);
    });
  }
  void give_up(entry_type& e, slot_task what) noexcept {
    const timestamp t = now();
    act([&](state& s, work& todo) { s.core.give_up(e, what, t, todo); });
  }

  friend void intrusive_ptr_add_ref(locked_queue* q) noexcept {
    q->references_.fetch_add(1, std::memory_order_relaxed);
  }
  friend void intrusive_ptr_release(locked_queue* q) noexcept {
    if (q->references_.fetch_sub(1, std::memory_order_acq_rel) == 1)
      delete q;
  }

 protected:
  using pointer = boost::intrusive_ptr<locked_queue>;
  using timer_type = timer_type_for<Executor>;

  static constexpr bool is_hooked = queue_recorder<hook_type>::is_hooked;

  struct state {
    explicit state(const hook_type& hook)
      : core(hook) {}

    core_type core;
    slot_watches watches;
    deadline_timer<timer_type> timer{std::chrono::milliseconds(100)};
    deadline_timer<timer_type> leak_timer{std::chrono::seconds(1)};
    std::function<void(const leaked_lease&)> on_leak; ///< Not changed once there has been a slot.
    std::unique_ptr<const upkeep_type> upkeep;        ///< Not changed once there has been a slot.
    std::unique_ptr<signaller_type> signaller;
  };

  struct work : queue_actions {
    watch_list watches;
  };

  explicit locked_queue(const Executor& ex, const hook_type& hook)
    : registered_queue(ex)
    , executor_(ex) {
    if constexpr (is_hooked)
      state_ = new state(hook);
  }
  ~locked_queue() override {
    const std::unique_ptr<state> gone(state_or_null());
    assert(!gone || gone->core.empty());
  }

  /// Null where the queue has had no slot and no wait. To be called under the lock, or where there is one.
  state* state_or_null() const noexcept { return state_.load(std::memory_order_relaxed); }

  /// Runs `step` under the lock, then does what it decided. Touches nothing of the queue after the lock is
  /// released, but where there is a reference that sees to it.
  template <class Step>
  void act(Step&& step) noexcept {
    work todo;
    signaller_type* signaller = nullptr;
    pointer keep;
    {
      std::lock_guard lock(mutex_);
      state* s = state_or_null();
      if (!s)
        return;
      step(*s, todo);
      if (todo.resumed)
        arm_timer(*s, now());
      todo.signal |=
          (!todo.closed.empty() && !todo.known) || (todo.wait_changed && s->core.terms().waits_matter());
      if (todo.signal && s->signaller) {
        signaller = s->signaller.get();
        keep = this;
      }
    }
    while (!todo.due.empty()) {
      auto& op = static_cast<wait_op_base&>(todo.due.front());
      todo.due.pop_front();
      op.post();
    }
    if (signaller)
      signaller->try_send(error_code());
    send_watches(todo);
    look_after(todo);
    close_slots(todo.closed);
  }

  static void send_watches(work& todo) noexcept {
    while (!todo.watches.empty()) {
      watch_node& op = todo.watches.front();
      todo.watches.pop_front();
      op.post();
    }
  }

  void look_after(work& todo) noexcept {
    while (!todo.tended.empty()) {
      entry_type& e = entry_of(todo.tended.front());
      todo.tended.pop_front();
      upkeep_task<locked_queue>::begin(*this, e, todo.task);
    }
  }

  // Each slot has a reference to the queue until it is gone, which it is when its `close()` has returned.
  void close_slots(slot_list& slots) noexcept {
    if (slots.empty())
      return;
    for (slot_node& s : slots)
      entry_of(s).close_and_destroy();
    act([&](state& q, work& todo) {
      q.core.finish_closing(slots, todo);
      for (slot_node& s : slots)
        q.watches.closed(entry_of(s).watchers, s, todo.watches);
    });
    while (!slots.empty()) {
      entry_type& e = entry_of(slots.front());
      slots.pop_front();
      forget(e);
    }
  }

  /// The slot is gone.
  void forget(entry_type& e) noexcept {
    drop_lease_record();
    intrusive_ptr_release(&e);
    intrusive_ptr_release(this);
  }

  /// One is to be added for each slot; null where leases are not watched. Throws `bad_alloc`.
  std::unique_ptr<lease_record> new_lease_record() const {
    return watches_leases() ? std::make_unique<lease_record>() : nullptr;
  }
  void add(std::unique_ptr<lease_record> r) noexcept {
    if (!r) [[likely]]
      return;
    std::lock_guard lock(mutex_);
    state_or_null()->core.leases().add_record(*r.release());
  }

  static entry_type& entry_of(slot_node& s) noexcept { return static_cast<entry_type&>(s); }

  bool close_without_state() noexcept {
    std::lock_guard lock(mutex_);
    closed_ = true;
    return !state_or_null();
  }

  /// A lease has begun.
  void watch_for_leaks(state& s, timestamp t) {
    s.leak_timer.arm(executor_, t, s.core.leases().next_leak(), [this](std::uint32_t round) {
      return [self = pointer(this), round](error_code) { self->on_leak_timer(round); };
    });
  }

  void arm_timer(state& s, timestamp t) {
    s.timer.arm(executor_, t, s.core.next_deadline(), [this](std::uint32_t round) {
      return [self = pointer(this), round](error_code) { self->on_timer(round); };
    });
  }

  mutable typename Traits::mutex_type mutex_;

  bool closed_ = false; ///< Before there was a state.

 private:
  void make_state() {
    auto fresh = std::make_unique<state>(hook_type());
    std::lock_guard lock(mutex_);
    if (state_or_null())
      return;
    queue_actions nothing;
    if (closed_)
      fresh->core.close(nothing);
    if (context_ended_) {
      fresh->timer.end();
      fresh->leak_timer.end();
    }
    state_.store(fresh.release(), std::memory_order_release);
  }

  void on_timer(std::uint32_t round) noexcept {
    std::unique_ptr<timer_type> unneeded;
    act([&](state& s, work& todo) {
      if (!s.timer.ran(round))
        return;
      const timestamp t = now();
      todo.wait_changed = s.core.expire(t, todo);
      if (s.core.next_deadline() == wait_node::no_deadline)
        unneeded = s.timer.take();
      else
        arm_timer(s, t);
    });
  }

  bool watches_leases() const noexcept {
    const state* s = state_or_null();
    return s && s->core.watches_leases();
  }

  void drop_lease_record() noexcept {
    if (!watches_leases()) [[likely]]
      return;
    std::unique_lock lock(mutex_);
    const std::unique_ptr<lease_record> gone(state_or_null()->core.leases().take_record());
    lock.unlock();
  }

  void on_leak_timer(std::uint32_t round) noexcept {
    bool current = false;
    act([&](state& s, work&) { current = s.leak_timer.ran(round); });
    const timestamp t = now();
    while (const auto leak = current ? next_leak(t) : std::nullopt)
      if (const auto& tell = state_or_null()->on_leak)
        tell(*leak);
    if (!current)
      return;
    std::unique_ptr<timer_type> unneeded;
    act([&](state& s, work&) {
      if (s.core.closed() || s.core.leases().next_leak() == timestamp::max())
        unneeded = s.leak_timer.take();
      else
        watch_for_leaks(s, t);
    });
  }

  std::optional<leaked_lease> next_leak(timestamp t) noexcept {
    std::optional<leaked_lease> leak;
    act([&](state& s, work&) { leak = s.core.next_leak(t); });
    return leak;
  }

  using step_function = typename launched_base::template function<core_type&, queue_actions&>;
  using look_function = typename launched_base::template function<const core_type&>;

  void do_step(step_function f, void* self) override {
    prepare();
    act([&](state& s, work& todo) { f(self, s.core, todo); });
  }

  void do_look(look_function f, void* self) const noexcept override {
    std::lock_guard lock(mutex_);
    if (const state* s = state_or_null())
      f(self, s->core);
  }

  void add_reference() noexcept override { intrusive_ptr_add_ref(this); }
  void drop_reference() noexcept override { intrusive_ptr_release(this); }

  void shut_down() noexcept override {
    const pointer keep(this);
    queue_actions todo;
    slot_watches::all_list watches;
    // What belongs to the context goes with it, since leases and handles may outlive it.
    std::unique_ptr<signaller_type> signaller;
    std::unique_ptr<timer_type> timer, leak_timer;
    {
      std::lock_guard lock(mutex_);
      context_ended_ = true;
      state* s = state_or_null();
      if (!s)
        return;
      signaller = std::move(s->signaller);
      timer = s->timer.end();
      leak_timer = s->leak_timer.end();
      s->core.forget_waits(todo);
      s->watches.forget_all(watches);
    }
    while (!todo.due.empty()) {
      auto& op = static_cast<wait_op_base&>(todo.due.front());
      todo.due.pop_front();
      op.destroy();
    }
    while (!watches.empty()) {
      watch_node& op = watches.front();
      watches.pop_front();
      op.destroy();
    }
  }

  std::atomic<state*> state_{nullptr};
  std::atomic<std::uint32_t> references_{0};
  Executor executor_;
  bool context_ended_ = false; ///< So that there is no timer any more.
};

} // namespace hotslot::detail
