#include "watch.hpp"

#include "commands.hpp"
#include "event_stream.hpp"
#include "failure.hpp"

#include "race.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <ctime>
#include <exception>
#include <optional>
#include <utility>

namespace hotslot::ctl {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds first_pause{250};
constexpr std::chrono::milliseconds longest_pause{5000};
constexpr std::size_t most_rows = 1000;

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
  , screen_(to)
  , selection_(how.by, how.match) {}

asio::awaitable<void> watcher::run() {
  for (auto again = first_pause;; again = std::min(again * 2, longest_pause)) {
    std::optional<failure> lost;
    fresh_ = false;
    try {
      co_await attempt();
      if (asked_ != query()) {
        again = first_pause;
        continue;
      }
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

// Where another answer is wanted in the meantime, it ends.
asio::awaitable<void> watcher::attempt() {
  using namespace asio::experimental::awaitable_operators;
  asked_ = query();
  answer_.emplace(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
  std::exception_ptr failed;
  auto answers = caught(polls_ ? poll() : follow(), failed);
  const auto first =
      co_await (std::move(answers) || answer_->async_wait(asio::as_tuple(asio::use_awaitable)));
  if (first.index() == 0 && failed)
    std::rethrow_exception(failed);
}

asio::awaitable<void> watcher::follow() {
  unsigned status = 0;
  std::string reason, refusal;
  event_stream events([this](std::string_view document) { take(document); });
  inquiry question{.target =
                       "/stats/stream?interval_ms=" + std::to_string(how_.interval.count()) + "&" + asked_,
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
    const reply answer = co_await server_.fetch(http::verb::get, "/stats?" + asked_);
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

// What there is room for is what comes over the wire.
std::string watcher::query() const {
  return "with=waits&" + selection_.query() +
         "&top=" + std::to_string(std::clamp<std::size_t>(room_for_rows(screen_.rows()), 1, most_rows));
}

bool watcher::type(std::string_view keys) {
  const bool on = selection_.type(keys);
  show_again();
  return on;
}

void watcher::show_again() {
  if (answer_ && asked_ != query())
    answer_->cancel();
  if (!seen_ || how_.json)
    return;
  std::string title = trouble_.empty() ? server_.url() + ", " + clock_time() : server_.url();
  screen_.show(describe_pool(view_, rates_, title, trouble_, screen_.rows(),
                             screen_.has_keys() ? selection_.describe() : ""));
}

} // namespace hotslot::ctl
