// What the threads of a round do.
#include "round.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

namespace hotslot::stress {

void round::step(sim::random& r) {
  if (steps_++ == close_at_)
    close();
  std::uint32_t sum = 0;
  for (const auto w : weights_)
    sum += w;
  std::size_t which = 0;
  for (auto at = r.below(sum); at >= weights_[which]; ++which)
    at -= weights_[which];
  switch (which) {
  case 0:
    return queue_slot(r);
  case 1:
    return try_acquire(r);
  case 2:
    return async_acquire(r);
  case 3:
    return give_back(r);
  case 4:
    return eject(r);
  case 5:
    return retire(r);
  case 6:
    return cancel_one(r);
  case 7:
    return r.one_in(4) ? cancel_all() : snapshot();
  case 8:
    return start_dequeuer(r);
  case 9:
    return cancel_dequeuer(r);
  default:
    return drain(some_deadline(r));
  }
}

round::clock::time_point round::some_deadline(sim::random& r) {
  return r.one_in(2) ? clock::time_point::max() : clock::now() + std::chrono::microseconds(r.below(1000));
}

// Slots

void round::queue_slot(sim::random& r) {
  token t;
  record({.what = call::queue_slot}, [&](operation& o) {
    t = queue_.queue_slot(numbered_slot{o.begun});
    o.offer = t.id();
  });
  if (r.one_in(2))
    tokens_.put(t);
}

void round::eject(sim::random& r) {
  if (auto t = tokens_.take(r)) {
    record({.what = call::eject, .offer = t->id()}, [&](operation& o) { o.got = t->eject(); });
    if (r.one_in(2))
      tokens_.put(*t);
  }
}

void round::retire(sim::random& r) {
  if (auto t = tokens_.take(r))
    record({.what = call::retire, .offer = t->id()}, [&](operation&) { t->retire(); });
}

// Leases

void round::try_acquire(sim::random& r) {
  held_lease h{{}, 0, !r.one_in(4)};
  h.acquired = record({.what = call::try_acquire}, [&](operation& o) {
    h.value = queue_.try_acquire();
    o.got = static_cast<bool>(h.value);
    o.slot = o.got && h.touched ? h.value->number : 0;
  });
  use(std::move(h), r);
}

void round::async_acquire(sim::random& r) {
  auto c = std::make_shared<caller>(asio::make_strand(io_));
  start({.what = call::async_acquire}, [&](const operation& begun) {
    c->waits = begun.begun;
    const auto deadline = some_deadline(r);
    auto done = [this, c, o = begun, deadline](error_code ec, lease l) mutable {
      if (ec == errc::deadline_exceeded && clock::now() < deadline)
        o.flaw = "ended before its deadline";
      acquired(o, ec, std::move(l));
    };
    queue_.async_acquire(deadline, asio::bind_cancellation_slot(
                                       c->signal.slot(), asio::bind_executor(c->executor, std::move(done))));
  });
  if (r.one_in(2))
    callers_.put(c);
}

void round::acquired(operation o, error_code ec, lease l) {
  sim::random r(seed_ ^ o.begun);
  o.error = ec;
  o.got = static_cast<bool>(l);
  o.slot = o.got && !r.one_in(4) ? l->number : 0;
  finish(o);
  use({std::move(l), o.begun, o.slot != 0}, r);
}

void round::use(held_lease h, sim::random& r) {
  if (h.value && (r.one_in(3) || !leases_.put(h)))
    give_back(std::move(h), r);
}

void round::give_back(sim::random& r) {
  if (auto h = leases_.take(r))
    give_back(std::move(*h), r);
}

void round::give_back(held_lease h, sim::random& r) {
  const auto how = r.below(10);
  if (how >= 3 && h.touched)
    record({.what = call::release, .of = h.acquired}, [&](operation&) { h.value.release(); });
  else if (how == 2)
    record({.what = call::discard, .of = h.acquired},
           [&](operation&) { h.value.release(worker_condition::dirty); });
  else if (how == 1)
    record({.what = call::discard, .of = h.acquired}, [&](operation&) { h.value.discard(); });
  else
    record({.what = h.touched ? call::discard : call::put_back, .of = h.acquired},
           [&](operation&) { h.value = lease(); });
}

// The end of waits and of the queue

void round::cancel_one(sim::random& r) {
  if (auto c = callers_.take(r))
    asio::post((*c)->executor, [c = *c, type = r.one_in(2)] {
      record({.what = call::signal, .of = c->waits}, [&](operation&) {
        c->signal.emit(type ? asio::cancellation_type::terminal : asio::cancellation_type::total);
      });
    });
}

void round::cancel_all() {
  record({.what = call::cancel}, [&](operation&) { queue_.cancel(); });
}

void round::snapshot() {
  record({.what = call::snapshot}, [&](operation& o) {
    const queue_snapshot s = queue_.snapshot();
    o.seen = {s.idle, s.busy, s.count(queue_state::waiter), s.totals.acquired};
    if (s.count(queue_state::runner) != s.busy || s.count(queue_state::starter) != 0)
      o.flaw = "counters that contradict each other";
  });
}

void round::close() {
  record({.what = call::close}, [&](operation&) { queue_.close(); });
}

void round::drain(clock::time_point deadline) {
  start({.what = call::drain}, [&](const operation& begun) {
    queue_.async_drain(deadline, asio::bind_executor(io_, [o = begun](error_code ec) mutable {
                         o.error = ec;
                         finish(o);
                       }));
  });
}

// Offers

void round::start_dequeuer(sim::random& r) {
  auto d = std::make_shared<dequeuer>(queue_.start_dequeuer());
  asio::co_spawn(asio::make_strand(io_), dequeue(d, sim::random(r())), asio::detached);
  if (r.one_in(2))
    dequeuers_.put(d);
}

void round::cancel_dequeuer(sim::random& r) {
  if (auto d = dequeuers_.take(r))
    (*d)->cancel();
}

asio::awaitable<void> round::dequeue(std::shared_ptr<dequeuer> d, sim::random r) {
  for (auto n = 1 + r.below(4); n != 0; --n) {
    operation o{.what = call::next};
    begin(o);
    dequeuer::offer_type offer;
    try {
      offer = co_await d->next();
    } catch (const boost::system::system_error& e) {
      o.error = e.code();
    }
    o.got = static_cast<bool>(offer);
    o.offer = offer.id();
    finish(o);
    if (!offer)
      co_return;
    if (r.one_in(2))
      if (token t = offer.token(); tokens_.put(t))
        co_await asio::post(asio::use_awaitable); // which others can eject meanwhile
    decide(std::move(offer), r);
  }
}

void round::decide(dequeuer::offer_type offer, sim::random& r) {
  if (r.one_in(3)) {
    record({.what = call::decline, .offer = offer.id()}, [&](operation&) { offer = {}; });
    return;
  }
  held_lease h{{}, 0, true};
  h.acquired = record({.what = call::accept, .offer = offer.id()}, [&](operation& o) {
    h.value = offer.acquire();
    o.got = static_cast<bool>(h.value);
    o.slot = o.got ? h.value->number : 0;
  });
  use(std::move(h), r);
}

} // namespace hotslot::stress
