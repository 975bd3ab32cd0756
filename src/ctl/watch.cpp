#include "watch.hpp"

#include "commands.hpp"
#include "event_stream.hpp"
#include "failure.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <ctime>
#include <optional>

namespace hotslot::ctl {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds first_pause{250};
constexpr std::chrono::milliseconds longest_pause{5000};
constexpr std::string_view query = "with=waits&by=waiting&top=1000";

std::string clock_time() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  ::localtime_r(&now, &local);
  char text[16];
  return {text, std::strftime(text, sizeof text, "%H:%M:%S", &local)};
}

// A server that does not know the stream, as where the stats are mounted in another one.
bool has_no_stream(unsigned status) { return status == 404 || status == 405 || status == 501; }

} // namespace

watcher::watcher(client& server, const options& how, screen& to)
  : server_(server)
  , how_(how)
  , screen_(to) {}

asio::awaitable<void> watcher::run() {
  for (auto again = first_pause;; again = std::min(again * 2, longest_pause)) {
    std::optional<failure> lost;
    fresh_ = false;
    try {
      if (polls_)
        co_await poll();
      else
        co_await follow();
    } catch (const failure& e) {
      if (e.code() != exit_code::unreachable || !seen_)
        throw;
      lost = e;
    }
    if (fresh_)
      again = first_pause;
    if (lost)
      lose(lost->what(), again);
    co_await pause(lost || !fresh_ ? again : how_.interval);
  }
}

asio::awaitable<void> watcher::follow() {
  unsigned status = 0;
  std::string reason, refusal;
  event_stream events([this](std::string_view document) { take(document); });
  inquiry question{.target = "/stats/stream?interval_ms=" + std::to_string(how_.interval.count()) + "&" +
                             std::string(query),
                   .patience = std::max(server_.timeout(), how_.interval * 3)};
  question.on_head = [&](const reply_head& head) {
    status = head.result_int();
    reason = std::string(head.reason());
  };
  question.on_piece = [&](std::string_view piece) {
    if (status == 200)
      events.add(piece);
    else
      refusal.append(piece);
  };
  try {
    co_await server_.ask(question);
  } catch (const failure&) {
    if (status != 200 || fresh_)
      throw;
  }
  const bool held_back = status == 200 && !fresh_; // as by a proxy that waits for the end
  polls_ = has_no_stream(status) || held_back;
  if (!polls_)
    check_status(server_, status, reason, refusal);
}

asio::awaitable<void> watcher::poll() {
  for (;;) {
    const reply answer = co_await server_.fetch(http::verb::get, "/stats?" + std::string(query));
    check_status(server_, answer.status, answer.reason, answer.body);
    take(answer.body);
    co_await pause(how_.interval);
  }
}

asio::awaitable<void> watcher::pause(std::chrono::milliseconds time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  co_await timer.async_wait(asio::use_awaitable);
}

void watcher::take(std::string_view document) {
  view_ = parse_pool(document);
  sort_by_need(view_.functions);
  rates_.add(view_, call_rates::clock::now());
  seen_ = fresh_ = true;
  trouble_.clear();
  if (how_.json) {
    std::string line = printable_json(document);
    line.resize(line.find_last_not_of('\n') + 1);
    return write_out(line + "\n");
  }
  screen_.enter();
  show_again();
}

void watcher::lose(const std::string& why, std::chrono::milliseconds again) {
  if (trouble_.empty())
    trouble_ = "figures are of " + clock_time();
  if (how_.json)
    return;
  const auto known = trouble_.substr(0, trouble_.find(';'));
  trouble_ = known + "; " + why + "; trying again in " + std::to_string((again + 999ms) / 1s) + " s";
  show_again();
}

void watcher::show_again() {
  if (!seen_ || how_.json)
    return;
  std::string title = trouble_.empty() ? server_.url() + ", " + clock_time() : server_.url();
  screen_.show(describe_pool(view_, rates_, title, trouble_, screen_.rows()));
}

} // namespace hotslot::ctl
