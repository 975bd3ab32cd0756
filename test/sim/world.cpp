#include "world.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>

namespace hotslot::sim {

using namespace std::chrono_literals;

namespace {

constexpr std::uint32_t preemptions[] = {0, 10, 4, 2};
std::string what(std::exception_ptr e) {
  try {
    std::rethrow_exception(e);
  } catch (const std::exception& known) {
    return known.what();
  }
}

const std::string keys[] = {"a", "b"};

} // namespace

world::world(std::uint64_t seed)
  : random_(seed) {}

world::~world() = default;

std::string world::run() {
  set_up();
  const bool abrupt = random_.one_in(5);
  if (abrupt) {
    run_steps(random_.below(300));
    end_abruptly();
  } else {
    run_to_rest();
    check_quiet();
    end_orderly();
  }
  if (!verdict_.failed())
    check_end(abrupt);
  return verdict_.failed() ? verdict_.what() : std::string();
}

void world::set_up() {
  setting_ = static_cast<setting>(random_.below(3));
  // A strand of Asio's, such as the launcher has, takes nested work of another simulated thread for its own.
  looks_after_ = setting_ != setting::manager && random_.one_in(3);
  const bool strands = setting_ == setting::launched_queue || looks_after_;
  const auto preempt_in = strands ? 0 : preemptions[random_.below(4)];
  scheduler_.emplace(random_(), preempt_in);
  const sim_executor ex = scheduler_->get_executor();
  if (setting_ == setting::manager) {
    manager_.emplace(ex, hook(registry_));
  } else {
    queue_.emplace(ex, hook(registry_));
    if (looks_after_)
      queue_->set_upkeep(some_upkeep());
    if (random_.one_in(3)) {
      queue_->set_order(idle_order::oldest);
      registry_.oracles.front()->lends_oldest();
    }
    if (random_.one_in(3))
      watch_leases();
    if (setting_ == setting::launched_queue) {
      launcher_options options;
      options.max_workers = 1 + random_.below(4);
      options.idle_timeout = std::chrono::milliseconds(1 + random_.below(50));
      options.jitter_seed = static_cast<std::uint32_t>(random_());
      registry_.oracles.front()->launches(options.max_workers);
      launcher_.emplace(
          *queue_, [this] { return make_worker(); }, options);
    }
  }
  constexpr activity usual[] = {{"call", &world::call},       {"call", &world::call},
                                {"call", &world::call},       {"dequeue", &world::dequeue},
                                {"work", &world::work},       {"work", &world::work},
                                {"operate", &world::operate}, {"disturb", &world::disturb}};
  for (auto n = 4 + random_.below(12); n != 0; --n)
    spawn(usual[random_.below(std::size(usual))]);
  if (manager_)
    for (auto n = random_.below(4); n != 0; --n)
      spawn({"operate", &world::operate});
}

void world::spawn(activity a) {
  auto self = std::make_shared<actor>(scheduler_->make_strand(), a.name);
  actors_.push_back(self);
  asio::co_spawn(self->strand, live(*this, a, self),
                 asio::bind_cancellation_slot(self->signal.slot(), [this, self](std::exception_ptr e) {
                   if (e)
                     verdict_.fail("an actor ended by ", what(e));
                 }));
}

// Cancellation reaches what an actor awaits, and not the actor itself.
asio::awaitable<void> world::live(world& w, activity a, std::shared_ptr<actor> self) {
  co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await (w.*a.what)(self);
}

void world::run_steps(std::uint32_t most) {
  for (; most != 0 && !verdict_.failed() && scheduler_->step(); --most)
    check();
}

void world::run_to_rest() {
  constexpr std::uint32_t enough = 100'000;
  run_steps(enough);
  if (!verdict_.failed() && scheduler_->step())
    verdict_.fail("it never comes to rest");
}

void world::check() {
  for (const auto& o : registry_.oracles)
    o->check_rest();
  if (queue_) {
    registry_.oracles.front()->check_snapshot(queue_->snapshot(), not_begun_);
    return;
  }
  std::uint64_t waiting = 0, idle = 0;
  for (const auto& [key, s] : manager_->snapshot()) {
    waiting += s.count(queue_state::waiter);
    idle += s.idle;
  }
  std::uint64_t expected_waiting = not_begun_, expected_idle = 0;
  for (const auto& o : registry_.oracles) {
    expected_waiting += o->waiting();
    expected_idle += o->idle();
  }
  if (ending_)
    return;
  verdict_.check(waiting == expected_waiting, "a caller waits on a queue that was deleted");
  verdict_.check(idle == expected_idle, "a slot is idle in a queue that was deleted");
}

// Nothing will happen any more by itself. With a launcher nobody may be left waiting.
void world::check_quiet() {
  if (verdict_.failed())
    return;
  if (queue_ && !closing_)
    verdict_.check(idle_waits_.empty() || *idle_waits_.begin() > registry_.oracles.front()->idle(),
                   "somebody waits for what is idle");
  if (!launcher_)
    return;
  shelf_.clear();
  run_to_rest();
  if (!closing_)
    verdict_.check(registry_.oracles.front()->waiting() == 0, "callers wait, and no worker is started");
}

void world::close_all() {
  closing_ = ending_ = true;
  if (queue_)
    queue_->close();
  if (manager_)
    manager_->close();
}

bool world::anybody_lives() const {
  return std::any_of(actors_.begin(), actors_.end(), [](const auto& a) { return !a.expired(); });
}

void world::end_orderly() {
  for (int n = 0; n < 100 && anybody_lives();
       ++n) { // a closed manager makes new queues for those that come later
    close_all();
    run_to_rest();
  }
  close_all();
  shelf_.clear();
  run_to_rest();
  for (const auto& weak : actors_)
    if (const auto a = weak.lock())
      verdict_.fail("an actor waits for ever: ", a->doing);
  verdict_.check(pending_ == 0, "an operation never completed");
  if (verdict_.failed())
    return;
  for (const auto& o : registry_.oracles)
    o->check_end();
  for (const auto& o : registry_.oracles)
    verdict_.check(o->live() == 0, "a slot was never closed");
}

// In whatever state things are: the context first, or the handles, or the leases.
void world::end_abruptly() {
  if (verdict_.failed())
    return;
  closing_ = ending_ = true;
  if (random_.one_in(2))
    shelf_.clear();
  if (random_.one_in(2)) {
    queue_.reset();
    manager_.reset();
  }
  scheduler_->stop_preempting();
}

void world::check_end(bool abrupt) {
  tokens_.clear();
  launcher_.reset();
  scheduler_.reset();
  shelf_.clear();
  queue_.reset();
  manager_.reset();
  // A worker that is made and has not reached the queue is destroyed with its context, unclosed.
  const bool lost_starts = abrupt && setting_ == setting::launched_queue;
  for (const auto& r : records_)
    verdict_.check(r->closes == (r->detached ? 0 : 1) || (lost_starts && r->closes == 0),
                   "a slot was not closed once");
}

// With a launcher, which looks after its workers for as long as there are any, not for ever.
void world::put_on_shelf(sim_lease lease) {
  shelf_.push_back(std::move(lease));
  if (!launcher_)
    return;
  auto t = std::make_shared<timer<sim_executor>>(scheduler_->get_executor());
  t->expires_after(some_time());
  t->async_wait([this, t](error_code) {
    if (!shelf_.empty())
      shelf_.pop_back();
  });
}

std::shared_ptr<worker_record> world::new_record() {
  return records_.emplace_back(std::make_shared<worker_record>(verdict_));
}

const std::string& world::some_key() { return keys[random_.below(2)]; }

sim_queue world::some_queue() {
  if (queue_)
    return *queue_;
  return manager_->get(some_key()).value;
}

sim_ticket world::some_ticket() {
  if (queue_)
    return queue_->enter();
  return manager_->enter(some_key()).value;
}

clock::duration world::some_time() { return std::chrono::milliseconds(random_.below(4)); }

clock::time_point world::some_deadline() {
  if (random_.one_in(3))
    return clock::time_point::max();
  return clock::now() + some_time() * (random_.one_in(2) ? 1 : 10);
}

asio::awaitable<void> world::pause() {
  timer<sim_executor> t(co_await asio::this_coro::executor);
  t.expires_after(some_time());
  co_await t.async_wait(asio::as_tuple(asio::use_awaitable));
}

void world::watch_leases() {
  const auto most = std::chrono::milliseconds(1) + some_time() * 4;
  queue_->set_leak_detection({.leak_after = most, .on_leak = [this, most](const leaked_lease& l) {
                                verdict_.check(l.age >= most, "a lease leaked too soon");
                                if (queue_)
                                  queue_->leaks();
                              }});
}

sim_queue::upkeep_type world::some_upkeep() {
  const auto task = [this](sim_slot& s) -> asio::awaitable<void> {
    const bool fit = co_await look_after(s);
    if (!fit)
      throw std::runtime_error("unfit");
  };
  sim_queue::upkeep_type u;
  if (random_.one_in(2))
    u.validate = [this](sim_slot& s) { return look_after(s); };
  u.validate_after = some_time();
  u.validate_timeout = some_time();
  if (random_.one_in(2))
    u.reset = task;
  u.reset_timeout = some_time();
  if (random_.one_in(2))
    u.keepalive = task;
  u.keepalive_interval = std::chrono::milliseconds(1) + some_time() * 5;
  u.keepalive_timeout = some_time();
  u.keepalive_at_once = 1 + random_.below(2);
  registry_.oracles.front()->looks_after(u.validate ? u.validate_after : clock::duration::max(),
                                         static_cast<bool>(u.reset));
  return u;
}

asio::awaitable<bool> world::look_after(sim_slot& s) {
  const sim_call looking(s);
  const auto record = s.record();
  record->unfit = true;
  if (random_.one_in(4))
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  if (random_.one_in(4))
    throw std::runtime_error("at once");
  timer<sim_executor> t(co_await asio::this_coro::executor);
  t.expires_after(some_time());
  co_await t.async_wait(asio::use_awaitable);
  record->unfit = random_.one_in(5);
  co_return !record->unfit;
}

asio::awaitable<sim_slot> world::make_worker() {
  timer<sim_executor> t(co_await asio::this_coro::executor);
  t.expires_after(some_time());
  co_await t.async_wait(asio::use_awaitable);
  if (random_.one_in(5))
    throw std::runtime_error("no worker");
  co_return sim_slot(new_record());
}

} // namespace hotslot::sim
