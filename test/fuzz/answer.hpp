// An answer as the server writes it: a strict reader has to find the same in it, and nothing behind it.
#ifndef HOTSLOT_TEST_FUZZ_ANSWER_HPP
#define HOTSLOT_TEST_FUZZ_ANSWER_HPP

#include "http/server/response_head.hpp"
#include "must.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>

namespace hotslot::test {

inline void check_written(const http::response& res, const http::detail::framing& f) {
  namespace beast_http = boost::beast::http;
  std::string bytes;
  http::detail::render_head(bytes, res, f);
  const bool body = http::detail::has_body(res, f);
  if (body)
    bytes += res.body();
  beast_http::response_parser<beast_http::string_body> parser;
  parser.header_limit(64 * 1024);
  parser.body_limit(boost::none);
  parser.eager(true);
  parser.skip(f.to_head);
  boost::system::error_code ec;
  const std::size_t used = parser.put(boost::asio::buffer(bytes), ec);
  must(!ec && parser.is_header_done(), "the answer is HTTP");
  must(parser.is_done(), "the answer is whole");
  must(used == bytes.size(), "nothing is behind the answer");
  must(parser.get().result_int() == res.result_int(), "the status is kept");
  must(!body || parser.get().body() == res.body(), "the body is kept");
}

} // namespace hotslot::test

#endif
