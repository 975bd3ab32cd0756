// A message of the syslog protocol (RFC 5424), as text.
#pragma once

#include "log_text.hpp"

#include "daemon/config/log_target.hpp"

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace hotslot::daemon {

enum class syslog_severity : std::uint8_t { error = 3, warning = 4, info = 6 };

/// Names the structured data. Of the numbers of enterprises, that of examples (RFC 5612): hotslot has none.
inline constexpr std::string_view syslog_data_id = "hotslot@32473";

struct syslog_message {
  syslog_facility facility = syslog_facility::user;
  syslog_severity severity = syslog_severity::info;
  std::chrono::system_clock::time_point time = {};
  std::string_view host = {}; ///< Empty here and below: the nil value.
  std::string_view app = {};
  std::string_view process = {};
  std::string_view kind = {};            ///< MSGID.
  std::span<const text_field> data = {}; ///< Of the structured data; where there is none, so is it.
  std::string_view text = {};
};

/// One message, without the framing of a transport. What a header field may not hold becomes '_', and what is
/// too long for it is cut. In values and text, control characters but the tab, and bytes that are no UTF-8,
/// are `\xNN`, so that all of it is UTF-8 on one line; the byte order mark that the RFC asks for stands in
/// front of a text that is not ASCII only, as many receivers show it.
std::string render(const syslog_message& m);

} // namespace hotslot::daemon
