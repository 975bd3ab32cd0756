#include "otlp_json.hpp"

#include "base/number.hpp"
#include "base/text.hpp"
#include "base/time_text.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/system/error_code.hpp>

#include <algorithm>

namespace hotslot::daemon {
namespace {

namespace json = boost::json;

// 64-bit integers are strings in the JSON form of Protocol Buffers.
json::object value_of(const std::variant<std::string, std::int64_t, bool>& v) {
  if (const auto* text = std::get_if<std::string>(&v))
    return {{"stringValue", base::valid_utf8(*text)}};
  if (const auto* n = std::get_if<std::int64_t>(&v))
    return {{"intValue", std::to_string(*n)}};
  return {{"boolValue", std::get<bool>(v)}};
}

std::uint64_t count_of(const json::value& v) {
  boost::system::error_code ignored;
  if (const auto* text = v.if_string())
    return base::parse_number<std::uint64_t>({text->data(), text->size()}).value_or(0);
  return v.to_number<std::uint64_t>(ignored);
}

json::object attribute(std::string_view key, std::variant<std::string, std::int64_t, bool> value) {
  return {{"key", key}, {"value", value_of(value)}};
}

std::string nanoseconds(span::clock::time_point t) {
  return std::to_string(std::chrono::nanoseconds(t.time_since_epoch()).count());
}

json::object span_status(const span& s) {
  constexpr int error = 2;
  json::object status;
  if (s.failed)
    status["code"] = error;
  if (s.failed && !s.why.empty())
    status["message"] = base::valid_utf8(s.why);
  return status;
}

json::object render_span(const span& s) {
  json::object o;
  o["traceId"] = to_hex(s.trace);
  o["spanId"] = to_hex(s.id);
  if (s.parent != span_id{})
    o["parentSpanId"] = to_hex(s.parent);
  if (!s.trace_state.empty())
    o["traceState"] = base::valid_utf8(s.trace_state);
  o["name"] = base::valid_utf8(s.name);
  o["kind"] = static_cast<int>(s.kind);
  o["startTimeUnixNano"] = nanoseconds(s.begin);
  o["endTimeUnixNano"] = nanoseconds(s.end);
  auto& attributes = o["attributes"].emplace_array();
  for (const auto& a : s.attributes)
    attributes.push_back(attribute(a.key, a.value));
  o["status"] = span_status(s);
  return o;
}

} // namespace

std::string render_otlp(const trace_resource& from, std::span<const span> spans) {
  json::array rendered;
  rendered.reserve(spans.size());
  for (const auto& s : spans)
    rendered.push_back(render_span(s));
  const std::string version(from.version);
  json::object resource{
      {"attributes", json::array{attribute("service.name", std::string(from.service_name)),
                                 attribute("service.version", version), attribute("process.pid", from.pid)}}};
  json::object scope{{"name", "hotslotd"}, {"version", version}};
  json::object in_scope{{"scope", std::move(scope)}, {"spans", std::move(rendered)}};
  json::object of_resource{{"resource", std::move(resource)},
                           {"scopeSpans", json::array{std::move(in_scope)}}};
  json::object document;
  document["resourceSpans"] = json::array{std::move(of_resource)};
  return json::serialize(document);
}

otlp_reply parse_otlp_reply(std::string_view body) {
  otlp_reply reply;
  boost::system::error_code failed;
  const json::value parsed = json::parse(body, failed);
  const json::object* const whole = failed ? nullptr : parsed.if_object();
  const json::value* const found = whole ? whole->if_contains("partialSuccess") : nullptr;
  const json::object* const partial = found ? found->if_object() : nullptr;
  if (!partial)
    return reply;
  if (const auto* rejected = partial->if_contains("rejectedSpans"))
    reply.rejected = count_of(*rejected);
  if (const auto* message = partial->if_contains("errorMessage"); message && message->is_string())
    reply.message = message->get_string();
  return reply;
}

std::optional<std::chrono::seconds> parse_retry_after(std::string_view value,
                                                      std::chrono::system_clock::time_point now) {
  using std::chrono::seconds;
  if (const auto n = base::parse_number<std::uint32_t>(value))
    return seconds(*n);
  const auto at = base::parse_http_date(value);
  if (!at)
    return std::nullopt;
  return std::max(std::chrono::ceil<seconds>(*at - now), seconds(0));
}

} // namespace hotslot::daemon
