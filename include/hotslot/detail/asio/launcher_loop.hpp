// What runs on a launcher's strand: the loop, its starts, and what looks after each worker.
#pragma once

#include <hotslot/detail/asio/queue_impl.hpp>
#include <hotslot/detail/asio/worker_factory.hpp>
#include <hotslot/detail/launcher/launcher_core.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/intrusive/list.hpp>

#include <algorithm>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

namespace hotslot::detail {

/// Handlers, and no coroutines but the users' own: a launcher costs whoever compiles one little more than its
/// queue.
template <slot Slot, class Executor, class Traits>
class launcher_loop final : public launcher_core<typename Traits::hook_type, typename Traits::mutex_type> {
  using core = launcher_core<typename Traits::hook_type, typename Traits::mutex_type>;
  using clock_type = typename Traits::clock_type;
  using time_point = typename clock_type::time_point;
  using start_type = typename core::start_type;

 public:
  using impl_type = queue_impl<Slot, Executor, Traits>;
  using pointer = std::shared_ptr<launcher_loop>;
  /// What everything runs on.
  using inner_executor = typename impl_type::inner_executor;
  using factory_type = std::function<asio::awaitable<Slot, inner_executor>(const start_context&)>;

  launcher_loop(impl_type& q, factory_type f, launcher_options o, typename core::account_pointer a)
    : core(q, std::move(o), std::move(a))
    , impl_(&q)
    , strand_(asio::make_strand(q.get_executor()))
    , signaller_(q.signaller())
    , factory_(std::move(f)) {
    alarm_.emplace(*strand_);
  }

  void wake_later() override {
    asio::post(*strand_, [weak = this->weak_from_this()] {
      if (const auto self = weak.lock())
        self->wake();
    });
  }

  void write_to(queue_detail& out) const {
    core::write_to(out);
    out.leaks = impl_->leaks();
  }

  static void run(const pointer& self) {
    self->open();
    await_signal(turn(self));
    self->wake();
  }

 private:
  using timer_type = typename Traits::template timer_type<inner_executor>;
  using entry_pointer = typename impl_type::entry_pointer;

  /// One look after the queue, and the wait for the next. Where it is destroyed with its context, the queue
  /// is left to itself.
  class turn {
   public:
    explicit turn(pointer self) noexcept
      : self_(std::move(self)) {}
    turn(turn&&) noexcept = default;
    ~turn() {
      if (self_)
        self_->end();
    }

    // Signalled, aged out or stopped: all three come through the signaller, since a race of three waits for
    // each decision would cost more than the decision.
    void operator()(error_code = {}) {
      launcher_loop& self = *self_;
      if (self.stopped.load() || self.queue->closed())
        return self.cancel_starts();
      try {
        wake_at(self_, self.look_after_queue(self_));
        await_signal(std::move(*this));
      } catch (...) { // without memory there is no launcher
      }
    }

    launcher_loop& loop() const noexcept { return *self_; }

   private:
    pointer self_;
  };

  static void await_signal(turn next) {
    launcher_loop& self = next.loop();
    self.signaller_.async_receive(asio::bind_executor(*self.strand_, std::move(next)));
  }

  /// A factory that runs.
  struct running : list_hook {
    running(pointer p, typename core::start_pointer s)
      : self(std::move(p))
      , start(std::move(s))
      , executor(*self->strand_) {
      self->running_.push_back(*this);
    }
    running(const running&) = delete;
    ~running() { ended(); }

    void ended() noexcept {
      if (!made)
        self->running_.erase(self->running_.iterator_to(*this));
      made = true;
    }

    const pointer self;
    const typename core::start_pointer start;
    const inner_executor executor; ///< It may go on beyond the launcher's end.
    const timestamp began = impl_type::now();
    const timestamp late_at = later(began, self->options.start_timeout);
    asio::cancellation_signal cancel;
    bool made = false;
  };
  using running_pointer = std::shared_ptr<running>;

  struct keeps_loop {
    pointer self;
  };
  /// A worker, from when its slot is queued until that is closed, and the worker gone where somebody tells
  /// it.
  struct looked_after final : keeps_loop, core::registry_type::worker, watch_node {
    explicit looked_after(const pointer& p)
      : keeps_loop{p}
      , core::registry_type::worker(p->workers)
      , watch_node(true) {}

    void post() override { delete this; }
    void destroy() noexcept override { delete this; }
  };

  // Nobody counts on them any longer, though one that takes no notice may make a worker yet.
  void cancel_starts() noexcept {
    for (auto it = running_.begin(); it != running_.end();) {
      running& r = *it++;
      if (r.start->counted.kind() == start_kind::starting)
        r.start->counted.fail(operation_aborted, false);
      r.cancel.emit(asio::cancellation_type::terminal);
    }
  }

  void end() noexcept {
    core::end();
    alarm_.reset();
    strand_.reset();
  }

  /// Returns when to look again. Where it cannot be done, that is a failed start.
  timestamp look_after_queue(const pointer& self) {
    try {
      const timestamp now = impl_type::now();
      timestamp wake = limit_starts(now);
      auto next = this->decide(now);
      for (; !next.go.empty(); next.go.pop_front())
        wake = std::min(wake, begin(self, next.go.front()));
      return std::min(wake, next.wake);
    } catch (...) {
      this->failed(this->describe(std::current_exception()));
      return this->next_attempt();
    }
  }

  /// Or before: a time that is set for earlier is left to come.
  static void wake_at(const pointer& self, timestamp t) {
    if (t >= self->alarm_set_for_)
      return;
    self->alarm_set_for_ = t;
    self->alarm_->expires_at(impl_type::to_time_point(t));
    self->alarm_->async_wait([self](error_code ec) {
      if (ec)
        return;
      self->alarm_set_for_ = timestamp::max();
      self->wake();
    });
  }

  /// Returns when it takes too long. The handler keeps what runs beyond the coroutine, whose last steps still
  /// look at the cancellation slot.
  static timestamp begin(const pointer& self, const typename core::start_pointer& s) {
    const auto r = std::make_shared<running>(self, s);
    asio::co_spawn(r->executor, make(self, s),
                   asio::bind_cancellation_slot(r->cancel.slot(),
                                                [r](std::exception_ptr error, std::unique_ptr<Slot> made) {
                                                  r->ended();
                                                  if (error)
                                                    r->self->fail(*r->start, core::describe(error));
                                                  else
                                                    r->self->adopt(r, *made);
                                                }));
    return r->late_at;
  }

  static asio::awaitable<std::unique_ptr<Slot>, inner_executor> make(pointer self,
                                                                     typename core::start_pointer s) {
    Slot slot = co_await self->factory_(s->context); // which may throw before there is an awaitable
    co_return std::make_unique<Slot>(std::move(slot));
  }

  /// Starts that take too long fail, and are no longer counted as such, whether or not their factories let
  /// themselves be cancelled. A worker that comes all the same is adopted, where there is room. Returns when
  /// the next one takes too long.
  timestamp limit_starts(timestamp now) {
    timestamp next = timestamp::max();
    for (auto it = running_.begin(); it != running_.end();) {
      running& r = *it++;
      if (r.start->counted.kind() != start_kind::starting)
        continue;
      if (now < r.late_at) {
        next = std::min(next, r.late_at);
        continue;
      }
      const error_code code = errc::start_timeout;
      fail(*r.start, {.code = code, .message = code.message()});
      r.cancel.emit(asio::cancellation_type::terminal);
    }
    return next;
  }

  /// A start that makes no worker, or not in time, is over; but where that is known already.
  void fail(start_type& s, const launch_failure& f) {
    if (s.counted.kind() != start_kind::starting)
      return;
    const bool ends = this->stopped.load();
    s.counted.fail(f.code, !ends);
    if (!ends)
      this->failed(f);
  }

  /// The new worker's slot goes into the queue. Where there is no room or no memory for it, it is closed.
  void adopt(const running_pointer& r, Slot& made) {
    start_type& s = *r->start;
    const bool counted = s.counted.kind() == start_kind::starting;
    gone_type gone;
    std::unique_ptr<looked_after> w;
    entry_pointer entry;
    try {
      gone = watch(made);
      if (counted || this->has_room()) {
        w = std::make_unique<looked_after>(r->self);
        w->born = impl_type::now();
        w->end = this->end_of_life(w->born);
        entry = impl_->prepare_slot(std::move(made));
      }
    } catch (...) {
      fail(s, core::describe(std::current_exception()));
    }
    if (!entry) {
      s.counted.is_leaving();
      made.close();
      return wait_gone(*r, std::move(gone), [r] {});
    }
    w->slot = typename core::registry_type::slot_pointer(*impl_, *entry);
    w->reservation = std::move(s.reserved);
    this->workers.add(*w);
    this->succeeded();
    impl_->launched(*entry, w->born - r->began, s.cause, counted);
    if (counted)
      s.counted.drop_one();
    if constexpr (is_watched)
      wait_gone(*r, std::move(gone), [w = std::move(w), entry]() mutable {
        const pointer self = w->self;
        self->queue->retire(*entry, eject_reason::gone);
        self->impl_->start_watch(*w.release(), *entry, 0);
      });
    else
      impl_->start_watch(*w.release(), *entry, 0);
  }

  static constexpr bool is_watched = watched_slot<Slot, inner_executor>;
  struct never_told {};
  using gone_type =
      std::conditional_t<is_watched, std::optional<asio::awaitable<void, inner_executor>>, never_told>;

  static gone_type watch([[maybe_unused]] Slot& s) {
    if constexpr (is_watched)
      return s.wait_gone();
    else
      return {};
  }

  /// `then` stands for the worker: it is run, or destroyed, when nothing is left of that.
  template <class Then>
  static void wait_gone([[maybe_unused]] const running& r, [[maybe_unused]] gone_type gone,
                        Then then) noexcept {
    if constexpr (is_watched)
      try {
        // Whatever is wrong with it, the worker is no longer watched.
        if (gone)
          asio::co_spawn(r.executor, std::move(*gone),
                         [then = std::move(then)](std::exception_ptr) mutable { then(); });
      } catch (...) { // without memory nobody looks after it
      }
  }

  const typename impl_type::pointer impl_;
  std::optional<inner_executor> strand_; ///< Until the end: a strand must not outlive its context.
  typename impl_type::signaller_type& signaller_;
  factory_type factory_;
  std::optional<timer_type> alarm_;
  timestamp alarm_set_for_ = timestamp::max();
  boost::intrusive::list<running, boost::intrusive::base_hook<list_hook>,
                         boost::intrusive::constant_time_size<false>>
      running_;
};

} // namespace hotslot::detail
