// What the coroutines of one launcher share, and what it does with workers that are there.
#pragma once

#include <hotslot/detail/asio/queue_impl.hpp>
#include <hotslot/detail/asio/stop_event.hpp>
#include <hotslot/detail/launcher/worker_registry.hpp>
#include <hotslot/launcher_options.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/intrusive/list.hpp>

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <utility>
#include <vector>

namespace hotslot::detail {

/// Lifetime: kept by its launcher, its loop, and each start and worker.
template <slot Slot, class Executor, class Traits>
class launcher_state final : public evictable,
                             public std::enable_shared_from_this<launcher_state<Slot, Executor, Traits>> {
 public:
  using impl_type = queue_impl<Slot, Executor, Traits>;
  using core_type = typename impl_type::core_type;
  using actions = typename impl_type::actions;
  using entry_pointer = typename impl_type::entry_pointer;
  using tracker_type = basic_resource_tracker<Executor>;
  using reservation = typename tracker_type::reservation;
  using factory_type = std::function<asio::awaitable<Slot, Executor>()>;
  using registry_type = worker_registry<impl_type, reservation>;

  /// A start that waits for its resources. Lives in it.
  struct reserving : list_hook {
    explicit reserving(launcher_state& s)
      : needless(s.queue->get_executor())
      , owner(s) {
      owner.reserving_.push_back(*this);
    }
    reserving(const reserving&) = delete;
    ~reserving() { owner.reserving_.erase(owner.reserving_.iterator_to(*this)); }

    stop_event<Executor> needless; ///< It is not needed any longer.
    launcher_state& owner;
  };

  launcher_state(impl_type* q, factory_type f, launcher_options o, std::optional<tracker_type> tracker)
    : queue(q)
    , strand(asio::make_strand(q->get_executor()))
    , signaller(q->signaller())
    , stop(q->get_executor())
    , factory(std::move(f))
    , options(std::move(o))
    , workers(*q)
    , random_(options.jitter_seed)
    , began_at_(impl_type::now()) {
    if (tracker)
      account.emplace(tracker->open_account(options.account));
  }

  /// What is to be done next, and when to look again.
  struct plan {
    std::uint64_t start = 0;
    timestamp wake = timestamp::max();
  };

  /// Looks after the workers that are there, decides how many to start, and counts them in the same step. On
  /// the strand.
  plan decide(timestamp now) {
    take_new_options();
    plan next{.wake = keep_house(now)};
    queue->step([&](core_type& core, actions& todo) { decide_starts(core, now, next, todo); });
    workers.go_on_recycling(under_way_);
    if (account && pressure_.load())
      account->relieve();
    return next;
  }

  /// Whether a start that has waited for its resources is still needed.
  bool is_needed(const core_type& core) const noexcept {
    return core.waiting() + options.min_idle > core.idle() + core.starting();
  }

  void succeeded() {
    control_.succeeded();
    queue->step([](core_type& core, actions&) { core.terms().refuse_waits({}); });
    std::lock_guard lock(mutex_);
    failure_.reset();
  }

  void failed(launch_failure f) {
    f.at = impl_type::now();
    f.retry = control_.failed(options.starts, f.at, static_cast<std::uint32_t>(random_()));
    f.in_a_row = control_.failures();
    f.opened_breaker = control_.open(options.starts, f.at);
    {
      std::lock_guard lock(mutex_);
      failure_ = f;
    }
    if (options.on_failure)
      options.on_failure(f);
    queue->step([&](core_type& core, actions& todo) {
      if (f.opened_breaker)
        core.terms().refuse_waits(f.code);
      if (options.failures_end == failure_scope::one)
        core.launch_failed(f.code, todo);
      else if (options.failures_end == failure_scope::all || f.opened_breaker)
        core.fail_waiters(f.code, core.waiting(), todo);
      todo.signal = true;
    });
  }

  /// When a worker that starts to live now is to be ended at the latest.
  timestamp end_of_life(timestamp now) {
    const auto life = options.max_lifetime;
    if (life == std::chrono::nanoseconds::max())
      return timestamp::max();
    const auto jitter = life / 100 * std::min<std::uint32_t>(options.lifetime_jitter_percent, 100);
    return later(now, life) - jitter / 1024 * static_cast<std::int64_t>(random_() % 1024);
  }

  // From any thread

  void wake() noexcept {
    queue->step([](core_type&, actions& todo) { todo.signal = true; });
  }

  void change(launcher_options o) {
    std::lock_guard lock(mutex_);
    new_options_ = std::move(o);
  }

  std::optional<launch_failure> failure() const {
    std::lock_guard lock(mutex_);
    return failure_;
  }

  std::optional<failure_view> failure_now() const {
    std::lock_guard lock(mutex_);
    return failure_ ? std::optional(view(*failure_, impl_type::now())) : std::nullopt;
  }

  void write_to(queue_detail& out) const {
    const timestamp now = impl_type::now();
    out.workers = workers.view(now);
    std::lock_guard lock(mutex_);
    out.policy = policy_name_;
    out.decisions = decisions_.view(now);
    if (failure_)
      out.failures = {view(*failure_, now)};
  }

  /// Begins to look after the queue.
  void begin() {
    limit_calls();
    if (account)
      account->set_workers(this);
    policy_name_ = options.policy_name;
  }

  /// Leaves the queue to itself.
  void end() {
    if (account)
      account->set_workers(nullptr);
    queue->step([](core_type& core, actions&) {
      core.terms().watch_waits(true);
      core.terms().watch_minimum(0);
      core.terms().refuse_waits({});
      core.terms().surrender(0);
    });
  }

  typename impl_type::pointer queue;
  asio::strand<Executor> strand;
  typename impl_type::signaller_type& signaller;
  stop_event<Executor> stop; ///< Set when the launcher ends: cancels the starts under way.
  factory_type factory;
  launcher_options options; ///< On the strand.
  std::optional<typename tracker_type::account> account;
  registry_type workers;

 private:
  // Resources are granted one after another, so more need not wait for them.
  static constexpr std::uint64_t most_reserving = 16;

  static failure_view view(const launch_failure& f, timestamp now) {
    const timestamp left = std::max(f.at + f.retry - now, timestamp());
    return {.ago = now - f.at,
            .message = f.message,
            .in_a_row = f.in_a_row,
            .retry_in = left,
            .breaker_open = f.opened_breaker && left != timestamp()};
  }

  void take_new_options() {
    std::optional<launcher_options> fresh;
    {
      std::lock_guard lock(mutex_);
      fresh.swap(new_options_);
      if (fresh)
        policy_name_ = fresh->policy_name;
    }
    if (!fresh)
      return;
    options = std::move(*fresh);
    min_idle_.store(options.min_idle);
    limit_calls();
    if (account)
      account->change(options.account);
  }

  void limit_calls() {
    queue->step([&](core_type& core, actions&) { core.terms().limit_calls(options.max_calls); });
  }

  static timestamp later(timestamp t, std::chrono::nanoseconds by) noexcept {
    return by < timestamp::max() - t ? t + by : timestamp::max();
  }

  // How many workers there have to be for the minimum of idle ones, as many as are busy now.
  std::uint64_t kept_with(const core_type& core) const noexcept {
    return options.min_idle + core.live() - core.idle();
  }

  // Ends and pauses what has been idle or alive for too long. Returns when to look again. Idle slots are
  // looked at only every 16th part of the idle timeout, so that many of them do not cost as many wake-ups.
  timestamp keep_house(timestamp now) {
    timestamp next = workers.retire_aged(now);
    const timestamp timeout = options.idle_timeout;
    if (now >= aged_at_ + timeout / 16) {
      queue->step([&](core_type& core, actions& todo) {
        core.eject_idle(now - timeout, kept_with(core), todo);
        todo.known = true;
      });
      aged_at_ = now;
    }
    if constexpr (pausable_slot<Slot>)
      if (options.pause_after != timestamp::max()) {
        const timestamp since = queue->pause_idle(now - options.pause_after);
        watches_idle_ = since == timestamp::max();
        if (!watches_idle_)
          next = std::min(next, later(since, options.pause_after));
      }
    return next;
  }

  void decide_starts(core_type& core, timestamp now, plan& next, actions& todo) {
    if (watches_idle_ || pressure_.load())
      core.terms().watch_idle();
    if (core.live() != 0) {
      const bool may_age = core.idle() > options.min_idle;
      const timestamp due = later(may_age ? core.oldest_idle() : now, options.idle_timeout);
      next.wake = std::min(next.wake, std::max(due, later(aged_at_, options.idle_timeout / 16)));
    }
    core.terms().watch_minimum(core.idle() < options.min_idle ? 0 : options.min_idle);
    if (control_.open(options.starts, now))
      next.wake = std::min(next.wake, control_.not_before());
    else
      core.terms().refuse_waits({});

    const std::uint64_t there = core.live() + core.under_way();
    const std::uint64_t room = options.max_workers > there ? options.max_workers - there : 0;
    core.terms().watch_waits(room != 0 || !reserving_.empty());
    scaling_decision d = ask_policy(core, now);
    d.start = std::min(with_minimum(core, d.start), room);
    const auto permit = control_.ask(options.starts, now, d.start, core.under_way());
    if (!permit.held_back.text.empty())
      d.reason = permit.held_back;
    d.start = next.start =
        account ? std::min(permit.starts, most_reserving - core.reserving()) : permit.starts;
    next.wake = std::min({next.wake, permit.again, d.again});
    if (d.eject != 0)
      core.eject_oldest(d.eject, kept_with(core), eject_reason::surplus, todo);
    if (account)
      core.enter_reserving(next.start);
    else
      core.enter_starting(next.start);
    under_way_ = core.under_way();
    cancel_surplus(core);
    note({.at = now, .start = d.start, .eject = d.eject, .reason = d.reason});
  }

  scaling_decision ask_policy(const core_type& core, timestamp now) {
    scaling_input in{.now = now,
                     .queue = core.snapshot(),
                     .next_deadline = core.next_deadline(),
                     .min_idle = options.min_idle,
                     .max_workers = options.max_workers};
    remember_worth(in);
    return options.policy(in);
  }

  // What is started for those that wait leaves fewer idle.
  std::uint64_t with_minimum(const core_type& core, std::uint64_t start) const noexcept {
    const std::uint64_t coming = core.idle() + core.under_way() + start;
    const std::uint64_t wanted = core.waiting() + options.min_idle;
    return options.min_idle != 0 && wanted > coming ? start + wanted - coming : start;
  }

  // Nobody waits for resources for callers that are there no longer, or served by others.
  void cancel_surplus(const core_type& core) noexcept {
    const std::uint64_t wanted = core.waiting() + options.min_idle;
    const std::uint64_t others = core.idle() + core.starting();
    std::uint64_t needed = wanted > others ? wanted - others : 0;
    for (reserving& r : reserving_)
      if (needed != 0)
        --needed;
      else
        r.needless.set();
  }

  void note(const decision& d) {
    std::lock_guard lock(mutex_);
    decisions_.add(d);
  }

  void remember_worth(const scaling_input& in) noexcept {
    const double seconds = std::chrono::duration<double>(in.now - began_at_).count();
    const double start = std::chrono::duration<double>(in.queue.latency(queue_state::starter)).count();
    worth_ = seconds > 0 ? start * static_cast<double>(in.queue.totals.acquired) / seconds : 0;
  }

  // evictable: under the tracker's lock

  resources worker_size() const noexcept override { return size_; }
  double worth() const noexcept override { return worth_; }

  std::uint64_t idle_workers() const noexcept override {
    std::uint64_t n = 0;
    queue->look([&](const core_type& core) { n = core.idle(); });
    return n > min_idle_ ? n - min_idle_ : 0;
  }

  timestamp oldest_idle() const noexcept override {
    timestamp oldest = timestamp::max();
    queue->look([&](const core_type& core) {
      if (core.idle() > min_idle_)
        oldest = core.oldest_idle();
    });
    return oldest;
  }

  bool claim_oldest() noexcept override {
    auto [entry, id] = queue->claim_oldest(min_idle_);
    if (!entry)
      return false;
    claimed_.push_back({std::move(entry), id});
    return true;
  }

  void evict_claimed() noexcept override {
    for (const auto& [entry, id] : claimed_)
      workers.with_worker_of(*entry, [](auto& w) { w.reservation.leaves(); });
    settle_claimed(
        [](impl_type& q, auto& entry, std::uint64_t id) { q.eject(entry, id, eject_reason::evicted); });
  }

  void unclaim() noexcept override {
    settle_claimed([](impl_type& q, auto& entry, std::uint64_t id) { q.decline(entry, id); });
  }

  // Posted: what ends a slot is its user's code, which must not run under the tracker's lock.
  template <class F>
  void settle_claimed(F f) {
    if (claimed_.empty())
      return;
    asio::post(strand, [self = this->shared_from_this(), claimed = std::exchange(claimed_, {}), f] {
      for (const auto& [entry, id] : claimed)
        f(*self->queue, *entry, id);
    });
  }

  void surrender(std::uint64_t n) noexcept override {
    queue->step([n](core_type& core, actions&) { core.terms().surrender(n); });
  }

  void set_pressure(bool yes) noexcept override {
    pressure_.store(yes);
    if (yes)
      queue->step([](core_type& core, actions&) { core.terms().watch_idle(); });
  }

  // On the strand.
  std::minstd_rand random_;
  start_control control_;
  timestamp aged_at_{};
  std::uint64_t under_way_ = 0;
  bool watches_idle_ = false; ///< The next slot that becomes idle has to be paused some time.
  boost::intrusive::list<reserving, boost::intrusive::base_hook<list_hook>,
                         boost::intrusive::constant_time_size<false>>
      reserving_;

  const timestamp began_at_;
  const resources size_ = options.per_worker;
  std::atomic<std::uint64_t> min_idle_{options.min_idle};
  std::atomic<double> worth_{0};
  std::atomic<bool> pressure_{false};
  std::vector<std::pair<entry_pointer, std::uint64_t>> claimed_; ///< Guarded by the tracker's lock.

  mutable std::mutex mutex_;
  std::optional<launcher_options> new_options_; // this and what follows: guarded by it
  std::optional<launch_failure> failure_;
  decision_ring decisions_;
  std::string policy_name_;
};

} // namespace hotslot::detail
