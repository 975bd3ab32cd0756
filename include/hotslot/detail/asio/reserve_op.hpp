// The asynchronous wait for a reservation.
#pragma once

#include <hotslot/detail/asio/queue_service.hpp>
#include <hotslot/detail/asio/wait_op.hpp>
#include <hotslot/detail/resources/resource_account.hpp>
#include <hotslot/errc.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/error.hpp>

#include <memory>
#include <mutex>
#include <optional>
#include <tuple>
#include <utility>

namespace hotslot::detail {

/// The operation, as its wait knows it.
struct reserve_op_base {
  virtual void post() = 0;
  virtual void destroy() noexcept = 0;

  cancel_link_base<reserve_op_base>* link = nullptr;

 protected:
  ~reserve_op_base() = default;
};

/// One wait. Kept by its operation, and by the execution context's service for as long as it waits.
template <class Executor, class Mutex>
class reserve_wait final : public registered_queue,
                           public resource_waiter,
                           public std::enable_shared_from_this<reserve_wait<Executor, Mutex>> {
 public:
  using executor_type = Executor;
  using pointer = std::shared_ptr<reserve_wait>;
  using reservation = resource_reservation<Mutex>;
  using account_pointer = std::shared_ptr<shared_account<Mutex>>;

  reserve_wait(const Executor& ex, account_pointer a, const resources& r)
    : registered_queue(ex)
    , executor_(ex)
    , account_(std::move(a))
    , amount_(r) {}

  const Executor& get_executor() const noexcept { return executor_; }

  /// Completion signature: `void(error_code, reservation)`. To be called once.
  template <class CompletionToken>
  auto async_wait(CompletionToken&& token) {
    return asio::async_initiate<CompletionToken, void(error_code, reservation)>(
        [self = this->shared_from_this()](auto handler) {
          using op_type = queue_op<reserve_wait, reserve_op_base, reserve_wait, decltype(handler)>;
          auto op = op_type::create(self, std::move(handler));
          op->connect();
          self->start(*op.release());
        },
        token);
  }

  // As `Result` of its operation

  static bool ready(reserve_wait&, reserve_op_base&) noexcept { return true; }
  static void abandon(reserve_wait& w, reserve_op_base& op) noexcept { w.disconnect(op); }
  static std::tuple<error_code, reservation> make(reserve_wait& w, reserve_op_base& op) noexcept {
    w.disconnect(op);
    return {w.result_, std::move(w.reserved_)};
  }

  // As `Impl` of it

  void cancel(cancel_link_base<reserve_op_base>&) noexcept {
    {
      const std::lock_guard lock(mutex_);
      cancelled_ = true;
    }
    finish();
  }
  void unlink(cancel_link_base<reserve_op_base>& link) noexcept {
    const std::lock_guard lock(mutex_);
    if (reserve_op_base* op = link.op.load(std::memory_order_relaxed))
      op->link = nullptr;
  }

 private:
  using state_type = resource_request::state_type;

  void start(reserve_op_base& op) noexcept {
    {
      const std::lock_guard lock(mutex_);
      request_.emplace(account_, amount_, this->weak_from_this());
      op_ = &op;
    }
    request_->wait(); // though it may have been cancelled by now
    finish();
  }

  void resources_decided() noexcept override { finish(); }

  /// Sends the operation off where it was decided or cancelled.
  void finish() noexcept {
    reserve_op_base* op = nullptr;
    {
      const std::lock_guard lock(mutex_);
      if (!op_)
        return;
      const state_type state = request_->take(reserved_);
      if (state == state_type::waiting && !cancelled_)
        return;
      result_ = reserved_ ? error_code()
                : state == state_type::impossible
                    ? make_error_code(errc::resources_impossible)
                    : asio::error::make_error_code(asio::error::operation_aborted);
      op = std::exchange(op_, nullptr);
    }
    op->post();
  }

  void disconnect(reserve_op_base& op) noexcept {
    const std::lock_guard lock(mutex_);
    if (op.link)
      std::exchange(op.link, nullptr)->op.store(nullptr, std::memory_order_release);
  }

  void shut_down() noexcept override {
    const pointer keep = this->shared_from_this();
    reserve_op_base* op = nullptr;
    {
      const std::lock_guard lock(mutex_);
      op = std::exchange(op_, nullptr);
    }
    if (op)
      op->destroy();
  }

  const Executor executor_;
  const account_pointer account_;
  const resources amount_;
  Mutex mutex_;
  reserve_op_base* op_ = nullptr; ///< While it waits.
  std::optional<pending_reservation<Mutex>> request_;
  reservation reserved_;
  error_code result_;
  bool cancelled_ = false;
};

} // namespace hotslot::detail
