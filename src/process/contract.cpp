#include <hotslot/process/contract.hpp>

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/verb.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <optional>

namespace hotslot::process {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
using beast::iequals;
using beast::string_view;

constexpr std::string_view trigger_prefix = "Fn-Http-H-";

bool has_prefix(string_view name, std::string_view prefix) {
  return name.size() >= prefix.size() && iequals(name.substr(0, prefix.size()), prefix);
}

bool is_one_of(string_view name, const auto& names) {
  return std::any_of(names.begin(), names.end(), [&](string_view n) { return iequals(n, name); });
}

// Of one connection, not of the message (RFC 9110, 7.6.1, and what older peers still send).
bool is_hop_by_hop(string_view name) {
  static constexpr std::array<std::string_view, 10> names = {"Connection",
                                                             "Proxy-Connection",
                                                             "Keep-Alive",
                                                             "Proxy-Authenticate",
                                                             "Proxy-Authorization",
                                                             "TE",
                                                             "Transfer-Encoding",
                                                             "Trailer",
                                                             "Upgrade",
                                                             "HTTP2-Settings"};
  return is_one_of(name, names);
}

// Headers by which the server speaks to the function. From a caller they would be taken for the server's.
bool is_reserved(string_view name) {
  static constexpr std::array<std::string_view, 4> names = {"Fn-Call-Id", "Fn-Deadline", "Fn-Intent",
                                                            "Fn-Invoke-Type"};
  return has_prefix(name, "Fn-Http-") || is_one_of(name, names);
}

std::vector<std::string> names_in_connection(const http::fields& fields) {
  std::vector<std::string> names;
  const auto [first, last] = fields.equal_range(http::field::connection);
  for (auto f = first; f != last; ++f)
    for (const auto token : http::token_list(f->value()))
      names.emplace_back(token);
  return names;
}

void erase_if(http::fields& fields, auto&& predicate) {
  for (auto f = fields.begin(); f != fields.end();)
    f = predicate(f->name_string()) ? fields.erase(f) : std::next(f);
}

void erase_hop_by_hop(http::fields& fields) {
  const auto named = names_in_connection(fields);
  erase_if(fields, [&](string_view name) { return is_hop_by_hop(name) || is_one_of(name, named); });
}

std::string request_url(const caller_request& request) {
  const string_view target = request.target();
  if (has_prefix(target, "http://") || has_prefix(target, "https://"))
    return std::string(target);
  std::string url = "http://";
  url.append(request[http::field::host]).append(target);
  return url;
}

void add_trigger_headers(call_request& request) {
  const std::string url = request_url(request);
  const std::string method(request.method_string());

  // The new ones go to the end, or behind others of their own name: the range of the caller's stays as it is.
  std::size_t left = static_cast<std::size_t>(std::distance(request.begin(), request.end()));
  std::string name(trigger_prefix);
  for (auto f = request.begin(); left != 0; ++f, --left) {
    if (f->name() == http::field::content_type)
      continue;
    name.resize(trigger_prefix.size());
    name.append(f->name_string());
    request.insert(name, f->value());
  }
  request.set("Fn-Intent", "httprequest");
  request.set("Fn-Http-Method", method);
  request.set("Fn-Http-Request-Url", url);
}

bool is_field_name(string_view name) {
  static constexpr std::string_view others = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           others.find(c) != std::string_view::npos;
  });
}

bool is_field_value(string_view value) {
  return std::none_of(value.begin(), value.end(),
                      [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; });
}

bool is_valid(const http::fields::value_type& field) {
  return is_field_name(field.name_string()) && is_field_value(field.value());
}

// A status of 1xx cannot end a call, so it is not one that a function may choose.
std::optional<unsigned> trigger_status(const http::fields& fields) {
  const auto [first, last] = fields.equal_range("Fn-Http-Status");
  if (first == last)
    return 200;
  const string_view text = first->value();
  unsigned status = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), status);
  const bool number = ec == std::errc() && end == text.data() + text.size();
  if (!number || text.size() != 3 || status < 200 || status > 599 || std::next(first) != last)
    return std::nullopt;
  return status;
}

bool has_no_body(unsigned status) { return status == 204 || status == 304; }

void finish(caller_response& response, std::string_view call_id) {
  response.version(11);
  response.set("Fn-Call-Id", call_id);
  response.erase(http::field::content_length);
  if (has_no_body(response.result_int()))
    response.body().clear();
  else
    response.prepare_payload();
}

// A header that the function sets at the caller's side through its Fn-Http-H- form.
bool may_pass_trigger(string_view name) {
  return !is_hop_by_hop(name) && !iequals(name, "Content-Length") && !iequals(name, "Fn-Call-Id");
}

bool copy_trigger_headers(const http::fields& from, http::fields& to) {
  for (const auto& f : from) {
    if (!has_prefix(f.name_string(), trigger_prefix))
      continue;
    const string_view name = f.name_string().substr(trigger_prefix.size());
    if (!is_field_name(name) || !is_field_value(f.value()))
      return false;
    if (iequals(name, "Content-Type"))
      to.set(http::field::content_type, f.value());
    else if (may_pass_trigger(name))
      to.insert(name, f.value());
  }
  return true;
}

caller_reply invalid_response(std::string_view call_id) {
  return {make_error_response(http::status::bad_gateway, "invalid function response", call_id),
          worker_verdict::discard};
}

caller_reply trigger_reply(call_reply reply, std::string_view call_id) {
  caller_response response;
  const string_view content_type = reply[http::field::content_type];
  const auto status = trigger_status(reply);
  if (!status || !is_field_value(content_type))
    return invalid_response(call_id);
  response.result(*status);
  if (!content_type.empty())
    response.set(http::field::content_type, content_type);
  if (!copy_trigger_headers(reply, response))
    return invalid_response(call_id);
  response.body() = std::move(reply.body());
  finish(response, call_id);
  return {std::move(response), worker_verdict::keep};
}

caller_reply plain_reply(call_reply reply, std::string_view call_id) {
  if (!std::all_of(reply.begin(), reply.end(), is_valid))
    return invalid_response(call_id);
  erase_hop_by_hop(reply);
  reply.reason({});
  finish(reply, call_id);
  return {std::move(reply), worker_verdict::keep};
}

bool is_error_message(std::string_view body) {
  error_code ec;
  const auto value = boost::json::parse(body, ec);
  const auto* object = ec ? nullptr : value.if_object();
  const auto* message = object ? object->if_contains("message") : nullptr;
  return message && message->is_string();
}

caller_reply failed_reply(call_reply reply, std::string_view call_id) {
  auto response = make_error_response(http::status::bad_gateway, "function failed", call_id);
  if (is_error_message(reply.body()))
    response.body() = std::move(reply.body());
  finish(response, call_id);
  return {std::move(response), worker_verdict::keep};
}

} // namespace

std::string format_rfc3339(std::chrono::system_clock::time_point t) {
  using namespace std::chrono;
  const auto since_epoch = floor<milliseconds>(t.time_since_epoch());
  const auto whole = floor<seconds>(since_epoch);
  const auto seconds_only = static_cast<std::time_t>(whole.count());
  std::tm utc{};
  gmtime_r(&seconds_only, &utc);
  std::array<char, 32> text;
  const auto length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  const auto ms = static_cast<unsigned>((since_epoch - whole).count());
  const int more = std::snprintf(text.data() + length, text.size() - length, ".%03uZ", ms);
  return {text.data(), length + static_cast<std::size_t>(more)};
}

call_request make_call_request(caller_request caller, const call_context& call) {
  erase_hop_by_hop(caller);
  erase_if(caller, [](string_view name) { return is_reserved(name) || iequals(name, "Expect"); });
  if (call.http_trigger)
    add_trigger_headers(caller);
  caller.method(http::verb::post);
  caller.target("/call");
  caller.version(11);
  caller.set(http::field::host, "localhost");
  caller.set("Fn-Call-Id", call.call_id);
  caller.set("Fn-Deadline", format_rfc3339(call.deadline));
  caller.prepare_payload();
  return caller;
}

caller_reply make_caller_reply(call_reply reply, const call_context& call) {
  switch (reply.result_int()) {
  case 200:
    return call.http_trigger ? trigger_reply(std::move(reply), call.call_id)
                             : plain_reply(std::move(reply), call.call_id);
  case 502:
    return failed_reply(std::move(reply), call.call_id);
  case 504:
    return {make_error_response(http::status::gateway_timeout, "function timed out", call.call_id),
            worker_verdict::discard};
  default:
    return invalid_response(call.call_id);
  }
}

caller_response make_error_response(http::status status, std::string_view message, std::string_view call_id) {
  caller_response response(status, 11);
  response.set(http::field::content_type, "application/json");
  response.body() = boost::json::serialize(boost::json::value{{"message", message}});
  finish(response, call_id);
  return response;
}

http::status failure_status(const error_code& ec) noexcept {
  return ec == errc::start_timeout ? http::status::gateway_timeout : http::status::bad_gateway;
}

} // namespace hotslot::process
