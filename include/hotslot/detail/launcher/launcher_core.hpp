// What one launcher knows and decides, whatever its slots and its executor are.
#pragma once

#include <hotslot/detail/launcher/evictable_workers.hpp>
#include <hotslot/detail/launcher/keepalive_schedule.hpp>
#include <hotslot/detail/launcher/launched_queue.hpp>
#include <hotslot/detail/launcher/start.hpp>
#include <hotslot/detail/launcher/worker_registry.hpp>
#include <hotslot/detail/queue/idle_keeping.hpp>
#include <hotslot/launcher_options.hpp>
#include <hotslot/stats/queue_detail.hpp>

#include <boost/system/system_error.hpp>

#include <algorithm>
#include <atomic>
#include <exception>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <utility>
#include <vector>

namespace hotslot::detail {

/// What is on its strand is said to be so; the rest may be called from any thread.
///
/// Lifetime: kept by its launcher, its loop, and each start and worker.
template <queue_hook Hook, class Mutex>
class launcher_core : public resource_waiter,
                      public std::enable_shared_from_this<launcher_core<Hook, Mutex>> {
 public:
  using queue_type = launched_queue<Hook>;
  using core_type = typename queue_type::core_type;
  using actions = queue_actions;
  using account_pointer = std::shared_ptr<shared_account<Mutex>>;
  using registry_type = worker_registry<Hook, Mutex>;
  using start_type = start_attempt<Hook, Mutex>;
  using start_pointer = std::shared_ptr<start_type>;
  using start_list = std::list<start_pointer>;

  launcher_core(queue_type& q, launcher_options o, account_pointer a);
  launcher_core(const launcher_core&) = delete;
  launcher_core& operator=(const launcher_core&) = delete;
  virtual ~launcher_core();

  /// What is to be done next, and when to look again.
  struct plan {
    start_list go = {}; ///< Starts that have what they need.
    timestamp wake = timestamp::max();
  };

  // On the strand

  /// Begins to look after the queue.
  void open();
  /// Looks after the workers that are there, and decides how many to start, which are counted in the same
  /// step.
  plan decide(timestamp now);
  /// When a start is tried again after the last failure.
  timestamp next_attempt() const noexcept { return control_.not_before(); }
  /// Whether there may be one worker more.
  bool has_room() const noexcept;
  void succeeded();
  void failed(launch_failure f);
  static launch_failure describe(const std::exception_ptr& error);
  /// When a worker that starts to live now is to be ended at the latest.
  timestamp end_of_life(timestamp now);
  /// Nobody waits for resources any longer.
  void stop_reserving() noexcept { reserving_.clear(); }
  /// Leaves the queue to itself.
  void end() noexcept;

  // From any thread

  void wake() noexcept;
  void change(launcher_options o);
  void recycle(std::uint64_t at_a_time);
  std::optional<failure_view> failure_now() const;
  void write_to(queue_detail& out) const;
  void resources_decided() noexcept override { wake(); }

  /// From the strand, some time soon. Until the end.
  virtual void wake_later() = 0;

  const typename queue_type::pointer queue;
  std::atomic<bool> stopped{false};
  launcher_options options; ///< On the strand.
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
    fresh->per_worker = options.per_worker;
    fresh->jitter_seed = options.jitter_seed;
    options = std::move(*fresh);
    ask_again_ = {}; // the policy is another
    next_look_ = {};
    evictables_.keep(options.min_idle);
    limit_calls();
    if (account_)
      account_->change(options.account);
  }

  void limit_calls() {
    queue->step([&](core_type& core, actions&) { core.terms().limit_calls(options.max_calls); });
  }

  // How many workers there have to be for the minimum of idle ones, as many as are busy now.
  std::uint64_t kept_with(const core_type& core) const noexcept {
    return options.min_idle + core.live() - core.spare();
  }

  // How often idle slots are looked at: by the idle timeout, but not without a pause.
  std::chrono::nanoseconds look_at_idle() const noexcept {
    return std::max<std::chrono::nanoseconds>(options.idle_timeout / 16, std::chrono::milliseconds(1));
  }

  // Ends and pauses what has been idle or alive for too long. Returns when to look again. Idle slots are
  // looked at only every 16th part of the idle timeout, so that many of them do not cost as many wake-ups.
  timestamp keep_house(timestamp now) {
    timestamp next = workers.retire_aged(now);
    const timestamp timeout = options.idle_timeout;
    if (now >= aged_at_ + look_at_idle()) {
      queue->step([&](core_type& core, actions& todo) {
        eject_idle(core, now - timeout, kept_with(core), todo);
        todo.known = true;
      });
      aged_at_ = now;
    }
    if (queue->pauses())
      next = std::min(next, pause_idle(now));
    return std::min(next, keepalive_.run(now));
  }

  // Slots that become idle later are due later, but where none was due.
  timestamp pause_idle(timestamp now) {
    if (options.pause_after == timestamp::max())
      return timestamp::max();
    if (now >= next_pause_ || watches_idle_) {
      const timestamp since = queue->pause_idle(now - options.pause_after);
      watches_idle_ = since == timestamp::max();
      next_pause_ = watches_idle_ ? timestamp::max() : later(since, options.pause_after);
    }
    return next_pause_;
  }

  // The starts that wait for their resources no longer. Where they could not be had, that is a failure.
  start_list take_decided() {
    start_list granted;
    for (auto it = reserving_.begin(); it != reserving_.end();) {
      const auto r = it++;
      const auto state = (*r)->take_reservation();
      if (state == resource_request::state_type::granted)
        granted.splice(granted.end(), reserving_, r);
      else if (state == resource_request::state_type::impossible) {
        reserving_.erase(r);
        const error_code code = errc::resources_impossible;
        failed({.code = code, .message = code.message()});
      }
    }
    return granted;
  }

  // How many starts those there, and the others on their way, leave to be made for those that wait.
  std::uint64_t demanded(const core_type& core) const noexcept {
    const std::uint64_t wanted = core.wanting() + options.min_idle;
    const std::uint64_t others = core.spare() + core.starting();
    return wanted > others ? wanted - others : 0;
  }

  // Of the starts that have waited, those that are still needed.
  void pick_needed(core_type& core, start_list& waited, start_list& go, actions& todo) noexcept {
    while (!waited.empty() && (demanded(core) != 0 || in_advance_ != 0)) {
      in_advance_ -= demanded(core) == 0;
      core.reserved(true, todo);
      waited.front()->counted.is_starting();
      go.splice(go.end(), waited, waited.begin());
    }
  }

  // Returns when to look at idle slots again. Where none can be due, it is told of the next that becomes
  // idle.
  timestamp watch_idle(core_type& core, timestamp now) noexcept {
    if (watches_idle_ || evictables_.under_pressure())
      core.terms().watch_idle_above(0);
    if (options.idle_timeout == timestamp::max())
      return timestamp::max();
    if (core.idle() > options.min_idle)
      next_look_ = std::max(later(core.oldest_idle(), options.idle_timeout), later(aged_at_, look_at_idle()));
    else if (next_look_ <= now)
      core.terms().watch_idle_above(options.min_idle);
    return next_look_ > now ? next_look_ : timestamp::max();
  }

  // Returns how many are to be started.
  std::uint64_t decide_starts(core_type& core, const scaling_input& input, plan& next, actions& todo) {
    const timestamp now = input.now;
    shrink_to(core, options.max_workers, todo);
    next.wake = std::min(next.wake, watch_idle(core, now));
    if (!control_.open(options.starts, now))
      core.terms().refuse_waits({});

    const std::uint64_t there = core.present() + core.under_way();
    const std::uint64_t room = options.max_workers > there ? options.max_workers - there : 0;
    core.terms().watch_waits(room != 0 || core.reserving() != 0);
    scaling_decision d = ask_policy(core, input);
    const std::uint64_t least = std::max(options.min_idle, d.again_below);
    core.terms().watch_minimum(core.idle() < least ? 0 : least);
    const std::uint64_t needed = with_minimum(core, d.start);
    if (needed >= room && core.present() != core.live()) // where there is no room, waits do not wake it
      core.terms().watch_closing();
    const std::uint64_t wanted = std::min(needed, room);
    const std::uint64_t most =
        account_ ? most_reserving - std::min(most_reserving, core.reserving()) : wanted;
    const auto permit = control_.ask(options.starts, now, std::min(wanted, most), core.under_way());
    if (!permit.held_back.text.empty())
      d.reason = permit.held_back;
    d.start = permit.starts;
    withheld_ = wanted - permit.starts;
    next.wake = std::min({next.wake, permit.again, d.again});
    if (d.eject != 0) {
      in_advance_ = 0;
      eject_surplus(core, d.eject, kept_with(core), todo);
    }
    if (account_) {
      const std::uint64_t demand = demanded(core) - std::min(demanded(core), core.reserving());
      in_advance_ += permit.starts - std::min(permit.starts, demand);
      core.enter_reserving(permit.starts);
      in_advance_ = std::min(in_advance_, core.reserving());
      needed_ = demanded(core) + in_advance_;
    } else {
      core.enter_starting(permit.starts);
    }
    core.terms().permit(permission(core, input));
    if (now < control_.not_before())
      next.wake = std::min(next.wake, control_.not_before());
    under_way_ = core.under_way();
    note({.at = now, .start = d.start, .eject = d.eject, .reason = d.reason});
    return permit.starts;
  }

  launcher_terms::permission permission(const core_type& core, const scaling_input& in) const noexcept {
    launcher_terms::permission p{options.max_workers, control_.may_start(in.now, core.under_way())};
    if (account_)
      p.resources = options.per_worker.times_in(in.total - in.taken);
    return p;
  }

  scaling_input begin_input(timestamp now) const noexcept {
    scaling_input in;
    in.now = now;
    in.min_idle = options.min_idle;
    in.max_workers = options.max_workers;
    if (account_) {
      in.taken = account_->taken();
      in.total = account_->total();
    }
    return in;
  }

  // What it throws is told later: nobody can be told under the lock.
  scaling_decision ask_policy(const core_type& core, scaling_input in) noexcept {
    if (in.now < ask_again_)
      return {.reason = {.text = "the policy has failed"}, .again = ask_again_};
    in.queue = core.snapshot();
    in.queue.idle = core.spare(); // a policy need not know of upkeep, nor of suspension
    in.queue.states[static_cast<std::size_t>(queue_state::waiter)] = core.wanting();
    in.next_deadline = core.wanting() == 0 ? wait_node::no_deadline : core.line().next_caller_deadline();
    remember_worth(in);
    try {
      return options.policy(in);
    } catch (...) {
      policy_error_ = std::current_exception();
      return {.reason = {.text = "the policy failed"}};
    }
  }

  // Of those who wait for a worker.
  void end_waits(core_type& core, const launch_failure& f, actions& todo) const noexcept {
    const bool others = core.live() != 0 || core.under_way() != 0;
    switch (options.failures_end) {
    case failure_scope::one:
      return core.fail_waiters(f.code, others ? std::min<std::uint64_t>(core.wanting(), 1) : core.wanting(),
                               todo);
    case failure_scope::all:
      return core.fail_waiters(f.code, core.wanting(), todo);
    case failure_scope::breaker:
      return core.fail_waiters(f.code, f.opened_breaker ? core.wanting() : 0, todo);
    case failure_scope::deadline:
      if (!others && core.wanting() != 0)
        core.fail_waiters_if(
            f.code, [&](const wait_node& w) { return is_hopeless(w, f); }, todo);
    }
  }

  static bool is_hopeless(const wait_node& w, const launch_failure& f) noexcept {
    return f.opened_breaker || f.code == errc::resources_impossible || w.deadline <= later(f.at, f.retry);
  }

  // What is started for those that wait leaves fewer idle.
  std::uint64_t with_minimum(const core_type& core, std::uint64_t start) const noexcept {
    const std::uint64_t coming = core.spare() + core.under_way() + start;
    const std::uint64_t wanted = core.wanting() + options.min_idle;
    return options.min_idle != 0 && wanted > coming ? start + wanted - coming : start;
  }

  // Those of `n` that cannot have their resources at once wait for them.
  void reserve(std::uint64_t n, start_list& go) {
    const auto kind = account_ ? start_kind::reserving : start_kind::starting;
    counted_starts<Hook> counted(*queue, kind, n);
    const auto contexts = contexts_of_next(n);
    for (auto context = contexts.begin(); !counted.empty();) {
      start_list one;
      one.push_back(std::make_shared<start_type>(counted));
      if (context != contexts.end())
        one.front()->context = *context++;
      if (!account_ || one.front()->try_reserve(account_, options.per_worker))
        go.splice(go.end(), one);
      else {
        reserving_.splice(reserving_.end(), one);
        reserving_.back()->wait_for(account_, options.per_worker, this->weak_from_this());
      }
    }
  }

  // Of the callers for whom the last `n` starts are that were counted. Under the lock nothing is allocated.
  std::vector<start_context> contexts_of_next(std::uint64_t n) const {
    std::vector<start_context> all;
    bool any = false;
    queue->look(
        [&](const core_type& core) { any = n != 0 && core.wanting() != 0 && core.line().has_contexts(); });
    if (!any)
      return all;
    all.reserve(n);
    queue->look([&](const core_type& core) {
      const std::uint64_t before = core.spare() + core.under_way() - std::min(core.under_way(), n);
      core.line().visit_contexts(before, n, [&](const start_context& c) { all.push_back(c); });
    });
    return all;
  }

  // Nobody waits for resources for callers that are there no longer, or served by others.
  void cancel_surplus() noexcept {
    while (reserving_.size() > needed_)
      reserving_.pop_back();
  }

  void note(const decision& d) {
    std::lock_guard lock(mutex_);
    decisions_.add(d);
  }

  void remember_worth(const scaling_input& in) noexcept {
    const double seconds = std::chrono::duration<double>(in.now - began_at_).count();
    const double start = std::chrono::duration<double>(in.queue.latency(queue_state::starter)).count();
    evictables_.set_worth(seconds > 0 ? start * static_cast<double>(in.queue.totals.acquired) / seconds : 0);
  }

  const account_pointer account_;
  evictable_workers<Hook, Mutex> evictables_;

  // On the strand.
  std::minstd_rand random_;
  keepalive_schedule<Hook> keepalive_;
  start_control control_;
  timestamp aged_at_{};
  timestamp next_look_{}; ///< At idle slots.
  std::uint64_t under_way_ = 0;
  bool watches_idle_ = false; ///< The next slot that becomes idle has to be paused some time.
  timestamp next_pause_{};
  start_list reserving_;         ///< Wait for their resources.
  std::uint64_t in_advance_ = 0; ///< How many of those the policy has asked for beyond what is demanded.
  std::uint64_t needed_ = 0;     ///< How many of those there should be.
  std::uint64_t withheld_ = 0;   ///< Wanted, and not permitted yet.
  std::exception_ptr policy_error_;
  timestamp ask_again_{}; ///< When a policy that has failed may be asked again.

  const timestamp began_at_;

  mutable Mutex mutex_;
  std::optional<launcher_options> new_options_; // this and what follows: guarded by it
  decision_ring decisions_;
  std::string policy_name_;
};

template <queue_hook Hook, class Mutex>
launcher_core<Hook, Mutex>::launcher_core(queue_type& q, launcher_options o, account_pointer a)
  : queue(&q)
  , options(std::move(o))
  , workers(q)
  , account_(std::move(a))
  , evictables_(q, options.per_worker, options.min_idle, [this] { wake_later(); })
  , random_(options.jitter_seed)
  , keepalive_(q, options.jitter_seed + 1)
  , began_at_(q.time()) {}

template <queue_hook Hook, class Mutex>
launcher_core<Hook, Mutex>::~launcher_core() {
  if (account_)
    account_->set_workers(nullptr);
}

template <queue_hook Hook, class Mutex>
void launcher_core<Hook, Mutex>::open() {
  limit_calls();
  const auto input = begin_input(queue->time());
  queue->step([&](core_type& core, actions&) { core.terms().permit(permission(core, input)); });
  if (account_)
    account_->set_workers(&evictables_);
  policy_name_ = options.policy_name;
}

template <queue_hook Hook, class Mutex>
typename launcher_core<Hook, Mutex>::plan launcher_core<Hook, Mutex>::decide(timestamp now) {
  take_new_options();
  evictables_.evict();
  plan next{.wake = keep_house(now)};
  start_list waited = take_decided();
  std::uint64_t fresh = 0;
  const auto input = begin_input(now);
  queue->step([&](core_type& core, actions& todo) {
    pick_needed(core, waited, next.go, todo);
    fresh = decide_starts(core, input, next, todo);
  });
  waited.clear();
  reserve(fresh, next.go);
  cancel_surplus();
  if (auto error = std::exchange(policy_error_, nullptr)) {
    failed(describe(error));
    ask_again_ = control_.not_before();
  }
  workers.go_on_recycling(under_way_ + withheld_, control_.failures() != 0);
  if (account_ && evictables_.under_pressure())
    account_->relieve();
  return next;
}

template <queue_hook Hook, class Mutex>
bool launcher_core<Hook, Mutex>::has_room() const noexcept {
  std::uint64_t there = 0;
  queue->look([&](const core_type& core) { there = core.present() + core.under_way(); });
  return there < options.max_workers;
}

template <queue_hook Hook, class Mutex>
void launcher_core<Hook, Mutex>::succeeded() {
  control_.succeeded();
  if (stopped.load()) // another one may look after the queue, and fail
    return;
  queue->step([](core_type& core, actions&) {
    core.terms().refuse_waits({});
    core.terms().tell_failure(nullptr);
  });
}

template <queue_hook Hook, class Mutex>
void launcher_core<Hook, Mutex>::failed(launch_failure f) {
  f.at = queue->time();
  f.retry = control_.failed(options.starts, f.at, static_cast<std::uint32_t>(random_()));
  f.in_a_row = control_.failures();
  f.opened_breaker = control_.open(options.starts, f.at);
  if (options.on_failure)
    options.on_failure(f);
  auto told = std::make_shared<const launch_failure>(std::move(f));
  queue->step([&](core_type& core, actions& todo) {
    core.terms().tell_failure(told);
    if (told->opened_breaker)
      core.terms().refuse_waits(told->code);
    end_waits(core, *told, todo);
    todo.signal = true;
  });
}

template <queue_hook Hook, class Mutex>
launch_failure launcher_core<Hook, Mutex>::describe(const std::exception_ptr& error) {
  launch_failure f{.code = errc::launch_failed};
  try {
    std::rethrow_exception(error);
  } catch (const boost::system::system_error& e) {
    // Nobody who waits for a worker has succeeded, or was cancelled, because a start says so of itself.
    if (e.code() && e.code() != operation_aborted)
      f.code = e.code();
    f.message = e.what();
  } catch (const std::exception& e) {
    f.message = e.what();
  } catch (...) {
    f.message = "unknown error";
  }
  return f;
}

template <queue_hook Hook, class Mutex>
timestamp launcher_core<Hook, Mutex>::end_of_life(timestamp now) {
  const auto life = options.max_lifetime;
  if (life == std::chrono::nanoseconds::max())
    return timestamp::max();
  const auto jitter = life / 100 * std::min<std::uint32_t>(options.lifetime_jitter_percent, 100);
  return later(now, life) - jitter / 1024 * static_cast<std::int64_t>(random_() % 1024);
}

template <queue_hook Hook, class Mutex>
void launcher_core<Hook, Mutex>::end() noexcept {
  stopped.store(true);
  stop_reserving();
  if (account_)
    account_->set_workers(nullptr); // so that nobody is in it
  evictables_.end();
  if (account_) {
    account_->set_workers(&evictables_);
    account_->change({.weight = options.account.weight}); // nobody needs its minimum
  }
  queue->step([](core_type& core, actions&) {
    core.terms().watch_waits(true);
    core.terms().watch_minimum(0);
    core.terms().refuse_waits({});
    core.terms().surrender(0);
    core.terms().end_surplus(0);
    core.terms().permit({});
  });
}

template <queue_hook Hook, class Mutex>
void launcher_core<Hook, Mutex>::wake() noexcept {
  queue->step([](core_type&, actions& todo) { todo.signal = true; });
}

template <queue_hook Hook, class Mutex>
void launcher_core<Hook, Mutex>::change(launcher_options o) {
  {
    std::lock_guard lock(mutex_);
    new_options_ = std::move(o);
  }
  wake();
}

template <queue_hook Hook, class Mutex>
void launcher_core<Hook, Mutex>::recycle(std::uint64_t at_a_time) {
  workers.recycle(queue->time(), at_a_time);
  wake();
}

template <queue_hook Hook, class Mutex>
std::optional<failure_view> launcher_core<Hook, Mutex>::failure_now() const {
  const auto f = queue->last_failure();
  return f ? std::optional(view(*f, queue->time())) : std::nullopt;
}

template <queue_hook Hook, class Mutex>
void launcher_core<Hook, Mutex>::write_to(queue_detail& out) const {
  const timestamp now = queue->time();
  out.workers = workers.view(now);
  if (const auto f = queue->last_failure())
    out.failures = {view(*f, now)};
  std::lock_guard lock(mutex_);
  out.policy = policy_name_;
  out.decisions = decisions_.view(now);
}

extern template class launcher_core<no_hook, std::mutex>;

} // namespace hotslot::detail
