#include <hotslot/process/contract.hpp>

#include "base/http_text.hpp"
#include "base/number.hpp"
#include "base/time_text.hpp"

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/verb.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
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
bool is_hop_by_hop(http::field f) {
  switch (f) {
  case http::field::connection:
  case http::field::proxy_connection:
  case http::field::keep_alive:
  case http::field::proxy_authenticate:
  case http::field::proxy_authorization:
  case http::field::te:
  case http::field::transfer_encoding:
  case http::field::trailer:
  case http::field::upgrade:
  case http::field::http2_settings:
    return true;
  default:
    return false;
  }
}

// Headers by which the server speaks to the function. From a caller they would be taken for the server's.
bool is_reserved(string_view name) {
  static constexpr std::array<std::string_view, 4> names = {"Fn-Call-Id", "Fn-Deadline", "Fn-Intent",
                                                            "Fn-Invoke-Type"};
  return has_prefix(name, "Fn-") && (has_prefix(name, "Fn-Http-") || is_one_of(name, names));
}

// In order, whatever their case: a caller may name as many as there are headers.
std::vector<std::string> names_in_connection(const http::fields& fields) {
  std::vector<std::string> names;
  const auto [first, last] = fields.equal_range(http::field::connection);
  for (auto f = first; f != last; ++f)
    for (const auto token : http::token_list(f->value()))
      names.emplace_back(token);
  std::sort(names.begin(), names.end(), boost::beast::iless());
  return names;
}

bool is_among(string_view name, const std::vector<std::string>& names) {
  const boost::beast::iless less;
  const auto it = std::lower_bound(names.begin(), names.end(), name, less);
  return it != names.end() && !less(name, *it);
}

void erase_hop_by_hop(http::fields& fields) {
  const auto named = names_in_connection(fields);
  for (auto f = fields.begin(); f != fields.end();)
    f = is_hop_by_hop(f->name()) || is_among(f->name_string(), named) ? fields.erase(f) : std::next(f);
}

std::string request_url(const caller_request& request, std::string_view scheme) {
  const string_view target = request.target();
  if (has_prefix(target, "http://") || has_prefix(target, "https://"))
    return std::string(target);
  std::string url(scheme);
  url.append("://").append(request[http::field::host]).append(target);
  return url;
}

// Of the message that a caller has sent: what goes to a function has its own.
bool is_framing(http::field f) { return f == http::field::host || f == http::field::content_length; }

// Which headers of a caller's a function gets, but for what the call sets itself.
class passing_headers {
 public:
  explicit passing_headers(const http::fields& fields)
    : named_(names_in_connection(fields)) {}

  bool operator()(const http::fields::value_type& f) const {
    return f.name_string().find('_') == string_view::npos ? passes(f.name(), f.name_string())
                                                          : passes_hyphenated(f.name_string());
  }

 private:
  bool passes(http::field f, string_view name) const {
    return f != http::field::expect && !is_hop_by_hop(f) && !is_reserved(name) && !is_among(name, named_);
  }

  // FDKs take it for that name.
  bool passes_hyphenated(string_view name) const {
    const auto text = base::hyphenated(name);
    const auto f = http::string_to_field(text);
    return passes(f, text) && !is_framing(f);
  }

  std::vector<std::string> named_;
};

// What proxies and instrumentation on the way look for, under its own name in any case.
bool is_trace_context(string_view name) {
  return iequals(name, "traceparent") || iequals(name, "tracestate");
}

// As Fn's front end sends them: those of an HTTP trigger's caller once, under a prefix of their own.
void append_caller_headers(std::string& out, const caller_request& request, bool http_trigger) {
  const passing_headers passes(request);
  for (const auto& f : request) {
    if (!passes(f))
      continue;
    const bool prefixed = http_trigger && f.name() != http::field::content_type;
    if (prefixed) {
      out += trigger_prefix;
      base::append_field(out, f.name_string(), f.value());
    }
    if (prefixed ? is_trace_context(f.name_string()) : !is_framing(f.name()))
      base::append_field(out, f.name_string(), f.value());
  }
}

void append_trigger_headers(std::string& out, const caller_request& request, std::string_view scheme) {
  base::append_field(out, "Fn-Intent", "httprequest");
  base::append_field(out, "Fn-Http-Method", request.method_string());
  base::append_field(out, "Fn-Http-Request-Url", request_url(request, scheme));
}

// `length` of the body; nothing: it goes in chunks.
std::string render_head(const caller_request& caller, const call_context& call,
                        std::optional<std::uint64_t> length) {
  std::string head;
  head.reserve(1024);
  head += "POST /call HTTP/1.1\r\nHost: localhost\r\n";
  if (length) {
    head += "Content-Length: ";
    base::append_number(head, *length);
    head += base::line_end;
  } else {
    base::append_field(head, "Transfer-Encoding", "chunked");
  }
  base::append_field(head, "Fn-Call-Id", call.call_id);
  base::append_field(head, "Fn-Deadline", base::rfc3339_time(call.deadline));
  if (call.http_trigger)
    append_trigger_headers(head, caller, call.scheme);
  append_caller_headers(head, caller, call.http_trigger);
  head += base::line_end;
  return head;
}

// No less than what is rendered: cheap, and nearly always enough.
std::size_t most_rendered(const caller_request& caller) {
  constexpr std::size_t fixed = 512;
  constexpr std::size_t around = trigger_prefix.size() + std::string_view(": \r\n").size();
  std::size_t size = fixed + caller.target().size() + caller.method_string().size();
  for (const auto& f : caller)
    size += 2 * (f.name_string().size() + f.value().size() + around);
  return size;
}

std::optional<std::uint64_t> parsed_length(const http::fields& of) {
  return base::parse_number<std::uint64_t>(of[http::field::content_length]);
}

bool is_valid(const http::fields::value_type& field) {
  return base::is_token(field.name_string()) && base::is_field_value(field.value());
}

// A status of 1xx cannot end a call, so it is not one that a function may choose.
std::optional<unsigned> trigger_status(const http::fields& fields) {
  const auto [first, last] = fields.equal_range("Fn-Http-Status");
  if (first == last)
    return 200;
  const string_view text = first->value();
  const auto status = base::parse_number<unsigned>(text);
  if (!status || text.size() != 3 || *status < 200 || *status > 599 || std::next(first) != last)
    return std::nullopt;
  return status;
}

bool has_no_body(unsigned status) { return status == 204 || status == 205 || status == 304; }

void finish(caller_response& response, std::string_view call_id, body_part part = body_part::whole) {
  response.version(11);
  response.set("Fn-Call-Id", call_id);
  if (part == body_part::beginning)
    return;
  response.erase(http::field::content_length);
  if (has_no_body(response.result_int()))
    response.body().clear();
  if (!response.body().empty()) // to HEAD, nobody knows how long it would have been
    response.content_length(response.body().size());
}

// A header that the function sets at the caller's side through its Fn-Http-H- form.
bool may_pass_trigger(string_view name) {
  return !is_hop_by_hop(http::string_to_field(name)) && !iequals(name, "Content-Length") &&
         !iequals(name, "Fn-Call-Id");
}

bool copy_trigger_headers(const http::fields& from, http::fields& to) {
  for (const auto& f : from) {
    if (!has_prefix(f.name_string(), trigger_prefix))
      continue;
    const string_view name = f.name_string().substr(trigger_prefix.size());
    if (!base::is_token(name) || !base::is_field_value(f.value()))
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

caller_reply trigger_reply(call_reply reply, std::string_view call_id, body_part part) {
  caller_response response;
  const string_view content_type = reply[http::field::content_type];
  const auto status = trigger_status(reply);
  if (!status || !base::is_field_value(content_type))
    return invalid_response(call_id);
  response.result(*status);
  if (!content_type.empty())
    response.set(http::field::content_type, content_type);
  if (!copy_trigger_headers(reply, response))
    return invalid_response(call_id);
  if (const auto length = parsed_length(reply))
    response.content_length(*length);
  response.body() = std::move(reply.body());
  finish(response, call_id, part);
  return {std::move(response), worker_verdict::keep};
}

caller_reply plain_reply(call_reply reply, std::string_view call_id, body_part part) {
  if (!std::all_of(reply.begin(), reply.end(), is_valid))
    return invalid_response(call_id);
  erase_hop_by_hop(reply);
  if (!parsed_length(reply))
    reply.erase(http::field::content_length);
  reply.reason({});
  finish(reply, call_id, part);
  return {std::move(reply), worker_verdict::keep};
}

bool is_idempotent(http::verb method) {
  switch (method) {
  case http::verb::get:
  case http::verb::head:
  case http::verb::options:
  case http::verb::trace:
  case http::verb::put:
  case http::verb::delete_:
    return true;
  default:
    return false;
  }
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

call_request make_call_request(caller_request caller, const call_context& call, body_part part) {
  call_request request;
  request.more = part == body_part::beginning;
  request.idempotent = is_idempotent(caller.method());
  std::optional<std::uint64_t> length = caller.body().size();
  if (request.more)
    length = parsed_length(caller);
  request.in_chunks = !length;
  request.head = render_head(caller, call, length);
  request.body = std::move(caller.body());
  request.call_id = call.call_id;
  return request;
}

bool fits_head(const caller_request& caller, const call_context& call, std::size_t most) {
  return most_rendered(caller) <= most || render_head(caller, call, caller.body().max_size()).size() <= most;
}

bool may_stream(const call_reply& reply, const call_context& call) {
  if (reply.result_int() != 200)
    return false;
  return !call.http_trigger || !has_no_body(trigger_status(reply).value_or(200));
}

caller_reply make_caller_reply(call_reply reply, const call_context& call, body_part part) {
  switch (reply.result_int()) {
  case 200:
    return call.http_trigger ? trigger_reply(std::move(reply), call.call_id, part)
                             : plain_reply(std::move(reply), call.call_id, part);
  case 502:
    return failed_reply(std::move(reply), call.call_id);
  case 504:
    return {make_error_response(http::status::gateway_timeout, "function timed out", call.call_id),
            worker_verdict::discard};
  case 431: // which its HTTP parser says by itself: the call has not begun
    return {make_error_response(http::status::request_header_fields_too_large,
                                "the header is too large for the function", call.call_id),
            worker_verdict::keep};
  default:
    return invalid_response(call.call_id);
  }
}

worker_verdict verdict_of(unsigned status) noexcept {
  return status == 200 || status == 502 || status == 431 ? worker_verdict::keep : worker_verdict::discard;
}

bool needs_body(const call_reply& reply) { return reply.result_int() == 200 || reply.result_int() == 502; }

caller_response make_error_response(http::status status, std::string_view message, std::string_view call_id) {
  caller_response response(status, 11);
  response.set(http::field::content_type, "application/json");
  response.body() = boost::json::serialize(boost::json::value{{"message", message}});
  finish(response, call_id);
  return response;
}

http::status failure_status(const error_code& ec) noexcept {
  if (ec == errc::spawn_failed || ec == errc::no_descriptor) // the machine has not what it takes just now
    return http::status::service_unavailable;
  return ec == errc::start_timeout ? http::status::gateway_timeout : http::status::bad_gateway;
}

} // namespace hotslot::process
