#include "access_log.hpp"

#include "client_text.hpp"

#include "base/text.hpp"
#include "base/time_text.hpp"

#include <fmt/format.h>

#include <iterator>

namespace hotslot::daemon {
namespace {

unsigned status_of(const http::access_record& r) { return r.status == 0 ? status_unanswered : r.status; }

std::string_view protocol_of(const http::access_record& r) {
  return r.version == 0 ? "" : r.version < 11 ? "HTTP/1.0" : "HTTP/1.1";
}

void append_common_text(std::string& out, std::string_view text) {
  base::append_escaping(
      out, text, [](const auto& c) { return c.value < 0x20 || c.value >= 0x7f || c.is_one_of("\"\\"); },
      [&](const auto& c) {
        if (c.is_one_of("\"\\"))
          out.append("\\").append(c.bytes);
        else
          base::append_bytes(out, c.bytes);
      });
}

// Null where it is not known.
void append_json_member(std::string& out, std::string_view name, std::string_view text) {
  out.append(",\"").append(name).append("\":");
  if (text.empty())
    out.append("null");
  else
    base::append_json_string(out, text);
}

std::string_view call_id_of(const http::access_record& r) {
  const auto id = r.fields["Fn-Call-Id"];
  return {id.data(), id.size()};
}

} // namespace

std::string render_common(const http::access_record& r) {
  std::string out = client_text(r.client);
  out.append(" - - ").append(base::common_log_time(r.received)).append(" \"");
  if (r.version == 0) {
    out.push_back('-');
  } else {
    append_common_text(out, r.method);
    out.push_back(' ');
    append_common_text(out, r.target);
    out.append(" ").append(protocol_of(r));
  }
  fmt::format_to(std::back_inserter(out), "\" {} ", status_of(r));
  return out.append(r.body_bytes == 0 ? "-" : std::to_string(r.body_bytes));
}

std::string render_json(const http::access_record& r, const called_function& function) {
  std::string out = "{\"time\":\"";
  out.append(base::rfc3339_time(r.received)).append("\"");
  append_json_member(out, "peer", client_text(r.peer.address()));
  append_json_member(out, "client", client_text(r.client));
  append_json_member(out, "method", r.method);
  append_json_member(out, "target", r.target);
  append_json_member(out, "protocol", protocol_of(r));
  fmt::format_to(std::back_inserter(out),
                 ",\"status\":{},\"bytes\":{},\"duration_ms\":{:.3f},\"complete\":{}", status_of(r),
                 r.body_bytes, static_cast<double>(r.duration.count()) / 1e6, r.complete);
  append_json_member(out, "app", function.app);
  append_json_member(out, "fn", function.name);
  append_json_member(out, "call", call_id_of(r));
  out.push_back('}');
  return out;
}

void access_log::write(const http::access_record& r, const called_function& function) const {
  const std::string text = format_ == access_format::common ? render_common(r) : render_json(r, function);
  to_->write({.time = r.received, .kind = "access", .text = text});
}

} // namespace hotslot::daemon
