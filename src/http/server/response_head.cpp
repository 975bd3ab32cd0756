#include "response_head.hpp"

#include "base/http_text.hpp"
#include "base/number.hpp"
#include "base/time_text.hpp"

#include <chrono>
#include <ctime>
#include <string_view>

namespace hotslot::http::detail {
namespace {

using boost::beast::string_view;
using boost::beast::http::obsolete_reason;

bool breaks_message(string_view s) noexcept {
  return s.find_first_of(string_view("\r\n\0", 3)) != string_view::npos;
}

// One that is known to nobody is left out: it may be empty.
string_view reason_of(const response& res) noexcept {
  const auto reason = res.reason();
  const bool unknown = res.result() == status::unknown && reason == obsolete_reason(status::unknown);
  return unknown || breaks_message(reason) ? string_view() : reason;
}

bool owned_by_server(field f) noexcept {
  return f == field::connection || f == field::content_length || f == field::transfer_encoding ||
         f == field::date || f == field::keep_alive;
}

// Formatted once a second and thread, since every response bears it.
const std::string& date_now() {
  thread_local std::time_t formatted_at = -1;
  thread_local std::string text;
  const std::time_t now = std::time(nullptr);
  if (now != formatted_at) {
    text = base::http_date(std::chrono::system_clock::from_time_t(now));
    formatted_at = now;
  }
  return text;
}

void append_length(std::string& out, std::uint64_t length) {
  out += "Content-Length: ";
  base::append_number(out, length);
  out += base::line_end;
}

void append_length(std::string& out, const response& res, const framing& f) {
  const unsigned code = res.result_int();
  if (code < 200 || code == 204)
    return;
  if (code == 205) // RFC 9110, 15.3.6
    return append_length(out, 0);
  if (f.in_pieces && !f.stated) {
    if (is_chunked(f))
      base::append_field(out, "Transfer-Encoding", "chunked");
    return;
  }
  if (res.body().empty() && (f.to_head || code == 304)) {
    if (const auto stated = stated_length(res))
      append_length(out, *stated);
    return;
  }
  append_length(out, f.stated.value_or(res.body().size()));
}

} // namespace

bool is_bodiless(unsigned code) noexcept { return code < 200 || code == 204 || code == 205 || code == 304; }

bool has_body(const response& res, const framing& f) noexcept {
  return !f.to_head && !is_bodiless(res.result_int());
}

bool is_chunked(const framing& f) noexcept { return f.in_pieces && !f.stated && !f.to_http_1_0; }

void render_head(std::string& out, const response& res, const framing& f) {
  out = "HTTP/1.1 ";
  base::append_number(out, res.result_int());
  out += ' ';
  out += std::string_view(reason_of(res));
  out += base::line_end;
  for (const auto& h : res)
    if (!owned_by_server(h.name()) && !breaks_message(h.name_string()) && !breaks_message(h.value()))
      base::append_field(out, h.name_string(), h.value());
  base::append_field(out, "Date", date_now());
  append_length(out, res, f);
  if (!f.keep_alive)
    out += "Connection: close\r\n";
  else if (f.to_http_1_0)
    out += "Connection: keep-alive\r\n";
  out += "\r\n";
}

} // namespace hotslot::http::detail
