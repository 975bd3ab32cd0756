#include "span_exporter.hpp"

#include "otlp_json.hpp"

#include <hotslot/version.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

#include <unistd.h>

namespace hotslot::daemon {
namespace {

namespace beast = boost::beast;
using namespace std::chrono_literals;

constexpr auto batch_delay = 1s;
constexpr auto export_timeout = 10s;
constexpr std::chrono::steady_clock::duration first_backoff = 500ms;
constexpr std::chrono::steady_clock::duration longest_backoff = 30s;
constexpr std::chrono::steady_clock::duration longest_retry_after = 5min;
constexpr std::uint64_t longest_reply = 64 * 1024;
constexpr std::size_t longest_part = 16 * 1024; // of it, that has to be looked at as a whole

// As OTLP/HTTP says.
bool may_be_tried_again(unsigned status) {
  return status == 429 || status == 502 || status == 503 || status == 504;
}

} // namespace

span_exporter::span_exporter(asio::any_io_executor executor, const tracing_config& config, const logger& log)
  : config_(config)
  , log_(log)
  , strand_(asio::make_strand(executor))
  , timer_(strand_)
  , ended_(strand_)
  , resolver_(strand_)
  , stream_(strand_) {}

void span_exporter::add(std::vector<span> spans) {
  bool start = false;
  bool full_batch = false;
  {
    std::lock_guard lock(mutex_);
    if (counts_.queued + spans.size() > config_.max_queued) {
      counts_.dropped += spans.size();
      return;
    }
    counts_.queued += spans.size();
    full_batch = queue_.size() < batch && queue_.size() + spans.size() >= batch;
    std::move(spans.begin(), spans.end(), std::back_inserter(queue_));
    start = !std::exchange(running_, true);
  }
  if (start)
    asio::co_spawn(strand_, run(), [this](const std::exception_ptr& error) { finished(error); });
  else if (full_batch)
    asio::post(strand_, [this] {
      if (!failing_)
        timer_.cancel();
    });
}

span_counts span_exporter::counts() const {
  std::lock_guard lock(mutex_);
  return counts_;
}

asio::awaitable<void> span_exporter::run() {
  clock::duration backoff = first_backoff;
  co_await pause(batch_delay);
  while (take_batch()) {
    const outcome result = co_await post_batch();
    settle(result);
    if (result == outcome::again && retry_after_) {
      co_await pause(std::clamp<clock::duration>(*retry_after_, first_backoff, longest_retry_after));
    } else if (result == outcome::again) {
      co_await pause(backoff);
      backoff = std::min(2 * backoff, longest_backoff);
    } else {
      backoff = first_backoff;
      co_await collect();
    }
  }
}

// Nobody waits for a batch to be full.
asio::awaitable<void> span_exporter::collect() {
  bool full = false;
  {
    std::lock_guard lock(mutex_);
    full = queue_.size() >= batch;
  }
  if (!full)
    co_await pause(batch_delay);
}

void span_exporter::finished(const std::exception_ptr& error) {
  if (error) {
    log_.error("the exporter of spans has failed");
    std::lock_guard lock(mutex_);
    running_ = false;
  }
  ended_.cancel();
}

asio::awaitable<void> span_exporter::pause(clock::duration time) {
  if (draining_)
    time = std::min(time, clock::duration(100ms));
  if (gave_up_ || (draining_ && !failing_))
    co_return;
  timer_.expires_after(time);
  co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
}

// Where nothing is left, the coroutine ends, and whoever adds something then starts it again.
bool span_exporter::take_batch() {
  std::lock_guard lock(mutex_);
  if (batch_.empty()) {
    const auto n = std::min(queue_.size(), batch);
    batch_.assign(std::make_move_iterator(queue_.begin()), std::make_move_iterator(queue_.begin() + n));
    queue_.erase(queue_.begin(), queue_.begin() + n);
  }
  running_ = !batch_.empty() && !gave_up_;
  return running_;
}

void span_exporter::settle(outcome result) {
  if (result == outcome::again)
    return;
  std::lock_guard lock(mutex_);
  counts_.queued -= batch_.size();
  const auto dropped = result == outcome::sent ? rejected_ : batch_.size();
  counts_.dropped += dropped;
  counts_.exported += batch_.size() - dropped;
  batch_.clear();
}

asio::awaitable<span_exporter::outcome> span_exporter::post_batch() {
  std::string why;
  rejected_ = 0;
  retry_after_.reset();
  try {
    co_await connect();
    co_return co_await exchange();
  } catch (const boost::system::system_error& e) {
    why = e.code().message();
  }
  co_return told(outcome::again, why);
}

asio::awaitable<void> span_exporter::connect() {
  stream_.close();
  const auto found =
      co_await resolver_.async_resolve(config_.collector.host, config_.collector.port,
                                       asio::ip::resolver_base::numeric_service, asio::use_awaitable);
  if (gave_up_)
    throw boost::system::system_error(asio::error::operation_aborted);
  stream_.expires_after(export_timeout); // of everything from here on
  co_await stream_.async_connect(found, asio::use_awaitable);
}

asio::awaitable<span_exporter::outcome> span_exporter::exchange() {
  namespace http = beast::http;
  const trace_resource from{config_.service_name, HOTSLOT_VERSION, ::getpid()};
  http::request<http::string_body> request(http::verb::post, config_.collector.path, 11);
  request.set(http::field::host, config_.collector.authority());
  request.set(http::field::content_type, "application/json");
  request.set(http::field::connection, "close");
  request.body() = render_otlp(from, batch_);
  request.prepare_payload();
  co_await http::async_write(stream_, request, asio::use_awaitable);
  beast::flat_buffer buffer(longest_part); // Beast throws where it meets a larger field
  http::response_parser<http::string_body> reply;
  reply.body_limit(longest_reply);
  co_await http::async_read(stream_, buffer, reply, asio::use_awaitable);
  stream_.close();
  co_return judge(reply.get());
}

span_exporter::outcome span_exporter::judge(const beast::http::response<beast::http::string_body>& reply) {
  const unsigned status = reply.result_int();
  if (status >= 200 && status < 300) {
    const auto said = parse_otlp_reply(reply.body());
    rejected_ = std::min<std::size_t>(said.rejected, batch_.size());
    tell_of_rejected(said.message);
    return told(outcome::sent, {});
  }
  std::string why = "the collector answered with " + std::to_string(status);
  if (!may_be_tried_again(status))
    return told(outcome::refused, why);
  const auto when = reply[beast::http::field::retry_after];
  retry_after_ = parse_retry_after({when.data(), when.size()}, std::chrono::system_clock::now());
  if (retry_after_)
    why.append(", and is asked again in ").append(std::to_string(retry_after_->count())).append(" s");
  return told(outcome::again, why);
}

// Once when it begins.
void span_exporter::tell_of_rejected(const std::string& why) {
  const bool rejecting = rejected_ != 0 || !why.empty();
  if (rejecting && !std::exchange(rejecting_, true))
    log_.warn("the collector does not take all spans",
              {{"collector", config_.collector.authority()}, {"rejected", rejected_}, {"reason", why}});
  rejecting_ = rejecting;
}

// Once when it begins to fail, and once when it is well again: not for every batch.
span_exporter::outcome span_exporter::told(outcome result, const std::string& why) {
  if (result == outcome::sent && std::exchange(failing_, false))
    log_.info("spans are exported again", {{"dropped", counts().dropped}});
  else if (result != outcome::sent && !std::exchange(failing_, true) && !gave_up_)
    log_.warn("spans are not exported", {{"collector", config_.collector.authority()}, {"reason", why}});
  return result;
}

asio::awaitable<void> span_exporter::async_drain(clock::duration limit) {
  co_await asio::co_spawn(strand_, drain(limit), asio::use_awaitable);
}

asio::awaitable<void> span_exporter::drain(clock::duration limit) {
  draining_ = true;
  timer_.cancel();
  ended_.expires_after(limit);
  const auto under_way = [this] {
    std::lock_guard lock(mutex_);
    return running_;
  };
  if (under_way())
    co_await ended_.async_wait(asio::as_tuple(asio::use_awaitable));
  if (under_way()) {
    give_up();
    ended_.expires_at(clock::time_point::max());
    co_await ended_.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  if (const auto c = counts(); c.queued + c.dropped != 0)
    log_.warn("spans were lost", {{"dropped", c.dropped}, {"left", c.queued}});
}

void span_exporter::give_up() {
  gave_up_ = true;
  timer_.cancel();
  resolver_.cancel();
  stream_.close();
}

} // namespace hotslot::daemon
