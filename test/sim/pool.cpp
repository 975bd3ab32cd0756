#include "pool.hpp"

#include <hotslot/policies/knative_kpa.hpp>
#include <hotslot/policies/little.hpp>
#include <hotslot/policies/php_fpm_dynamic.hpp>
#include <hotslot/policies/uwsgi_busyness.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace hotslot::sim {

using namespace std::chrono_literals;

namespace {

constexpr const char* fails_at_times = "fails at times";
constexpr auto quietly = asio::as_tuple(asio::use_awaitable);

struct in_hands {
  explicit in_hands(pool_worker& w)
    : of(w) {
    of.in_use = true;
  }
  in_hands(const in_hands&) = delete;
  ~in_hands() { of.in_use = false; }
  pool_worker& of;
};

overload_options some_overload(random& random) {
  overload_options o;
  if (random.one_in(3))
    o.max_waiting = random.below(4);
  o.shed = random.one_in(2);
  o.adaptive_lifo = random.one_in(2);
  o.fail_fast = random.one_in(2);
  return o;
}

} // namespace

class pool::running_start {
 public:
  running_start(pool& p, std::chrono::nanoseconds limit)
    : of_(p)
    , at_(p.starts_.insert(p.starts_.end(), {p.launchers_, limit == std::chrono::nanoseconds::max()
                                                               ? clock::time_point::max()
                                                               : clock::now() + limit})) {}
  running_start(const running_start&) = delete;
  ~running_start() { of_.starts_.erase(at_); }

 private:
  pool& of_;
  std::list<begun_start>::iterator at_;
};

pool::pool(machine& m, std::string k, const resources& size_of_worker)
  : key(std::move(k))
  , size(size_of_worker)
  , of_(m) {
  options = some_options();
  most_workers_ = options.max_workers;
  if (!m.manager)
    queue.emplace(pool_executor(m.context->get_executor()));
  if (!m.manager || m.random.one_in(2))
    launch();
}

pool_queue pool::look_up() {
  if (queue)
    return *queue;
  auto [q, is_new] = of_.manager->get(key);
  if (is_new)
    launch_first(q);
  return q;
}

void pool::launch_first(const pool_queue& q) {
  first_launcher_ = launchers_ + 1;
  launch(q);
}

void pool::launch() {
  const pool_queue q = look_up();
  if (!launcher_)
    launch(q);
}

void pool::launch(const pool_queue& q) {
  has_queue_ = true;
  if (of_.chance(3))
    pool_queue(q).set_overload(some_overload(of_.random));
  launcher_.reset();
  ++launchers_;
  launcher_.emplace(
      q,
      [this] {
        of_.use_locks();
        if (of_.chance(20))
          throw std::runtime_error("early");
        return start();
      },
      options, of_.tracker);
}

void pool::reconfigure(const launcher_options& o) {
  options = o;
  most_workers_ = std::max(most_workers_, o.max_workers);
  launcher_options other = o;
  if (of_.chance(2))
    other.per_worker = {.memory_mb = 10}; // which stays what it was
  if (launcher_)
    launcher_->reconfigure(other);
}

void pool::recycle(std::uint64_t at_a_time) {
  most_recycled_ = std::max(most_recycled_, at_a_time);
  if (launcher_)
    launcher_->recycle(at_a_time);
}

void pool::cancel() {
  cancelled_at_ = clock::now();
  look_up().cancel();
}

void pool::queue_by_hand() {
  by_hand_ = true;
  look_up().queue_slot(make_worker(0));
}

// While it has had one launcher and nobody else's slots.
bool pool::knows_its_workers() const noexcept { return launchers_ == 1 && !by_hand_; }

asio::awaitable<pool_slot> pool::start() {
  const auto launcher = launchers_;
  if (knows_its_workers())
    of_.found.check(not_closed() < most_workers_, "a worker is started beside as many as may be");
  std::optional<running_start> one(std::in_place, *this, options.start_timeout);
  pool_timer t(co_await asio::this_coro::executor);
  if (of_.chance(6))
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  const bool absent = of_.chance(200);
  never = never || absent;
  t.expires_after(absent ? std::chrono::nanoseconds(24h)
                         : std::chrono::nanoseconds(of_.ms(of_.chance(5) ? 3000 : 200)));
  if (absent)
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  const auto [ec] = co_await t.async_wait(quietly);
  if (ec)
    throw boost::system::system_error(ec);
  if (of_.chance(5) || (of_.trouble && clock::now() < failing_until_))
    throw boost::system::system_error(of_.random.one_in(4) ? error_code()
                                                           : error_code(asio::error::operation_aborted));
  one.reset();
  co_return make_worker(launcher);
}

pool_slot pool::make_worker(std::uint64_t launcher) {
  auto w = std::make_shared<pool_worker>();
  w->launcher = launcher;
  w->queued = launcher == 0;
  w->stop_time = of_.ms(of_.random.one_in(3) ? 800 : 0);
  w->life = std::make_shared<pool_timer>(pool_executor(of_.context->get_executor()));
  if (of_.chance(10))
    w->life->expires_after(of_.ms(2000));
  else
    w->life->expires_at(clock::time_point::max());
  workers.push_back(w);
  open_.push_back(w);
  if (launcher != 0)
    present_.push_back(w);
  return pool_slot(of_, std::move(w));
}

void pool::call(clock::time_point deadline, std::chrono::nanoseconds run) {
  asio::co_spawn(of_.context->make_strand(), run_call(deadline, run), [](std::exception_ptr e) {
    if (e)
      std::rethrow_exception(e);
  });
}

asio::awaitable<void> pool::run_call(clock::time_point deadline, std::chrono::nanoseconds run) {
  ++begun_;
  auto [ec, lease] = co_await acquire(deadline);
  of_.found.check(static_cast<bool>(lease) == !ec, "an error with a lease, or neither");
  of_.found.check(ec != asio::error::operation_aborted || cancelled_at_ == clock::now(),
                  "a caller is told that it was cancelled, and was not");
  of_.found.check(of_.closing || ec != errc::queue_closed,
                  "a caller is told that its queue was closed, and it was not");
  if (lease)
    co_await use(std::move(lease), run);
  ++ended_;
}

pool_ticket pool::enter() {
  if (queue)
    return queue->enter();
  auto [ticket, is_new] = of_.manager->enter(key);
  if (is_new)
    launch_first(of_.manager->get(key).value);
  return std::move(ticket);
}

asio::awaitable<std::tuple<error_code, pool_lease>> pool::acquire(clock::time_point deadline) {
  if (of_.manager && of_.random.one_in(2))
    if (pool_lease lease = of_.manager->try_acquire(key))
      co_return std::tuple(error_code(), std::move(lease));
  if (of_.random.one_in(2)) {
    const pool_queue q = look_up();
    const bool welcome = may_have_started();
    auto result = co_await pool_queue(q).async_acquire(deadline, quietly);
    of_.found.check(!welcome || std::get<error_code>(result) != errc::queue_full,
                    "a caller is refused for whom a worker could start");
    co_return result;
  }
  pool_ticket ticket = enter();
  if (of_.random.one_in(3)) {
    ++tickets_;
    pool_timer t(co_await asio::this_coro::executor);
    t.expires_after(of_.ms(300));
    co_await t.async_wait(quietly);
    --tickets_;
  }
  co_return co_await ticket.async_acquire(deadline, quietly);
}

asio::awaitable<void> pool::use(pool_lease lease, std::chrono::nanoseconds run) {
  const auto w = lease->worker();
  of_.found.check(!w->paused && w->closes == 0 && !w->in_use,
                  "a caller got what is paused, closed or in use");
  {
    const in_hands using_it(*w);
    pool_timer t(co_await asio::this_coro::executor);
    t.expires_after(run);
    co_await t.async_wait(quietly);
  }
  w->coming_back = true;
  of_.slow = of_.random.one_in(3);
  lease.release(of_.chance(20) ? worker_condition::dirty : worker_condition::clean);
  of_.slow = false;
  w->coming_back = w->closes != 0;
}

queue_totals pool::totals() const noexcept {
  queue_snapshot sum{.totals = past_};
  accumulate(sum, seen_);
  return sum.totals;
}

void pool::look(const queue_snapshot* s) {
  if (!s && has_queue_) {
    of_.found.check(unfinished() == 0, "a queue was deleted that somebody uses");
    past_ = totals();
    seen_ = {};
    recycled_before_ = launched_before_ = 0;
  }
  has_queue_ = s;
  const auto evicted = seen_.totals.ejected_evicted;
  if (s)
    seen_ = *s;
  std::list<std::shared_ptr<pool_worker>> closed;
  for (auto it = open_.begin(); it != open_.end();) {
    const auto at = it++;
    if ((*at)->closes != 0)
      closed.splice(closed.end(), open_, at);
  }
  // Those that were closed since the last look are known to be evicted where as many were.
  surrendered_ = false;
  ended_some_ = !closed.empty();
  if (!closed.empty() && seen_.totals.ejected_evicted - evicted == closed.size())
    for (const auto& w : closed) {
      w->evicted = true;
      surrendered_ = surrendered_ || w->coming_back;
      of_.found.check(w->launcher != 0, "evicted, though nothing comes back by that");
    }
  std::erase_if(present_, [](auto& w) { return w->gone(); });
}

std::uint64_t pool::evicted_leaving() const noexcept {
  return static_cast<std::uint64_t>(
      std::count_if(present_.begin(), present_.end(), [](auto& w) { return w->evicted; }));
}

std::uint64_t pool::used(bool kept) const noexcept {
  const auto n =
      std::count_if(starts_.begin(), starts_.end(), [&](auto& s) { return s.launcher == launchers_; }) +
      std::count_if(present_.begin(), present_.end(),
                    [&](auto& w) { return w->launcher == launchers_ && !(kept && w->closes != 0); });
  return static_cast<std::uint64_t>(n) * size.memory_mb;
}

bool pool::drained() const noexcept {
  return std::all_of(workers.begin(), workers.end(),
                     [&](auto& w) { return w->closed && (w->ended || first_launcher_ > w->launcher); });
}

// Whether nothing is there, and nothing keeps a worker from being started for a caller.
bool pool::may_have_started() {
  if (!may_have_account() || of_.manager || failing_ || launcher_->last_failure())
    return false;
  const auto s = queue->snapshot();
  return s.idle + s.busy + s.resource_waiters + s.states[0] + s.states[1] + s.states[2] == 0 &&
         not_closed() == 0;
}

std::uint64_t pool::not_closed() const noexcept {
  return static_cast<std::uint64_t>(
      std::count_if(workers.begin(), workers.end(), [](auto& w) { return !w->closed; }));
}

// Nothing happens any more before time passes.
void pool::check_rest() {
  const auto in_time = static_cast<std::uint64_t>(std::count_if(starts_.begin(), starts_.end(), [&](auto& s) {
    return launcher_ && !of_.closing && s.launcher == launchers_ && clock::now() < s.late_at;
  }));
  if (has_queue_)
    of_.found.check(seen_.count(queue_state::starter) == in_time,
                    "other starts are counted than run, in time");
  check_recycling();
  of_.found.check(!knows_its_workers() || !may_have_account() || seen_.idle == 0 ||
                      seen_.idle + seen_.busy <= options.max_workers,
                  "more workers are there than may be, and some are idle");
  if (!may_have_account() || launcher_->last_failure() || options.starts.starts_per_second > 0 ||
      options.policy_name == fails_at_times)
    return;
  const bool nobody = seen_.idle == 0 && seen_.busy == 0 && in_time == 0 && seen_.resource_waiters == 0;
  of_.found.check(!nobody || seen_.count(queue_state::waiter) == tickets_,
                  "callers wait, and no worker is there or on its way");
}

// A bad backend does not cost the good workers.
void pool::check_recycling() {
  const bool failing = may_have_account() && launcher_->last_failure();
  if (!std::exchange(failing_, failing) || launched_before_ != seen_.totals.launched) {
    recycled_before_ = seen_.totals.ejected_recycled;
    launched_before_ = seen_.totals.launched;
  }
  of_.found.check(!failing || seen_.totals.ejected_recycled - recycled_before_ <= most_recycled_,
                  "recycled, while starts fail");
}

launcher_options pool::some_options() {
  random& random = of_.random;
  launcher_options o;
  switch (random.below(8)) {
  case 0:
    o.policy = php_fpm_dynamic({.min_spare = 1, .max_spare = 2});
    break;
  case 1:
    o.policy = little();
    break;
  case 2:
    o.policy = knative_kpa();
    break;
  case 3:
    o.policy = uwsgi_busyness();
    break;
  default:
    break;
  }
  if (random.one_in(6)) {
    o.policy_name = fails_at_times;
    o.policy = [this, inner = o.policy](const scaling_input& in) {
      if (of_.chance(5))
        throw std::runtime_error("policy");
      return inner(in);
    };
  }
  o.max_workers = 1 + random.below(6);
  o.min_idle = random.one_in(3) ? random.below(3) : 0;
  o.idle_timeout = random.one_in(5) ? std::chrono::nanoseconds(0) : std::chrono::nanoseconds(of_.ms(4000));
  if (random.one_in(4))
    o.max_lifetime = 100ms + of_.ms(5000);
  if (random.one_in(4))
    o.max_calls = 1 + random.below(4);
  if (random.one_in(2))
    o.pause_after = of_.ms(300);
  if (random.one_in(2))
    o.start_timeout = 10ms + of_.ms(1000);
  o.starts.first_starts = random.below(3);
  if (random.one_in(5))
    o.starts.starts_per_second = 1 + random.below(20);
  o.failures_end = static_cast<failure_scope>(random.below(4));
  o.per_worker = size;
  constexpr double weights[] = {0.5, 1, 1, 2, 3, 0, -1};
  o.account.weight = weights[random.below(static_cast<std::uint32_t>(std::size(weights)))];
  if (random.one_in(4))
    o.account.minimum = size * (1 + random.below(2));
  o.on_failure = [this](const launch_failure&) { of_.use_locks(); };
  o.jitter_seed = static_cast<std::uint32_t>(random());
  return o;
}

} // namespace hotslot::sim
