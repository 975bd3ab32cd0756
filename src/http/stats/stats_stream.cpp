#include "stats_stream.hpp"

#include "stats_query.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <optional>

namespace hotslot::http {

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

constexpr auto reader_patience = 5s;
constexpr int send_buffer = 64 * 1024;
constexpr std::chrono::steady_clock::duration look_for_the_end = 1s;

// All readers of one interval wake at the same times.
stats_events::clock::time_point end_of_interval(stats_events::clock::time_point now,
                                                stats_events::clock::duration interval) {
  return now - now.time_since_epoch() % interval + interval;
}

response event_stream() {
  response head(status::ok, 11);
  head.set(field::content_type, "text/event-stream");
  head.set(field::cache_control, "no-store");
  head.set("X-Accel-Buffering", "no"); // nginx would else keep events back
  return head;
}

// Throws `bad_query`, before anything is sent.
std::chrono::milliseconds check_query(std::string_view query) {
  stats_query::parse(query);
  return parse_interval(query);
}

} // namespace

stats_events::event stats_events::at(clock::time_point now, clock::duration interval,
                                     const std::string& query) {
  const auto until = end_of_interval(now, interval);
  const std::lock_guard lock(mutex_);
  std::erase_if(made_, [now](const auto& made) { return made.second.until <= now; });
  auto& made = made_[query];
  if (made.until != until)
    made = {until, std::make_shared<const std::string>(routes_->event(query))};
  return made.text;
}

asio::awaitable<response> stats_stream::serve(const request& req, exchange& ex) {
  const auto target = req.target();
  std::string query(target_query({target.data(), target.size()}));
  std::optional<response> refusal;
  std::chrono::milliseconds interval{};
  try {
    interval = check_query(query);
  } catch (const bad_query& e) {
    refusal = make_error(status::bad_request, e.what());
  }
  if (refusal)
    co_return std::move(*refusal);
  const response head = event_stream();
  co_await ex.begin(head);
  if (req.method() != verb::head)
    co_await write_events(ex, std::move(query), interval);
  co_return response();
}

asio::awaitable<void> stats_stream::write_events(exchange& ex, std::string query,
                                                 std::chrono::milliseconds interval) {
  using clock = stats_events::clock;
  ex.send_buffer_size(send_buffer);
  asio::steady_timer timer(ex.get_executor());
  while (!ex.closing()) {
    {
      const auto now = clock::now();
      const auto event = events_.at(now, interval, query);
      ex.expires_at(now + reader_patience);
      co_await ex.write(*event);
    }
    ex.expires_at(clock::time_point::max());
    // Of the interval that it is now: where an event takes longer than that, others get their turn all the
    // same.
    const auto next = end_of_interval(clock::now(), interval);
    for (auto now = clock::now(); now < next && !ex.closing(); now = clock::now()) {
      timer.expires_at(std::min(next, now + look_for_the_end));
      co_await timer.async_wait(asio::use_awaitable);
    }
  }
}

} // namespace hotslot::http
