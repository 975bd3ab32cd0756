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

// Its timers go on: it would close a kept connection as it resumes, in the moment of the next call.
void function_slot::pause() noexcept {
  worker_->link().close();
  worker_->freeze();
}

void function_slot::resume() noexcept { worker_->thaw(); }

asio::awaitable<void> function_slot::wait_gone() const {
  assert(worker_);
  constexpr auto wait = [](std::shared_ptr<detail::worker> w) -> asio::awaitable<void> {
    co_await w->gone();
  };
  return wait(worker_);
}

asio::awaitable<call_reply> function_slot::call(call_request request) {
  assert(worker_);
  worker_->begin_call(request.call_id);
  return worker_->link().exchange(std::move(request));
}

asio::awaitable<void> function_slot::send(call_request request) {
  assert(worker_);
  worker_->begin_call(request.call_id);
  return worker_->link().begin(std::move(request));
}

bool function_slot::has_unsent() const noexcept { return worker_->link().has_unsent(); }

std::optional<unanswered_call> function_slot::take_back() noexcept { return worker_->link().take_back(); }

asio::awaitable<void> function_slot::send_rest() { return worker_->link().send_rest(); }

asio::awaitable<void> function_slot::send_piece(std::string_view piece, bool last) {
  return worker_->link().send_piece(piece, last);
}

void function_slot::stop_sending() noexcept { worker_->link().stop_sending(); }

asio::awaitable<unsigned> function_slot::end_unheard(std::uint64_t most) {
  return worker_->link().end_unheard(most);
}

asio::awaitable<call_reply> function_slot::receive(std::uint64_t whole) {
  return worker_->link().receive(whole);
}

bool function_slot::has_more() const noexcept { return worker_->link().has_more(); }

asio::awaitable<void> function_slot::read(std::string& piece) { return worker_->link().read(piece); }

bool function_slot::reusable() const noexcept { return worker_->link().clean() && !worker_->has_ended(); }

asio::awaitable<bool> function_slot::ran_out_of_memory() {
  return worker_->runs_out_of_memory(std::chrono::milliseconds(100));
}

pid_t function_slot::pid() const noexcept { return worker_->pid(); }

std::uint64_t function_slot::calls() const noexcept { return worker_->link().calls(); }

std::uint64_t function_slot::worker_id() const noexcept { return worker_->id(); }

std::string function_slot::how_it_ended() const { return worker_->how_it_ended(); }

} // namespace hotslot::process
