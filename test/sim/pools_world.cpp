#include "pools_world.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace hotslot::sim {

using namespace std::chrono_literals;

void pools_world::set_up() {
  machine_.others = [this] {
    if (!found_.failed() && machine_.context->step())
      check_step();
  };
  most_total_ = {.memory_mb = 200 + 100 * random_.below(5)};
  machine_.tracker.emplace(most_total_,
                           random_.one_in(2) ? eviction_order::cheapest : eviction_order::oldest);
  if (random_.one_in(3))
    machine_.manager.emplace(pool_executor(machine_.context->get_executor()));
  for (auto n = 2 + random_.below(3); n != 0; --n) {
    const resources size{.memory_mb = 50 + 50 * random_.below(3)};
    largest_ = std::max(largest_, size.memory_mb);
    pools_.push_back(std::make_unique<pool>(machine_, std::to_string(n), size));
  }
  for (auto n = random_.below(3); n != 0; --n)
    guests_.push_back(std::make_shared<guest>(machine_, resources{.memory_mb = 50 * (1 + random_.below(4))},
                                              0.5 * (1 + random_.below(4))));
}

// What happens

void pools_world::call(pool& p) {
  const auto deadline = random_.one_in(3)    ? clock::time_point::max()
                        : random_.one_in(50) ? clock::time_point::min()
                                             : clock::now() + machine_.ms(2000);
  p.call(deadline, machine_.ms(200));
}

void pools_world::disturb_manager() {
  if (random_.one_in(2))
    machine_.manager->age(clock::now(), machine_.ms(100));
  else
    machine_.manager->erase_idle(some_pool().key);
  look();
}

void pools_world::disturb() {
  pool& p = some_pool();
  switch (random_.below(16)) {
  case 0:
    return machine_.tracker->set_total({.memory_mb = most_total_.memory_mb - 50 * random_.below(5)});
  case 1:
    return p.reconfigure(p.some_options());
  case 2:
    return p.recycle(1 + random_.below(3));
  case 3:
    return p.cancel();
  case 4:
    return random_.one_in(4) ? p.stop() : p.launch();
  case 5:
    return p.fail_until(clock::now() + machine_.ms(5000));
  case 6:
    return random_.one_in(4) ? p.queue_by_hand() : void();
  case 7:
    for (const auto& g : guests_)
      random_.one_in(3) ? g->lose_patience() : guest::come(g);
    return;
  case 8:
  case 9:
    if (machine_.manager)
      return disturb_manager();
    [[fallthrough]];
  default:
    for (auto n = 1 + random_.below(4); n != 0; --n)
      call(p);
  }
}

void pools_world::step_until(clock::time_point end, bool troubled) {
  while (!found_.failed() && clock::now() < end && machine_.context->step()) {
    check_step();
    if (!machine_.context->rests())
      continue;
    check_rest();
    if (troubled && random_.one_in(4))
      disturb();
  }
}

void pools_world::run_abruptly() {
  for (auto n = random_.below(2000); n != 0 && !found_.failed() && machine_.context->step(); --n) {
    check_step();
    if (random_.one_in(10))
      disturb();
  }
  end_abruptly();
}

// Everything works from now on: all calls come to their end.
void pools_world::calm() {
  machine_.trouble = false;
  machine_.tracker->set_total(most_total_);
  for (const auto& p : pools_) {
    p->queue = p->look_up();
    p->queue->set_overload({});
    p->reconfigure({.idle_timeout = 1s, .per_worker = p->size});
    p->launch();
  }
  step_until(clock::now() + 120s, false);
  if (!found_.failed())
    check_calm();
}

// The idle workers of one pool have taken the machine when another's policy wants a spare one.
void pools_world::prewarm() {
  if (never() || found_.failed())
    return;
  pool& first = *pools_[0];
  pool& second = *pools_[1];
  first.reconfigure({.idle_timeout = 1h, .per_worker = first.size});
  for (auto n = most_total_.memory_mb / first.size.memory_mb; n != 0; --n)
    first.call(clock::time_point::max(), 1s);
  step_until(clock::now() + 10s, false);
  second.reconfigure({.policy = php_fpm_dynamic({.min_spare = 1, .max_spare = 2}),
                      .idle_timeout = 1h,
                      .per_worker = second.size});
  step_until(clock::now() + 30s, false);
  look();
  found_.check(second.seen().idle != 0, "a policy wants a spare worker, and never has one");
}

// And then all workers.
void pools_world::drain() {
  machine_.closing = true;
  std::size_t drained = 0;
  for (const auto& p : pools_) {
    const auto wait = [&] {
      p->queue->async_drain(clock::time_point::max(), [&, this](error_code ec) {
        ++drained;
        found_.check(!ec && p->drained(), "drained before a worker was closed and gone");
      });
    };
    if (random_.one_in(4))
      p->queue_by_hand();
    const bool first = random_.one_in(2);
    if (first)
      wait();
    machine_.slow = random_.one_in(2);
    p->queue->close();
    machine_.slow = false;
    if (!first)
      wait();
  }
  step_until(clock::now() + 120s, false);
  if (!never())
    found_.check(drained == pools_.size(), "a queue never drained");
  for (const auto& p : pools_)
    p->stop();
}

void pools_world::end_context() {
  for (const auto& p : pools_)
    for (const auto& w : p->workers)
      w->life.reset(); // which does not outlive it
  machine_.context.reset();
}

void pools_world::end_abruptly() {
  machine_.ending = true;
  if (random_.one_in(2))
    end_context();
  for (const auto& p : pools_)
    p->stop();
}

std::string pools_world::run() {
  set_up();
  disturb();
  const bool abrupt = random_.one_in(3);
  if (abrupt) {
    run_abruptly();
  } else {
    step_until(clock::now() + 1s + machine_.ms(20'000), true);
    calm();
    prewarm();
    drain();
  }
  machine_.ending = true;
  end_context();
  check_end(abrupt);
  return found_.failed() ? found_.what() : std::string();
}

// What has to be so

void pools_world::look() {
  if (!machine_.manager) {
    for (const auto& p : pools_) {
      const queue_snapshot s = p->queue->snapshot();
      p->look(&s);
    }
    return;
  }
  const auto all = machine_.manager->snapshot();
  for (const auto& p : pools_) {
    const auto it = std::find_if(all.begin(), all.end(), [&](auto& s) { return s.first == p->key; });
    p->look(it == all.end() ? nullptr : &it->second);
  }
}

void pools_world::check_step() {
  look();
  std::uint64_t there = 0;
  for (const auto& p : pools_)
    there += p->there() * p->size.memory_mb;
  for (const auto& g : guests_)
    there += g->used();
  const auto taken = machine_.tracker->taken().memory_mb, total = machine_.tracker->total().memory_mb;
  found_.check(there <= taken, "a worker lives on what is not reserved for it");
  found_.check(taken <= std::max(total, most_taken_), "more is taken than there is");
  most_taken_ = std::max(total, taken);
  check_eviction();
  check_shares(taken - there);
  note_holds();
}

// Before the last one went, less was leaving than is wanted, or was just now: evictions are posted.
void pools_world::check_eviction() {
  most_wanted_ = clock::now() == wanted_at_ ? std::max(most_wanted_, wanted()) : wanted();
  wanted_at_ = clock::now();
  std::uint64_t leaving = 0;
  for (const auto& p : pools_)
    leaving += p->evicted_leaving() * p->size.memory_mb;
  found_.check(leaving <= std::exchange(left_, leaving) || leaving < most_wanted_ + largest_,
               "evicted, while enough is leaving");
}

// By those that wait for resources, for each account's minimum, and for a total that was lowered.
std::uint64_t pools_world::wanted() const {
  const auto taken = machine_.tracker->taken().memory_mb, total = machine_.tracker->total().memory_mb;
  std::uint64_t sum = taken > total ? taken - total : 0;
  for (const auto& p : pools_)
    sum += p->seen().resource_waiters * p->size.memory_mb + p->options.account.minimum.memory_mb;
  for (const auto& g : guests_)
    sum += g->waiting() ? g->wants.memory_mb : 0;
  return sum;
}

// Who gave up a busy worker is still no worse off than somebody who waits would be with what it waits for; or
// it would have been so at this time: the tracker has to be told of what has changed. `granted` is not begun
// yet.
void pools_world::check_shares(std::uint64_t granted) {
  std::vector<standing> now;
  for (const account& a : accounts()) {
    const bool surrendered = now.size() < pools_.size() && pools_[now.size()]->surrendered();
    const std::uint64_t kept = a.kept + granted, less = surrendered ? 0 : a.wants;
    now.push_back({.left = kept > less ? a.share(kept - less) : 0,
                   .needed = a.waiting ? a.share(a.used + a.wants) : none_waits});
  }
  if (standings_at_ != clock::now() || extreme_.empty())
    extreme_ = last_.empty() ? now : last_;
  standings_at_ = clock::now();
  for (std::size_t i = 0; i != now.size(); ++i) {
    extreme_[i].left = std::max(extreme_[i].left, now[i].left);
    extreme_[i].needed = std::min(extreme_[i].needed, now[i].needed);
  }
  for (std::size_t i = 0; i != pools_.size(); ++i)
    if (pools_[i]->surrendered())
      found_.check(may_be_left_with(i, extreme_[i].left),
                   "an account is worse off than those that its worker was ended for");
  last_ = std::move(now);
}

bool pools_world::may_be_left_with(std::size_t giver, double share) const {
  constexpr double rounding = 1e-6;
  for (std::size_t i = 0; i != extreme_.size(); ++i)
    if (i != giver && extreme_[i].needed != none_waits && extreme_[i].needed <= share * (1 + rounding))
      return true;
  return false;
}

std::vector<pools_world::account> pools_world::accounts() const {
  constexpr double least_weight = 1e-9;
  std::vector<account> all;
  for (const auto& p : pools_)
    all.push_back({.weight = std::max(p->options.account.weight, least_weight),
                   .minimum = p->may_have_account() ? p->options.account.minimum.memory_mb : 0,
                   .used = p->used(),
                   .kept = p->used(true),
                   .wants = p->size.memory_mb,
                   .waiting = p->seen().resource_waiters != 0});
  for (const auto& g : guests_)
    all.push_back({.weight = g->weight,
                   .minimum = 0,
                   .used = g->used(),
                   .kept = g->used(),
                   .wants = g->wants.memory_mb,
                   .waiting = g->waiting()});
  return all;
}

// What an eviction frees goes to those that it was made for before any other; whatever else ends the worker
// first.
void pools_world::note_holds() {
  const auto all = accounts();
  held_for_.resize(all.size());
  const bool ended = std::any_of(pools_.begin(), pools_.end(), [](auto& p) { return p->ended_some(); });
  for (std::size_t i = 0; i != all.size(); ++i)
    held_for_[i] = all[i].waiting && (ended || held_for_[i]);
}

// Nothing happens any more before time passes.
void pools_world::check_rest() {
  std::uint64_t there = 0, set_aside = 0, minimum = 0;
  for (const auto& p : pools_) {
    p->check_rest();
    there += p->there() * p->size.memory_mb;
  }
  const auto taken = machine_.tracker->taken().memory_mb, total = machine_.tracker->total().memory_mb;
  const auto all = accounts();
  double least = none_waits;
  for (const account& a : all) {
    set_aside += a.set_aside();
    minimum += a.minimum;
    if (a.waiting)
      least = std::min(least, a.share(a.used));
  }
  for (const auto& g : guests_)
    there += g->used();
  found_.check(there == taken, "something is reserved for nobody");
  const auto fits = [&](const account& a) { return taken + set_aside - a.set_aside() + a.wants <= total; };
  bool first_fits = least != none_waits, held = false;
  for (std::size_t i = 0; i != all.size(); ++i) {
    if (!all[i].waiting)
      continue;
    found_.check(all[i].wants + minimum - all[i].minimum <= total,
                 "somebody waits for what can never be had");
    first_fits = first_fits && (all[i].share(all[i].used) > least || fits(all[i]));
    held = held || (held_for_[i] && !fits(all[i]));
  }
  found_.check(!first_fits || held, "the first of all waits for what is free");
}

bool pools_world::never() const {
  return std::any_of(pools_.begin(), pools_.end(), [](auto& p) { return p->never; });
}

void pools_world::check_calm() {
  if (never())
    return;
  for (const auto& g : guests_)
    found_.check(!g->here(), "a guest never went");
  for (const auto& p : pools_) {
    found_.check(p->unfinished() == 0, "a call never ended");
    found_.check(p->seen().count(queue_state::waiter) == 0, "a caller waits for ever");
    found_.check(p->seen().idle == 0, "a worker is idle for ever");
    found_.check(p->seen().count(queue_state::starter) == 0 && p->seen().resource_waiters == 0,
                 "a start never ended");
    const queue_totals t = p->totals();
    found_.check(t.acquired + t.timed_out + t.cancelled + t.shed + t.shed_overloaded + t.shed_late +
                         t.failed ==
                     p->begun(),
                 "a call is counted never or twice");
  }
}

void pools_world::check_end(bool abrupt) {
  std::vector<std::shared_ptr<pool_worker>> all;
  for (const auto& p : pools_)
    all.insert(all.end(), p->workers.begin(), p->workers.end());
  for (const auto& g : guests_)
    found_.check(!g->here(), "a wait for resources has outlived its context");
  pools_.clear();
  guests_.clear();
  machine_.manager.reset();
  for (const auto& w : all) // one that was made and has not reached its queue is destroyed with its context
    found_.check(w->closes == 1 || (abrupt && !w->queued), "a slot was not closed once");
  found_.check(machine_.tracker->taken().is_zero(), "something is reserved for nobody, in the end");
}

} // namespace hotslot::sim
