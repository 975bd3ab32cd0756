// A request from the first byte to the answer's last, without the socket.
#include <hotslot/http/stats_routes.hpp>

#include "http/server/forwarding.hpp"
#include "http/server/request_check.hpp"
#include "http/server/request_target.hpp"
#include "http/stats/stats_query.hpp"

#include "../http/stats/samples.hpp"
#include "answer.hpp"
#include "called.hpp"
#include "cuts.hpp"
#include "must.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/json/parse.hpp>

using namespace hotslot;
using namespace hotslot::http;
using hotslot::test::check_called;
using hotslot::test::check_written;
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

// What a server may be told of its callers, by the bits of a fuzzer's byte.
struct rules {
  explicit rules(unsigned bits)
    : underscores((bits & 1) != 0)
    , secure((bits & 2) != 0) {
    if ((bits & 4) != 0)
      trusted.add("10.0.0.0/8");
  }

  bool underscores;
  bool secure;
  trusted_proxies trusted;
};

// As the session does it, with what has to be so then.
detail::request_origin settle(request& head, const rules& by) {
  const auto peer = boost::asio::ip::make_address("10.0.0.1");
  const auto origin = detail::origin_of(head, by.trusted, peer, by.secure);
  must(origin.by_proxy != by.trusted.empty(), "who is trusted is known");
  must(origin.by_proxy || (origin.client == peer && origin.secure == by.secure), "nobody else is believed");
  detail::drop_doubtful(head, origin.by_proxy, by.underscores);
  detail::settle_target(head);
  for (const auto& f : head) {
    const std::string_view name = f.name_string();
    must(by.underscores || name.find('_') == name.npos, "names with underscores are dropped");
    must(origin.by_proxy || !detail::is_forwarding(name), "so is what only proxies may say");
  }
  must(head.count(field::host) <= 1, "there is one Host");
  must(head.count(field::host) == 0 || detail::is_host(head[field::host]), "and it is one");
  must(head.method() == verb::connect || head.target().starts_with('/') || head.target() == "*",
       "a target has become a path");
  return origin;
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

void check_json(const response& res) {
  if (res[field::content_type] != "application/json" || res.body().empty() ||
      res.count(field::content_encoding) != 0)
    return;
  boost::system::error_code ec;
  boost::json::parse(res.body(), ec);
  must(!ec, "a JSON answer is JSON");
}

void serve(request req, const rules& by) {
  must(req.body().size() <= body_limit, "bodies are bounded");
  const auto origin = settle(req, by);
  check_called(req, origin.secure ? "https" : "http");
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

void check_request(const cut_message& message, const rules& by) {
  const outcome cut = read([&](auto take) { message.for_each_piece(take); });
  const outcome whole = read([&](auto take) { take(message.whole()); });
  // Where a limit is met, cuts decide whether that is noticed; of a bad request, how soon.
  if (!too_large(cut) && !too_large(whole))
    must(cut.complete.has_value() == whole.complete.has_value(), "cuts do not complete or spoil a request");
  if (cut.complete && whole.complete) {
    must(cut.complete->target() == whole.complete->target(), "cuts do not change the target");
    must(cut.complete->body() == whole.complete->body(), "cuts do not change the body");
    serve(*cut.complete, by);
  }
  if (cut.refused) {
    check_json(*cut.refused);
    check_written(*cut.refused, {false, false, false});
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const cut_message message(data, size);
  check_request(message, rules(size > 0 ? data[0] / 16u : 0));
  check_query(message.whole());
  return 0;
}
