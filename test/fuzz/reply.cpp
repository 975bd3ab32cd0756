// What a function answers, turned into an answer that is valid HTTP.
#include <hotslot/process/contract.hpp>

#include "must.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/write.hpp>

#include <sstream>

using namespace hotslot::process;
using hotslot::test::must;
namespace http = boost::beast::http;

namespace {

// As the server writes it, a strict reader has to find the same in it, and nothing behind it.
void check_answer(caller_response response) {
  std::ostringstream text;
  text << response;
  const std::string bytes = text.str();
  http::response_parser<http::string_body> parser;
  parser.header_limit(64 * 1024);
  parser.eager(true);
  error_code ec;
  const std::size_t used = parser.put(boost::asio::buffer(bytes), ec);
  must(!ec, "the answer is HTTP");
  const bool bodiless = response.result_int() == 204 || response.result_int() == 304;
  must(parser.is_done() || (bodiless && parser.is_header_done()), "the answer is whole");
  must(used == bytes.size(), "nothing is behind the answer");
  must(parser.get().result_int() == response.result_int(), "the status is kept");
  must(parser.get().body() == response.body(), "the body is kept");
  must(parser.get().count("Fn-Call-Id") == 1, "the call has one id");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  http::response_parser<http::string_body> parser;
  parser.eager(true);
  error_code ec;
  parser.put(boost::asio::buffer(data, size), ec);
  if (parser.got_some() && !parser.is_done() && (!ec || ec == http::error::need_more))
    parser.put_eof(ec);
  if (!parser.is_done())
    return 0;
  const call_reply reply = parser.release();
  for (const bool trigger : {false, true})
    check_answer(
        make_caller_reply(reply, {.call_id = "id", .deadline = {}, .http_trigger = trigger}).response);
  return 0;
}
