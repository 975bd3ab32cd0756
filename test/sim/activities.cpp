// What the actors of a simulated run do.
#include "world.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <limits>
#include <stdexcept>

namespace hotslot::sim {

using namespace asio::experimental::awaitable_operators;

namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

asio::cancellation_type some_type(random& r) {
  constexpr asio::cancellation_type types[] = {
      asio::cancellation_type::terminal, asio::cancellation_type::partial, asio::cancellation_type::total};
  return types[r.below(3)];
}

} // namespace

// A caller

asio::awaitable<void> world::call(std::shared_ptr<actor> self) {
  for (auto n = 1 + random_.below(6); n != 0; --n) {
    co_await pause();
    try {
      co_await acquire_in_some_way(self);
    } catch (const std::runtime_error&) { // a call that failed with a lease in its hands
    }
  }
}

asio::awaitable<void> world::acquire_in_some_way(std::shared_ptr<actor> self) {
  constexpr activity ways[] = {{"acquire", &world::acquire_plainly},
                               {"acquire, throwing", &world::acquire_or_throw},
                               {"acquire || timer", &world::acquire_or_time},
                               {"acquire || acquire", &world::acquire_or_acquire},
                               {"acquire && acquire", &world::acquire_and_acquire},
                               {"acquire by ticket", &world::acquire_by_ticket},
                               {"acquire by callback", &world::acquire_by_callback},
                               {"try_acquire", &world::try_to_acquire}};
  constexpr std::size_t by_ticket = 5;
  const activity& way = ways[manager_ && random_.one_in(2) ? by_ticket : random_.below(std::size(ways))];
  self->doing = way.name;
  self->racing = std::string_view(way.name).find_first_of("|&") != std::string_view::npos;
  co_await (this->*way.what)(self);
}

asio::awaitable<void> world::try_to_acquire(std::shared_ptr<actor>) {
  co_await use(some_queue().try_acquire());
}

asio::awaitable<void> world::acquire_plainly(std::shared_ptr<actor>) {
  auto q = some_queue();
  const auto begun = clock::now(), deadline = some_deadline();
  auto [ec, lease] = co_await q.async_acquire(deadline, as_result);
  check_result(ec, begun, deadline);
  verdict_.check(static_cast<bool>(lease) == !ec, "an error with a lease, or neither");
  co_await use(std::move(lease));
}

asio::awaitable<void> world::acquire_or_throw(std::shared_ptr<actor>) {
  auto q = some_queue();
  const auto begun = clock::now(), deadline = some_deadline();
  sim_lease lease;
  try {
    lease = co_await q.acquire(deadline);
  } catch (const boost::system::system_error& e) {
    check_result(e.code(), begun, deadline);
    co_return;
  }
  check_result({}, begun, deadline);
  co_await use(std::move(lease));
}

asio::awaitable<void> world::acquire_or_time(std::shared_ptr<actor>) {
  auto q = some_queue();
  auto outcome = co_await (q.async_acquire(some_deadline(), as_result) || pause());
  if (outcome.index() == 0)
    co_await use(std::move(std::get<1>(std::get<0>(outcome))));
}

asio::awaitable<void> world::acquire_or_acquire(std::shared_ptr<actor>) {
  auto a = some_queue(), b = some_queue();
  auto outcome =
      co_await (a.async_acquire(some_deadline(), as_result) || b.async_acquire(some_deadline(), as_result));
  if (outcome.index() == 0)
    co_await use(std::move(std::get<1>(std::get<0>(outcome))));
  else
    co_await use(std::move(std::get<1>(std::get<1>(outcome))));
}

asio::awaitable<void> world::acquire_and_acquire(std::shared_ptr<actor>) {
  auto a = some_queue(), b = some_queue();
  try {
    // With deadlines: two that have one of two slots each would wait for ever.
    const auto deadline = clock::now() + some_time();
    auto [x, y] = co_await (a.acquire(deadline) && b.acquire(deadline));
    co_await use(std::move(y));
    co_await use(std::move(x));
  } catch (const boost::system::system_error&) { // one failed; the lease of the other went back
  } catch (const asio::multiple_exceptions&) {
  }
}

asio::awaitable<void> world::acquire_by_ticket(std::shared_ptr<actor>) {
  auto ticket = some_ticket();
  ++not_begun_;
  if (random_.one_in(2))
    co_await pause();
  if (auto lease = ticket.try_acquire()) {
    --not_begun_;
    co_return co_await use(std::move(lease));
  }
  --not_begun_;
  if (random_.one_in(4))
    co_return; // given up
  const auto begun = clock::now(), deadline = some_deadline();
  auto [ec, lease] = co_await ticket.async_acquire(deadline, as_result);
  check_result(ec, begun, deadline);
  co_await use(std::move(lease));
}

asio::awaitable<void> world::acquire_by_callback(std::shared_ptr<actor> self) {
  struct operation {
    asio::cancellation_signal cancel{};
    int completions = 0;
    bool initiating = true;
  };
  auto op = std::make_shared<operation>();
  const auto begun = clock::now(), deadline = some_deadline();
  ++pending_;
  auto done = [this, op, begun, deadline, strand = self->strand.strand()](error_code ec, sim_lease lease) {
    verdict_.check(!op->initiating, "completed inline");
    verdict_.check(++op->completions == 1, "completed twice");
    verdict_.check(scheduler_->strand() == strand, "completed on another executor than its own");
    check_result(ec, begun, deadline);
    --pending_;
    if (lease && random_.one_in(2))
      lease.release();
  };
  auto q = some_queue();
  if (random_.one_in(4))
    tokens_.push_back(q.queue_slot(sim_slot(new_record())));
  q.async_acquire(deadline,
                  asio::bind_cancellation_slot(op->cancel.slot(), asio::bind_executor(self->strand, done)));
  op->initiating = false;
  if (random_.one_in(2) && !tokens_.empty())
    tokens_.back().retire(); // perhaps granted just now
  if (random_.one_in(4))
    co_return;
  if (random_.one_in(2))
    co_await pause();
  op->cancel.emit(some_type(random_));
}

// What a caller does with a slot.
asio::awaitable<void> world::use(sim_lease lease) {
  if (!lease || random_.one_in(6))
    co_return; // untouched: it goes back
  if (random_.one_in(8)) {
    put_on_shelf(std::move(lease));
    co_return;
  }
  if (random_.one_in(16))
    co_return co_await detach(std::move(lease));
  {
    const sim_call running(*lease);
    if (!random_.one_in(3))
      co_await pause();
  }
  finish(lease);
}

asio::awaitable<void> world::detach(sim_lease lease) {
  auto slot = lease.detach();
  verdict_.check(!lease, "a lease has what was detached");
  slot->record()->detached = true;
  const sim_call running(*slot);
  if (random_.one_in(2))
    co_await pause();
}

void world::finish(sim_lease& lease) {
  const auto record = lease->record();
  switch (random_.below(8)) {
  case 0:
    lease.release(worker_condition::dirty);
    break;
  case 1:
    lease.discard();
    break;
  case 2:
    lease = sim_lease();
    break;
  case 3:
    put_on_shelf(std::move(lease));
    return;
  case 4:
    throw std::runtime_error("the call failed");
  default:
    lease.release();
    return;
  }
  verdict_.check(record->closes == 1, "a dirty slot was not closed");
}

void world::check_result(const error_code& ec, clock::time_point begun, clock::time_point deadline) {
  const auto now = clock::now();
  if (ec == errc::deadline_exceeded)
    verdict_.check(now == std::max(begun, deadline), "a deadline came early or late");
  else if (!ec)
    verdict_.check(now <= std::max(begun, deadline), "acquired after the deadline");
  else if (ec == errc::queue_closed)
    verdict_.check(closing_, "refused as closed by a queue that nobody closed");
  else if (ec == errc::queue_full)
    verdict_.check(bounded_, "refused as full by a queue without a bound");
  else if (ec == errc::launch_failed)
    verdict_.check(launcher_.has_value(), "a launch failed that was not");
  else
    verdict_.check(ec == asio::error::operation_aborted, "an unknown error");
}

// A caller that looks at what is offered

asio::awaitable<void> world::dequeue(std::shared_ptr<actor> self) {
  const auto dequeuer = std::make_shared<sim_dequeuer>(some_queue().start_dequeuer());
  const auto cancelled = std::make_shared<bool>(false);
  if (random_.one_in(2))
    cancel_later(dequeuer, cancelled, *self);
  for (auto n = 1 + random_.below(5); n != 0; --n) {
    sim_dequeuer::offer_type offer;
    try {
      offer = co_await dequeuer->next();
    } catch (const boost::system::system_error& e) {
      check_result(e.code(), clock::now(), clock::time_point::max());
    }
    verdict_.check(!offer || !*cancelled, "offered after cancel");
    if (!offer)
      co_return;
    try {
      co_await handle(std::move(offer));
    } catch (const std::runtime_error&) {
    }
  }
}

void world::cancel_later(std::shared_ptr<sim_dequeuer> d, std::shared_ptr<bool> cancelled,
                         const actor& self) {
  auto t = std::make_shared<timer<sim_executor>>(self.strand);
  t->expires_after(some_time());
  t->async_wait(asio::bind_executor(self.strand, [t, d, cancelled](error_code) {
    *cancelled = true;
    d->cancel();
  }));
}

asio::awaitable<void> world::handle(sim_dequeuer::offer_type offer) {
  auto token = offer.token();
  if (random_.one_in(2))
    co_await pause();
  switch (random_.below(3)) {
  case 0:
    co_return; // dropped
  case 1: {
    token.eject();
    const auto lease = offer.acquire();
    verdict_.check(!lease, "acquired after an ejection");
    co_return;
  }
  default: {
    auto lease = offer.acquire();
    if (lease)
      verdict_.check(!token.eject(), "ejected after an acquisition");
    co_return co_await use(std::move(lease));
  }
  }
}

// A worker

asio::awaitable<void> world::work(std::shared_ptr<actor> self) {
  for (auto n = 1 + random_.below(4); n != 0; --n) {
    if (random_.one_in(2))
      co_await pause();
    const auto record = new_record();
    auto token = some_queue().queue_slot(sim_slot(record));
    if (random_.one_in(2))
      watch(token, *self);
    tokens_.push_back(token);
    if (random_.one_in(3))
      continue;
    if (random_.one_in(2))
      co_await pause();
    eject(token, *record);
  }
}

void world::watch(const sim_token& token, const actor& self) {
  ++pending_;
  const bool until_closed = random_.one_in(2);
  auto done = [this, until_closed, n = std::make_shared<int>(0)](error_code ec, slot_fate fate) {
    verdict_.check(++*n == 1, "a watch completed twice");
    verdict_.check(!ec, "a watch was cancelled by nobody");
    verdict_.check(!until_closed || fate != slot_fate::acquired, "a watch for the close ended before");
    --pending_;
  };
  if (until_closed)
    token.async_wait_closed(asio::bind_executor(self.strand, done));
  else
    token.async_wait(asio::bind_executor(self.strand, done));
}

void world::eject(sim_token& token, const worker_record& record) {
  if (random_.one_in(3))
    return token.retire();
  const bool ejected = token.eject();
  verdict_.check(!ejected || record.closes == 1, "ejected, but not closed");
}

// Operators, and other trouble

asio::awaitable<void> world::operate(std::shared_ptr<actor> self) {
  for (auto n = 1 + random_.below(6); n != 0; --n) {
    co_await pause();
    if (manager_ && random_.one_in(2))
      forget_queues();
    else if (random_.one_in(2))
      operate_on_queue(*self);
    else
      operate_on_others();
  }
}

void world::operate_on_queue(const actor& self) {
  auto q = some_queue();
  switch (random_.below(16)) {
  case 12:
    return suspend(q);
  case 7:
  case 13:
  case 14:
    return wait_idle(q, self);
  case 15:
    q.eject_if([this](const sim_slot& s) {
      verdict_.check(s.record()->closes == 0, "asked about a closed slot");
      return random_.one_in(2);
    });
    return;
  case 0:
  case 1:
  case 2:
    return age(q);
  case 3:
    return q.cancel();
  case 4:
    return bound(q);
  case 5:
  case 6:
    return drain(q, self);
  case 8:
    closing_ = true;
    return q.close();
  default:
    q.histograms();
  }
}

void world::bound(sim_queue& q) {
  if (std::exchange(bounding_, true))
    return; // another thread's may come before or after
  const auto n = random_.below(4);
  bounded_ = true;
  const auto o = queue_ ? registry_.oracles.front() : std::make_shared<oracle>(verdict_);
  o->limit(std::numeric_limits<std::uint64_t>::max()); // until it is certain which bound is in force
  q.limit_waiters(n);
  o->limit(n);
  bounding_ = false;
}

void world::age(sim_queue& q) {
  const auto cutoff = clock::now() - some_time();
  const auto keep = random_.below(3);
  const auto tasks = scheduler_->tasks();
  q.eject_idle(cutoff, keep);
  if (queue_ && tasks == scheduler_->tasks())
    registry_.oracles.front()->check_aged(cutoff, keep);
}

void world::drain(sim_queue& q, const actor& self) {
  ++pending_;
  const auto begun = clock::now(), deadline = some_deadline();
  q.async_drain(deadline, asio::bind_executor(self.strand, [=, this](error_code ec) {
                  --pending_;
                  if (ec)
                    return check_result(ec, begun, deadline);
                  verdict_.check(!q.is_open(), "an open queue was drained");
                  if (queue_)
                    verdict_.check(registry_.oracles.front()->live() == 0, "drained, with a slot that lives");
                }));
}

// For a while: callers may have no deadline.
void world::suspend(sim_queue& q) {
  q.suspend();
  ++pending_;
  auto t = std::make_shared<timer<sim_executor>>(scheduler_->get_executor());
  t->expires_after(some_time() * 3);
  t->async_wait([this, t, q](error_code) {
    --pending_;
    q.resume();
  });
}

void world::wait_idle(sim_queue& q, const actor& self) {
  ++pending_;
  const auto n = random_.below(3);
  const auto begun = clock::now(), deadline = random_.one_in(3) ? some_deadline() : clock::time_point::max();
  if (queue_)
    idle_waits_.insert(n);
  q.async_wait_idle(n, deadline, asio::bind_executor(self.strand, [=, this, keep = q](error_code ec) {
                      --pending_;
                      if (queue_)
                        idle_waits_.extract(n);
                      if (ec)
                        check_result(ec, begun, deadline);
                    }));
}

void world::operate_on_others() {
  switch (random_.below(4)) {
  case 0:
  case 1:
    if (!tokens_.empty())
      eject(tokens_[random_.below(static_cast<std::uint32_t>(tokens_.size()))], worker_record{verdict_, 1});
    return;
  default:
    if (shelf_.empty())
      return;
    sim_lease lease = std::move(shelf_.back());
    shelf_.pop_back();
    if (random_.one_in(2))
      lease.release();
  }
}

void world::forget_queues() {
  if (random_.one_in(2))
    manager_->age(clock::now(), some_time());
  else
    manager_->erase_idle(some_key());
}

asio::awaitable<void> world::disturb(std::shared_ptr<actor>) {
  for (auto n = 1 + random_.below(8); n != 0; --n) {
    co_await pause();
    const auto& victim = actors_[random_.below(static_cast<std::uint32_t>(actors_.size()))];
    if (const auto a = victim.lock())
      asio::post(a->strand, [a, type = some_type(random_)] {
        a->signal.emit(a->racing ? asio::cancellation_type::terminal : type);
      });
  }
}

} // namespace hotslot::sim
