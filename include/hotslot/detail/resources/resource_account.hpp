// What belongs to one key: its account, its reservations, its requests.
#pragma once

#include <hotslot/detail/resources/resource_hub.hpp>

#include <memory>
#include <utility>

namespace hotslot::detail {

template <class Mutex>
class resource_reservation;

/// Kept by the handles on it, and by all that was reserved from it.
template <class Mutex>
struct shared_account : hub_account, std::enable_shared_from_this<shared_account<Mutex>> {
  shared_account(std::shared_ptr<resource_hub<Mutex>> h, const account_options& o)
    : hub(std::move(h)) {
    hub->open(*this, o.weight, o.minimum);
  }
  shared_account(const shared_account&) = delete;
  shared_account& operator=(const shared_account&) = delete;
  ~shared_account() { hub->close(*this); }

  void change(const account_options& o) noexcept { hub->change(*this, o.weight, o.minimum); }
  void set_workers(evictable* w) noexcept { hub->set_workers(*this, w); }
  void relieve() noexcept { hub->relieve(); }
  /// Empty where it cannot be had at once.
  resource_reservation<Mutex> try_reserve(const resources& r) noexcept {
    return hub->try_take(*this, r) ? resource_reservation<Mutex>(this->shared_from_this(), r)
                                   : resource_reservation<Mutex>();
  }
  resources used() const noexcept { return hub->used(*this); }
  resources total() const noexcept { return hub->total(); }
  resources taken() const noexcept { return hub->taken(); }

  const std::shared_ptr<resource_hub<Mutex>> hub;
};

template <class Mutex>
class resource_reservation {
  using account_pointer = std::shared_ptr<shared_account<Mutex>>;

 public:
  resource_reservation() = default;
  resource_reservation(account_pointer a, const resources& amount) noexcept
    : account_(std::move(a))
    , amount_(amount) {}
  resource_reservation(resource_reservation&& other) noexcept
    : account_(std::move(other.account_))
    , amount_(std::exchange(other.amount_, {})) {}
  resource_reservation& operator=(resource_reservation&& other) noexcept {
    release();
    account_ = std::move(other.account_);
    amount_ = std::exchange(other.amount_, {});
    return *this;
  }
  ~resource_reservation() { release(); }

  explicit operator bool() const noexcept { return account_ != nullptr; }
  const resources& amount() const noexcept { return amount_; }

  void release() noexcept {
    if (const auto a = std::exchange(account_, nullptr))
      a->hub->give_back(*a, amount_);
  }

 private:
  account_pointer account_;
  resources amount_;
};

/// One that waits, or has been granted and not been taken; gives up either when it goes.
template <class Mutex>
class pending_reservation {
 public:
  using state_type = resource_request::state_type;
  using account_pointer = std::shared_ptr<shared_account<Mutex>>;

  pending_reservation(account_pointer a, const resources& r, std::weak_ptr<resource_waiter> waiter) noexcept
    : account_(std::move(a))
    , request_(*account_, r, std::move(waiter)) {}
  pending_reservation(const pending_reservation&) = delete;
  pending_reservation& operator=(const pending_reservation&) = delete;
  ~pending_reservation() { account_->hub->forget(request_); }

  /// False where it is decided at once.
  bool wait() noexcept { return account_->hub->wait(request_); }

  /// Where it is `granted`, `out` has it from now on.
  state_type take(resource_reservation<Mutex>& out) noexcept {
    const state_type state = account_->hub->take_decision(request_);
    if (state == state_type::granted)
      out = resource_reservation<Mutex>(account_, request_.amount);
    return state;
  }

 private:
  const account_pointer account_;
  hub_request request_;
};

} // namespace hotslot::detail
