// What a function answers, turned into an answer that is valid HTTP.
#include <hotslot/process/contract.hpp>

#include "answer.hpp"
#include "must.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>

using namespace hotslot::process;
using hotslot::test::check_written;
using hotslot::test::must;
namespace http = boost::beast::http;

namespace {

void check_answer(const caller_response& response) {
  must(response.count("Fn-Call-Id") == 1, "the call has one id");
  for (const bool to_head : {false, true})
    check_written(response, {.to_head = to_head});
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
