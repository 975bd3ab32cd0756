#include "comparison.hpp"

#include "../sim/traits.hpp"
#include "model.hpp"

#include <hotslot/slot_queue.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <memory>
#include <sstream>

namespace hotslot::model {
namespace {

namespace asio = boost::asio;
using traits = sim::traits<no_hook>;

struct numbered_slot {
  int number;
  std::shared_ptr<int> closes;
  void close() noexcept { ++*closes; }
};

using real_queue = basic_slot_queue<numbered_slot, asio::any_io_executor, traits>;

/// One wait of the real queue, and what came of it.
struct real_wait {
  asio::cancellation_signal signal;
  int completions = 0;
  error_code result;
};

class comparison {
 public:
  comparison() { scheduler_.keep_order(); }

  std::string run(const sequence& operations) {
    for (std::size_t i = 0; i < operations.size(); ++i) {
      apply(operations[i]);
      check();
      if (!wrong_.empty()) {
        std::ostringstream where;
        where << "after " << i + 1 << " operations: " << wrong_;
        return where.str();
      }
    }
    return {};
  }

 private:
  void apply(const operation& op);
  void check();
  void check_slots();
  void check_waits();

  template <class T>
  void same(const T& real, const T& expected, const char* what) {
    if (real == expected || !wrong_.empty())
      return;
    std::ostringstream text;
    text << what << ": " << real << " for " << expected;
    wrong_ = text.str();
  }

  static time now() { return std::chrono::duration_cast<time>(sim::clock::now().time_since_epoch()); }

  void queue_slot();
  void keep(int slot, real_queue::lease_type lease);
  void acquire(time wait_for, bool by_ticket);
  void release(int slot, action how);
  int leased(std::uint32_t n) const;
  real_queue::ticket_type& ticket() { return tickets_.back(); }

  sim::scheduler scheduler_{0, 0};
  real_queue real_{asio::any_io_executor(scheduler_.get_executor())};
  queue model_{now()};
  std::vector<real_queue::token_type> tokens_;
  std::vector<std::shared_ptr<int>> closes_;
  std::vector<real_queue::lease_type> leases_; ///< By the number of the slot.
  std::vector<real_queue::lease_type::detached_type> detached_;
  std::vector<std::unique_ptr<real_wait>> waits_;
  std::vector<real_queue::ticket_type> tickets_;
  std::string wrong_;
};

void comparison::queue_slot() {
  const int number = static_cast<int>(closes_.size());
  closes_.push_back(std::make_shared<int>(0));
  leases_.emplace_back();
  tokens_.push_back(real_.queue_slot({number, closes_.back()}));
  model_.queue_slot();
  same(tokens_.back().id(), model_.slots.back().offer, "the id of a new offer");
}

// A lease is not looked at: then it would be dropped as a used one.
void comparison::keep(int expected, real_queue::lease_type lease) {
  same(static_cast<bool>(lease), expected != no_slot, "whether a caller got a slot");
  if (wrong_.empty() && expected != no_slot)
    leases_[expected] = std::move(lease);
}

void comparison::acquire(time wait_for, bool by_ticket) {
  const auto deadline = wait_for == never ? sim::clock::time_point::max() : sim::clock::now() + wait_for;
  const std::size_t number = waits_.size();
  real_wait& w = *waits_.emplace_back(std::make_unique<real_wait>());
  auto done = [this, number, &w](error_code ec, real_queue::lease_type lease) {
    ++w.completions;
    w.result = ec;
    keep(model_.waits[number].slot, std::move(lease));
  };
  auto handler = asio::bind_cancellation_slot(w.signal.slot(), std::move(done));
  if (by_ticket)
    ticket().async_acquire(deadline, std::move(handler));
  else
    real_.async_acquire(deadline, std::move(handler));
  model_.acquire(wait_for == never ? never : now() + wait_for, by_ticket);
}

void comparison::release(int s, action how) {
  if (s == no_slot)
    return;
  auto lease = std::move(leases_[s]);
  if (how != action::drop_unused)
    same(lease->number, s, "the slot of a lease");
  if (how == action::release)
    lease.release();
  else if (how == action::discard)
    lease.discard();
  if (how == action::drop_unused)
    model_.put_back(s);
  else
    model_.release(s, how != action::release);
}

int comparison::leased(std::uint32_t n) const {
  std::vector<int> all;
  for (int s = 0; s < static_cast<int>(leases_.size()); ++s)
    if (leases_[s])
      all.push_back(s);
  return all.empty() ? no_slot : all[n % all.size()];
}

void comparison::apply(const operation& op) {
  const auto n = op.n;
  const int s = tokens_.empty() ? no_slot : static_cast<int>(n % tokens_.size());
  switch (op.what) {
  case action::queue_slot:
    return queue_slot();
  case action::try_acquire: {
    auto lease = real_.try_acquire();
    return keep(model_.try_acquire(), std::move(lease));
  }
  case action::acquire:
    return acquire(never, false);
  case action::acquire_until:
    return acquire(time(n % 20), false);
  case action::release:
  case action::discard:
  case action::drop_used:
  case action::drop_unused:
    return release(leased(n), op.what);
  case action::eject:
    if (s != no_slot)
      same(tokens_[s].eject(), model_.eject(s, tokens_[s].id()), "whether a slot was ejected");
    return;
  case action::retire:
    if (s != no_slot) {
      tokens_[s].retire();
      model_.retire(s);
    }
    return;
  case action::eject_idle:
    real_.eject_idle(sim::clock::now() - time(n % 20), n % 3);
    return model_.eject_idle(now() - time(n % 20), n % 3);
  case action::eject_thirds: {
    const int remainder = static_cast<int>(n % 3);
    const auto ejected = real_.eject_if([&](const numbered_slot& x) { return x.number % 3 == remainder; });
    return same(ejected, model_.eject_thirds(remainder), "how many were ejected");
  }
  case action::detach:
    if (const int of = leased(n); of != no_slot) {
      detached_.push_back(leases_[of].detach());
      same(detached_.back()->number, of, "the slot that was detached");
      model_.detach(of);
    }
    return;
  case action::lend:
    real_.set_order(n % 2 ? idle_order::oldest : idle_order::newest);
    return model_.lend_oldest(n % 2);
  case action::suspend:
    real_.suspend();
    return model_.suspend();
  case action::resume:
    real_.resume();
    return model_.resume();
  case action::enter:
    tickets_.push_back(real_.enter());
    return model_.enter();
  case action::give_up:
    if (tickets_.empty())
      return;
    tickets_.pop_back();
    return model_.give_up();
  case action::try_acquire_by_ticket: {
    if (tickets_.empty())
      return;
    auto lease = ticket().try_acquire();
    const int expected = model_.try_acquire_counted();
    if (expected != no_slot)
      tickets_.pop_back();
    return keep(expected, std::move(lease));
  }
  case action::acquire_by_ticket:
    if (tickets_.empty())
      return;
    acquire(n % 2 ? never : time(n % 20), true);
    return tickets_.pop_back();
  case action::cancel:
    if (waits_.empty())
      return;
    waits_[n % waits_.size()]->signal.emit(asio::cancellation_type::total);
    return model_.cancel(static_cast<int>(n % waits_.size()));
  case action::cancel_all:
    real_.cancel();
    return model_.cancel_all();
  case action::fail:
    real_.fail_waiters(errc::launch_failed, n % 3);
    return model_.fail(errc::launch_failed, n % 3);
  case action::limit:
    real_.limit_waiters(n % 8);
    return model_.limit(n % 8);
  case action::close:
    real_.close();
    return model_.close();
  case action::run:
    model_.run_until(now());
    return scheduler_.run_until(sim::clock::now());
  case action::pass_time: {
    const auto later = sim::clock::now() + time(n % 15);
    model_.run_until(std::chrono::duration_cast<time>(later.time_since_epoch()));
    return scheduler_.run_until(later);
  }
  }
}

void comparison::check_slots() {
  for (std::size_t s = 0; s < model_.slots.size(); ++s)
    same(*closes_[s], model_.slots[s].at == slot::place::closed ? 1 : 0, "how often a slot was closed");
}

void comparison::check_waits() {
  for (std::size_t w = 0; w < waits_.size(); ++w) {
    const bool told = model_.waits[w].at == wait::phase::told;
    same(waits_[w]->completions, told ? 1 : 0, "how often a wait completed");
    if (told)
      same(waits_[w]->result, model_.waits[w].result, "what a wait ended with");
  }
}

void comparison::check() {
  const queue_snapshot real = real_.snapshot(), expected = model_.snapshot();
  same(real.idle, expected.idle, "idle");
  same(real.busy, expected.busy, "busy");
  for (const auto state : {queue_state::runner, queue_state::starter, queue_state::waiter}) {
    same(real.count(state), expected.count(state), "a state's count");
    same(real.latency(state).count(), expected.latency(state).count(), "a state's latency");
  }
  const queue_totals &t = real.totals, &u = expected.totals;
  same(t.acquired, u.acquired, "acquired");
  same(t.timed_out, u.timed_out, "timed out");
  same(t.cancelled, u.cancelled, "cancelled");
  same(t.shed, u.shed, "shed");
  same(t.failed, u.failed, "failed");
  same(t.ejected_idle, u.ejected_idle, "ejected: idle");
  same(t.ejected_dirty, u.ejected_dirty, "ejected: dirty");
  same(t.ejected_requested, u.ejected_requested, "ejected: requested");
  same(t.ejected_closed, u.ejected_closed, "ejected: closed");
  same(t.detached_slots, u.detached_slots, "detached");
  same(real.suspended, expected.suspended, "suspended");
  same(real_.is_idle(), model_.is_idle(), "is_idle");
  same(real_.is_open(), !model_.closed(), "is_open");
  check_slots();
  check_waits();
}

} // namespace

std::string compare(const sequence& operations) { return comparison().run(operations); }

const char* name_of(action a) noexcept {
  constexpr const char* names[] = {"queue_slot",
                                   "try_acquire",
                                   "acquire",
                                   "acquire_until",
                                   "release",
                                   "discard",
                                   "drop_used",
                                   "drop_unused",
                                   "eject",
                                   "retire",
                                   "eject_idle",
                                   "eject_thirds",
                                   "detach",
                                   "lend",
                                   "suspend",
                                   "resume",
                                   "enter",
                                   "give_up",
                                   "try_acquire_by_ticket",
                                   "acquire_by_ticket",
                                   "cancel",
                                   "cancel_all",
                                   "fail",
                                   "limit",
                                   "close",
                                   "run",
                                   "pass_time"};
  static_assert(std::size(names) == action_count);
  return names[static_cast<std::size_t>(a)];
}

} // namespace hotslot::model
