#include "worker.hpp"

#include <hotslot/process/function_slot.hpp>

#include <cassert>

namespace hotslot::process {

namespace asio = boost::asio;

function_slot::function_slot(std::shared_ptr<detail::worker> w) noexcept
  : worker_(std::move(w)) {}

void function_slot::close() noexcept {
  if (const auto w = std::exchange(worker_, nullptr)) {
    w->link().close();
    w->stop();
  }
}

asio::awaitable<void> function_slot::wait_gone() const {
  assert(worker_);
  constexpr auto wait = [](std::shared_ptr<detail::worker> w) -> asio::awaitable<void> {
    co_await w->gone();
  };
  return wait(worker_);
}

asio::awaitable<call_reply> function_slot::call(call_request request) {
  assert(worker_);
  return worker_->link().exchange(std::move(request));
}

bool function_slot::reusable() const noexcept { return worker_->link().clean() && !worker_->has_ended(); }

pid_t function_slot::pid() const noexcept { return worker_->pid(); }

std::uint64_t function_slot::worker_id() const noexcept { return worker_->id(); }

std::string function_slot::how_it_ended() const { return worker_->how_it_ended(); }

} // namespace hotslot::process
