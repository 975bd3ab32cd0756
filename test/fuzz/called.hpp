// A request as a function gets it, and as FDKs read that.
#ifndef HOTSLOT_TEST_FUZZ_CALLED_HPP
#define HOTSLOT_TEST_FUZZ_CALLED_HPP

#include <hotslot/process/contract.hpp>

#include "base/http_text.hpp"
#include "must.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/parser.hpp>

#include <algorithm>
#include <string>
#include <string_view>

namespace hotslot::test {

inline std::ptrdiff_t count_as_fdk(const boost::beast::http::fields& fields, std::string_view name) {
  return std::count_if(fields.begin(), fields.end(), [&](const auto& f) {
    return boost::beast::iequals(base::hyphenated(f.name_string()), name);
  });
}

inline void check_fields(const boost::beast::http::fields& fields, bool http_trigger) {
  for (const char* name : {"Fn-Call-Id", "Fn-Deadline", "Host"})
    must(count_as_fdk(fields, name) == 1, "the server says it, and nobody else");
  for (const char* name : {"Fn-Intent", "Fn-Http-Method", "Fn-Http-Request-Url"})
    must(count_as_fdk(fields, name) == (http_trigger ? 1 : 0), "of a trigger, too");
  for (const char* name :
       {"Fn-Invoke-Type", "Fn-Http-Status", "Connection", "Upgrade", "Expect", "Keep-Alive", "Trailer"})
    must(count_as_fdk(fields, name) == 0, "it does not pass");
  must(count_as_fdk(fields, "Content-Length") + count_as_fdk(fields, "Transfer-Encoding") == 1,
       "it is framed once");
  for (const auto& f : fields) {
    const auto name = base::hyphenated(f.name_string());
    constexpr std::string_view prefix = "Fn-Http-H-";
    if (!boost::beast::iequals(std::string_view(name).substr(0, prefix.size()), prefix))
      continue;
    must(http_trigger && f.name_string().starts_with(prefix), "the prefix is the server's");
    const auto of_caller = std::string_view(name).substr(prefix.size());
    must(!boost::beast::iequals(of_caller.substr(0, 8), "Fn-Http-"),
         "no name looks as if it were prefixed twice");
  }
}

inline void check_called(const process::caller_request& req, std::string_view scheme) {
  namespace http = boost::beast::http;
  for (const bool http_trigger : {false, true}) {
    const process::call_context context{
        .call_id = "id", .deadline = {}, .http_trigger = http_trigger, .scheme = scheme};
    const auto call = process::make_call_request(req, context);
    http::request_parser<http::string_body> parser;
    parser.header_limit(1024 * 1024);
    parser.eager(true);
    boost::system::error_code ec;
    const std::string bytes = call.head + call.body;
    must(parser.put(boost::asio::buffer(bytes), ec) == bytes.size() && !ec && parser.is_done(),
         "a call is HTTP, and whole");
    must(parser.get().target() == "/call" && parser.get().body() == req.body(), "it is the call");
    check_fields(parser.get(), http_trigger);
    constexpr std::size_t longest_length = 20;
    must(process::fits_head(req, context, call.head.size() + longest_length), "its length was known");
    must(!process::fits_head(req, context, call.head.size() - 1), "exactly enough");
  }
}

} // namespace hotslot::test

#endif
