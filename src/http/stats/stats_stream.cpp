#include "stats_stream.hpp"

#include "rendering.hpp"
#include "stats_query.hpp"

#include "http/content/negotiation.hpp"

#include <optional>
#include <string>

namespace hotslot::http {

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

constexpr auto reader_patience = 5s;
constexpr int send_buffer = 64 * 1024;

// All readers of one interval wake at the same times.
stats_events::clock::time_point end_of_interval(stats_events::clock::time_point now,
                                                stats_events::clock::duration interval) {
  return now - now.time_since_epoch() % interval + interval;
}

response event_stream(bool packed) {
  response head(status::ok, 11);
  head.set(field::vary, "Accept-Encoding");
  if (packed)
    head.set(field::content_encoding, "gzip");
  head.set(field::content_type, "text/event-stream");
  head.set(field::cache_control, "no-store");
  head.set("X-Accel-Buffering", "no"); // nginx would else keep events back
  return head;
}

response too_many() {
  response res =
      make_error(status::service_unavailable, "there are too many streams, or too many of different queries");
  res.set(field::retry_after, "5");
  return res;
}

} // namespace

const gzip_piece& stats_event::packed() const {
  std::call_once(once_, [this] { packed_.emplace(text_); });
  return *packed_;
}

stats_events::reader::reader(stats_events& of, std::string_view query)
  : of_(of)
  , query_(stats_query::parse(query).canonical())
  , interval_(parse_interval(query))
  , name_(query_ + std::to_string(interval_.count())) {
  const auto& most = of_.routes_->options();
  const std::lock_guard lock(of_.mutex_);
  const auto known = of_.kinds_.find(name_);
  if (of_.readers_ >= most.max_streams ||
      (known == of_.kinds_.end() && of_.kinds_.size() >= most.max_stream_queries))
    return;
  kind_ = &of_.kinds_[name_];
  ++kind_->readers;
  ++of_.readers_;
}

stats_events::reader::~reader() {
  if (!kind_)
    return;
  const std::lock_guard lock(of_.mutex_);
  --of_.readers_;
  if (--kind_->readers == 0)
    of_.kinds_.erase(name_);
}

stats_events::event stats_events::reader::at(clock::time_point now) {
  const auto until = end_of_interval(now, interval_);
  const std::lock_guard lock(kind_->making);
  if (kind_->until < until) {
    kind_->last = std::make_shared<const stats_event>(of_.routes_->event(query_));
    kind_->until = until;
  }
  return kind_->last;
}

asio::awaitable<response> stats_stream::serve(const request& req, exchange& ex) {
  const auto target = req.target();
  std::optional<stats_events::reader> reader;
  std::optional<response> refusal;
  try {
    reader.emplace(events_, target_query({target.data(), target.size()}));
  } catch (const bad_query& e) {
    refusal = make_error(status::bad_request, e.what());
  }
  if (!refusal && !*reader)
    refusal = too_many();
  if (refusal)
    co_return std::move(*refusal);
  const bool packed = accepts_gzip(req[field::accept_encoding]);
  const response head = event_stream(packed);
  co_await ex.begin(head);
  if (req.method() != verb::head)
    co_await write_events(ex, *reader, packed);
  co_return response();
}

asio::awaitable<void> stats_stream::write_events(exchange& ex, stats_events::reader& reader, bool packed) {
  using clock = stats_events::clock;
  gzip_stream stream;
  ex.send_buffer_size(send_buffer);
  if (packed)
    co_await ex.write(gzip_stream::head());
  while (!ex.closing()) {
    {
      const auto event = co_await make_event(reader, packed);
      ex.expires_after(reader_patience);
      co_await ex.write(packed ? event->packed().bytes : event->text());
      if (packed)
        stream.add(event->packed());
    }
    ex.expires_at(clock::time_point::max());
    // Of the interval that it is now: where an event takes longer than that, others get their turn all the
    // same.
    co_await ex.wait_until(end_of_interval(clock::now(), reader.interval()));
  }
  const std::string tail = stream.tail();
  if (packed)
    co_await ex.write(tail);
}

asio::awaitable<stats_events::event> stats_stream::make_event(stats_events::reader& reader, bool packed) {
  return render(*routes_, [&reader, packed] {
    auto event = reader.at(stats_events::clock::now());
    if (packed)
      event->packed(); // here, and not where it is sent
    return event;
  });
}

} // namespace hotslot::http
