// Reservations of memory and processor time, awaited in turn.
#ifndef HOTSLOT_RESOURCE_TRACKER_HPP
#define HOTSLOT_RESOURCE_TRACKER_HPP

#include <hotslot/core/errc.hpp>
#include <hotslot/core/resources.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/intrusive/list.hpp>
#include <boost/system/system_error.hpp>

#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace hotslot {

namespace asio = boost::asio;

/// Hands out parts of a total; those that wait are served in the order in which they came.
///
/// Lifetime: an object is a handle; reservations and waits keep what they need alive.
/// Thread safety: a shared object is safe.
template <class Executor = asio::any_io_executor>
class basic_resource_tracker {
  struct state;

 public:
  using executor_type = Executor;

  /// A part of the total, given back on destruction. Move-only.
  class reservation {
   public:
    reservation() = default;
    reservation(reservation&& other) noexcept
      : state_(std::move(other.state_))
      , amount_(std::exchange(other.amount_, {})) {}
    reservation& operator=(reservation&& other) noexcept {
      release();
      state_ = std::move(other.state_);
      amount_ = std::exchange(other.amount_, {});
      return *this;
    }
    ~reservation() { release(); }

    explicit operator bool() const noexcept { return state_ != nullptr; }
    const resources& amount() const noexcept { return amount_; }

    void release() noexcept {
      if (auto s = std::exchange(state_, nullptr))
        s->give_back(amount_);
    }

   private:
    friend basic_resource_tracker;
    reservation(std::shared_ptr<state> s, const resources& amount) noexcept
      : state_(std::move(s))
      , amount_(amount) {}

    std::shared_ptr<state> state_;
    resources amount_;
  };

  explicit basic_resource_tracker(const resources& total)
    : state_(std::make_shared<state>(total)) {}

  /// Reserves `r` if it can be had now and nobody waits.
  std::optional<reservation> try_reserve(const resources& r) {
    std::lock_guard lock(state_->mutex);
    if (!state_->waits.empty() || !state_->ledger.try_take(r))
      return std::nullopt;
    return reservation(state_, r);
  }

  /// Reserves `r`, waiting in turn for as long as it takes. Throws `system_error`:
  /// `errc::resources_impossible`, at once, where the total is less than `r`; `operation_aborted` where
  /// cancelled (terminal, partial, total; nothing is reserved then). Lifetime: the tracker has to outlive the
  /// first step only.
  asio::awaitable<reservation, Executor> reserve(resources r) { return wait(state_, r); }

  resources total() const noexcept { return state_->ledger.total(); }
  resources taken() const noexcept {
    std::lock_guard lock(state_->mutex);
    return state_->ledger.taken();
  }

 private:
  using channel_type =
      asio::experimental::basic_concurrent_channel<Executor, asio::experimental::channel_traits<>,
                                                   void(error_code)>;

  struct wait_type : boost::intrusive::list_base_hook<> {
    wait_type(const Executor& ex, std::shared_ptr<state> s, const resources& r)
      : granted(ex, 1)
      , owner(std::move(s))
      , amount(r) {}
    ~wait_type() { owner->forget(*this); }

    channel_type granted;
    std::shared_ptr<state> owner;
    resources amount;
    bool has = false;
  };

  struct state {
    explicit state(const resources& total)
      : ledger(total) {}

    std::mutex mutex;
    resource_ledger ledger;
    boost::intrusive::list<wait_type, boost::intrusive::constant_time_size<false>> waits;

    void give_back(const resources& r) noexcept {
      std::lock_guard lock(mutex);
      ledger.give_back(r);
      serve();
    }

    void serve() noexcept {
      while (!waits.empty() && ledger.try_take(waits.front().amount)) {
        wait_type& w = waits.front();
        waits.pop_front();
        w.has = true;
        w.granted.try_send(error_code());
      }
    }

    // The wait is over, or was cancelled: what it was granted and did not take goes on to the next.
    void forget(wait_type& w) noexcept {
      std::lock_guard lock(mutex);
      if (w.is_linked())
        waits.erase(waits.iterator_to(w));
      else if (w.has)
        ledger.give_back(w.amount);
      serve();
    }
  };

  static asio::awaitable<reservation, Executor> wait(std::shared_ptr<state> s, resources r) {
    const Executor ex = co_await asio::this_coro::executor;
    wait_type w(ex, s, r);
    {
      std::lock_guard lock(s->mutex);
      if (!s->ledger.possible(r))
        throw boost::system::system_error(make_error_code(errc::resources_impossible));
      s->waits.push_back(w);
      s->serve();
    }
    auto [ec] = co_await w.granted.async_receive(asio::as_tuple(asio::use_awaitable_t<Executor>()));
    if (ec)
      throw boost::system::system_error(asio::error::operation_aborted);
    std::lock_guard lock(s->mutex);
    w.has = false;
    co_return reservation(s, r);
  }

  std::shared_ptr<state> state_;
};

using resource_tracker = basic_resource_tracker<>;

} // namespace hotslot

#endif
