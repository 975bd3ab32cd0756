// Somebody who takes part of a machine beside its pools, by hand.
#ifndef HOTSLOT_TEST_SIM_GUEST_HPP
#define HOTSLOT_TEST_SIM_GUEST_HPP

#include "machine.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>

namespace hotslot::sim {

class guest {
 public:
  guest(machine& m, const resources& amount, double account_weight)
    : wants(amount)
    , weight(account_weight)
    , of_(m)
    , account_(m.tracker->open_account({.weight = account_weight})) {}

  /// Waits for its part, and has it for a while.
  static void come(const std::shared_ptr<guest>& self) {
    if (self->here_ != 0)
      return;
    asio::co_spawn(self->of_.context->make_strand(), stay(self, std::make_unique<visit>(*self)),
                   asio::bind_cancellation_slot(self->signal_.slot(), [self](std::exception_ptr) {}));
  }
  void lose_patience() {
    if (waiting_)
      signal_.emit(asio::cancellation_type::terminal);
  }

  bool waiting() const noexcept { return waiting_; }
  bool here() const noexcept { return here_ != 0; }
  std::uint64_t used() const noexcept { return account_.used().memory_mb; }

  const resources wants;
  const double weight;

 private:
  struct visit {
    explicit visit(guest& g)
      : of(g) {
      ++of.here_;
    }
    visit(const visit&) = delete;
    ~visit() {
      --of.here_;
      of.waiting_ = false; // a request that has not begun must not be cancelled
    }
    guest& of;
  };

  static asio::awaitable<void> stay(std::shared_ptr<guest> self, std::unique_ptr<visit>) {
    self->waiting_ = true;
    auto part = co_await reserve(*self);
    self->waiting_ = false;
    pool_timer t(co_await asio::this_coro::executor);
    t.expires_after(self->of_.ms(1000));
    co_await t.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  static asio::awaitable<pool_tracker::reservation> reserve(guest& g) {
    try {
      co_return co_await g.account_.reserve(g.wants);
    } catch (const boost::system::system_error& e) {
      const bool known = e.code() == errc::resources_impossible || e.code() == asio::error::operation_aborted;
      g.of_.found.check(known, "a reservation ended by what it does not know");
      co_return pool_tracker::reservation();
    }
  }

  machine& of_;
  pool_tracker::account account_;
  asio::cancellation_signal signal_;
  int here_ = 0;
  bool waiting_ = false;
};

} // namespace hotslot::sim

#endif
