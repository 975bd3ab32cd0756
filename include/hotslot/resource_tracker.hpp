// Reservations of memory, processor time and other things, shared fairly between those that want them.
#ifndef HOTSLOT_RESOURCE_TRACKER_HPP
#define HOTSLOT_RESOURCE_TRACKER_HPP

#include <hotslot/detail/asio/reserve_op.hpp>
#include <hotslot/detail/resources/resource_account.hpp>
#include <hotslot/errc.hpp>
#include <hotslot/evictable.hpp>
#include <hotslot/slot.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace hotslot {

namespace asio = boost::asio;

template <slot Slot, class Executor, class Traits>
class basic_launcher;

/// Hands out parts of a total, and sees to it that nobody waits for what others only keep warm.
///
/// Each key has an account. Requests that cannot be met at once wait in the order of `resource_arbiter`. For
/// the first of them the idle workers of other accounts are ended: as many as are missing and no more, or
/// none at all where they would not do. Where there are not enough idle ones, the account that has most for
/// its weight is asked to give up workers as they come back from their calls, as long as that leaves it no
/// worse off than the one that waits. What is leaving already counts as free before anybody else is asked.
/// What an eviction frees goes to that request before any other.
///
/// Lifetime: an object is a handle; accounts, reservations and waits keep what they need alive. Where the
/// execution context of a wait is destroyed, so is the wait. Thread safety: a shared object is safe. Locks:
/// it takes those of queues under its own, so it must not be used by what runs under a queue's: policies,
/// hooks, `pause()`.
template <class Executor = asio::any_io_executor, class Mutex = std::mutex>
class basic_resource_tracker {
  using account_state = detail::shared_account<Mutex>;
  using hub_type = detail::resource_hub<Mutex>;

 public:
  using executor_type = Executor;

  template <class Other>
  struct rebind_executor {
    using other = basic_resource_tracker<Other, Mutex>;
  };

  /// A part of the total, given back on destruction. Move-only.
  using reservation = detail::resource_reservation<Mutex>;

  /// What one key reserves from. Copies share it.
  class account {
   public:
    account() = default;

    explicit operator bool() const noexcept { return state_ != nullptr; }

    /// Reserves `r` if it can be had now and nobody comes before.
    std::optional<reservation> try_reserve(const resources& r) {
      reservation got = state_->try_reserve(r);
      return got ? std::optional(std::move(got)) : std::nullopt;
    }

    /// Reserves `r`, waiting for as long as it takes. Throws `system_error`: `errc::resources_impossible`
    /// where, now or by the time that a total or a minimum changes, the total less the minimum of other
    /// accounts is less than `r`; `operation_aborted` where cancelled (terminal, partial, total; nothing is
    /// reserved then). Lifetime: the account has to outlive the first step only.
    asio::awaitable<reservation, Executor> reserve(resources r) {
      using op = detail::reserve_wait<Executor, Mutex>;
      const auto wait = std::make_shared<op>(co_await asio::this_coro::executor, state_, r);
      co_return co_await wait->async_wait(asio::use_awaitable_t<Executor>());
    }

    /// From now on `workers` may be evicted for other accounts, until it is replaced, or null is set.
    void set_workers(evictable* workers) noexcept { state_->set_workers(workers); }

    /// From now on this weight and this minimum; what is reserved stays.
    void change(const account_options& o) noexcept { state_->change(o); }

    /// A worker of any account may have become idle: looks whether it has to go for another's.
    void relieve() noexcept { state_->relieve(); }

    resources used() const noexcept { return state_->used(); }
    /// Of all accounts together.
    resources total() const noexcept { return state_->total(); }
    resources taken() const noexcept { return state_->taken(); }

   private:
    template <slot, class, class>
    friend class basic_launcher;
    friend basic_resource_tracker;
    explicit account(std::shared_ptr<account_state> s) noexcept
      : state_(std::move(s)) {}

    std::shared_ptr<account_state> state_;
  };

  /// Hands out no more than `total`; idle workers are ended in `order`.
  explicit basic_resource_tracker(const resources& total, eviction_order order = eviction_order::oldest)
    : hub_(std::make_shared<hub_type>(total, order)) {}

  /// A new account, which has nothing yet.
  account open_account(const account_options& options = {}) {
    return account(std::make_shared<account_state>(hub_, options));
  }

  /// Whether `r` is no more than the total. Where it is, less the minimum of other accounts, a wait is
  /// refused.
  bool possible(const resources& r) const noexcept { return r.fits_in(total()); }

  /// Changes the total; what is reserved stays, though it be more.
  void set_total(const resources& total) noexcept { hub_->set_total(total); }

  resources total() const noexcept { return hub_->total(); }
  resources taken() const noexcept { return hub_->taken(); }

 private:
  std::shared_ptr<hub_type> hub_;
};

/// What programs name: the tracker of launchers on any executor.
using resource_tracker = basic_resource_tracker<>;

} // namespace hotslot

#endif
