// A request from the first byte to the answer's last, without the socket.
#include <hotslot/http/stats_routes.hpp>

#include "http/server/request_check.hpp"
#include "http/server/response_head.hpp"
#include "http/stats/stats_query.hpp"

#include "../http/stats/samples.hpp"
#include "cuts.hpp"
#include "must.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/json/parse.hpp>

using namespace hotslot;
using namespace hotslot::http;
using hotslot::test::cut_message;
using hotslot::test::must;
namespace beast_http = boost::beast::http;

namespace {

constexpr std::uint32_t header_limit = 1024;
constexpr std::uint64_t body_limit = 1024;

std::optional<queue_detail> detail_of(std::string_view key) {
  if (key != "00ff")
    return std::nullopt;
  queue_detail d;
  d.queue = test::sample_queue("00ff", "demo", "echo");
  d.histograms = *test::sample_histograms(key);
  return d;
}

const stats_routes& routes() {
  static const stats_routes all(
      {.pool = test::sample_pool, .detail = detail_of, .histograms = test::sample_histograms});
  return all;
}

// What became of a message's bytes.
struct outcome {
  std::optional<request> complete;
  std::optional<response> refused;
};

bool too_large(const outcome& o) {
  return o.refused && (o.refused->result() == status::request_header_fields_too_large ||
                       o.refused->result() == status::payload_too_large);
}

class reader {
 public:
  reader() {
    parser_.header_limit(header_limit);
    parser_.body_limit(body_limit);
  }

  /// Whether more is wanted.
  bool take(std::string_view bytes) {
    kept_ += bytes;
    put();
    if (!refused_ && parser_.is_header_done() && !parser_.eager()) {
      refused_ = detail::check_header(parser_.get());
      parser_.eager(true);
      put();
    }
    return !refused_ && !parser_.is_done();
  }

  outcome end() && {
    if (refused_)
      return {std::nullopt, std::move(refused_)};
    if (parser_.is_done())
      return {parser_.release(), std::nullopt};
    return {};
  }

 private:
  void put() {
    if (refused_ || kept_.empty() || parser_.is_done())
      return;
    boost::system::error_code ec;
    kept_.erase(0, parser_.put(boost::asio::buffer(kept_), ec));
    if (ec && ec != beast_http::error::need_more)
      refused_ = detail::refuse_malformed(ec);
  }

  beast_http::request_parser<beast_http::string_body> parser_;
  std::string kept_;
  std::optional<response> refused_;
};

outcome read(const auto& pieces) {
  reader r;
  pieces([&](std::string_view piece) { return r.take(piece); });
  return std::move(r).end();
}

void check_written(const response& res, const detail::framing& f) {
  std::string bytes;
  detail::render_head(bytes, res, f);
  if (detail::has_body(res, f))
    bytes += res.body();
  beast_http::response_parser<beast_http::string_body> parser;
  parser.header_limit(64 * 1024);
  parser.body_limit(boost::none);
  parser.eager(true);
  parser.skip(f.to_head);
  boost::system::error_code ec;
  const std::size_t used = parser.put(boost::asio::buffer(bytes), ec);
  must(!ec && parser.is_header_done(), "the answer is HTTP");
  must(used == bytes.size(), "nothing is behind the answer");
  must(parser.get().result_int() == res.result_int(), "the status is kept");
  must(!detail::has_body(res, f) || parser.get().body() == res.body(), "the body is kept");
}

void check_json(const response& res) {
  if (res[field::content_type] != "application/json" || res.body().empty() ||
      res.count(field::content_encoding) != 0)
    return;
  boost::system::error_code ec;
  boost::json::parse(res.body(), ec);
  must(!ec, "a JSON answer is JSON");
}

void serve(const request& req) {
  must(req.body().size() <= body_limit, "bodies are bounded");
  const response res = routes().handle(req);
  check_json(res);
  check_written(res, {req.method() == verb::head, req.keep_alive(), req.version() < 11});
}

void check_query(std::string_view text) {
  try {
    auto pool = test::sample_pool();
    stats_query::parse(text).apply(pool);
    must(pool.queues.size() <= test::sample_pool().queues.size(), "a query only leaves out");
  } catch (const bad_query&) {
  }
}

void check_request(const cut_message& message) {
  const outcome cut = read([&](auto take) { message.for_each_piece(take); });
  const outcome whole = read([&](auto take) { take(message.whole()); });
  // Where a limit is met, cuts decide whether that is noticed; of a bad request, how soon.
  if (!too_large(cut) && !too_large(whole))
    must(cut.complete.has_value() == whole.complete.has_value(), "cuts do not complete or spoil a request");
  if (cut.complete && whole.complete) {
    must(cut.complete->target() == whole.complete->target(), "cuts do not change the target");
    must(cut.complete->body() == whole.complete->body(), "cuts do not change the body");
    serve(*cut.complete);
  }
  if (cut.refused) {
    check_json(*cut.refused);
    check_written(*cut.refused, {false, false, false});
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const cut_message message(data, size);
  check_request(message);
  check_query(message.whole());
  return 0;
}
