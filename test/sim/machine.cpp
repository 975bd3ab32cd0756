#include "machine.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace hotslot::sim {

namespace {

asio::awaitable<void> live_and_end(std::shared_ptr<pool_worker> w) {
  constexpr auto quietly = asio::as_tuple(asio::use_awaitable);
  if (w->closes == 0)
    co_await w->life->async_wait(quietly); // its own end, or the slot's
  w->life->expires_after(w->stop_time);
  co_await w->life->async_wait(quietly);
  w->ended = true;
}

} // namespace

void pool_slot::close() noexcept {
  machine_->use_locks();
  machine_->found.check(++worker_->closes == 1, "a slot was closed twice");
  machine_->found.check(!worker_->in_use, "a slot was closed in its caller's hands");
  if (worker_->life)
    worker_->life->cancel();
  machine_->take_time();
  worker_->closed = true;
}

void pool_slot::pause() noexcept {
  machine_->found.check(!worker_->in_use && !worker_->paused && worker_->closes == 0,
                        "paused what is not idle");
  worker_->paused = true;
}

void pool_slot::resume() noexcept {
  machine_->use_locks();
  machine_->found.check(worker_->paused && worker_->closes == 0, "resumed what is not paused");
  worker_->paused = false;
}

asio::awaitable<void> pool_slot::wait_gone() {
  worker_->queued = true;
  return live_and_end(worker_);
}

} // namespace hotslot::sim
