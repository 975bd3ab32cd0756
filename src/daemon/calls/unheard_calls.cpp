#include "unheard_calls.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <utility>

namespace hotslot::daemon {
namespace {

constexpr auto as_pair = asio::as_tuple(asio::use_awaitable);

asio::awaitable<bool> answers(unheard_call& call) {
  try {
    const unsigned status = co_await call.lease->end_unheard(call.longest_answer);
    // One that was sent only a part may well complain of it.
    co_return !call.sent_whole || process::verdict_of(status) == process::worker_verdict::keep;
  } catch (const boost::system::system_error&) {
    co_return false;
  }
}

} // namespace

void unheard_calls::see_to(const asio::any_io_executor& executor, unheard_call call) {
  const auto run = [](std::shared_ptr<unheard_calls> self, unheard_call one) -> asio::awaitable<void> {
    co_await self->see_to_end(std::move(one));
  };
  asio::co_spawn(executor, run(shared_from_this(), std::move(call)), asio::detached);
}

asio::awaitable<void> unheard_calls::see_to_end(unheard_call call) {
  const bool ends = co_await comes_to_an_end(call);
  const bool fit = ends && call.lease->reusable();
  if (!fit)
    call.pool->log().info("worker ended: it did not come to an end with a call that nobody waits for",
                          {{"call", call.id}, {"worker", call.lease->worker_id()}});
  call.lease.release(fit ? worker_condition::clean : worker_condition::dirty);
}

asio::awaitable<bool> unheard_calls::comes_to_an_end(unheard_call& call) {
  using namespace asio::experimental::awaitable_operators;
  asio::steady_timer timer(co_await asio::this_coro::executor, call.most);
  const auto first = co_await (answers(call) || timer.async_wait(as_pair) || closed_.async_receive(as_pair));
  const bool* const answered = std::get_if<0>(&first);
  co_return answered&&* answered;
}

} // namespace hotslot::daemon
