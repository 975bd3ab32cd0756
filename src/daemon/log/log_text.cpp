#include "log_text.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <iterator>

namespace hotslot::daemon {
namespace {

bool is_plain(char c) { return c > 0x20 && c < 0x7f && c != '"' && c != '=' && c != '\\'; }

bool may_be_in_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
         c == '.';
}

void append_quoted(std::string& line, std::string_view text) {
  line.push_back('"');
  base::append_escaping(
      line, text, [](const auto& c) { return !c.is_printable() || c.is_one_of("\"\\"); },
      [&](const auto& c) {
        if (c.is_printable())
          line.push_back('\\');
        base::append_printable(line, c);
      });
  line.push_back('"');
}

} // namespace

void append_log_text(std::string& line, std::string_view text) {
  if (!text.empty() && std::all_of(text.begin(), text.end(), is_plain))
    line.append(text);
  else
    append_quoted(line, text);
}

void append_log_name(std::string& line, std::string_view name) {
  std::transform(name.begin(), name.end(), std::back_inserter(line),
                 [](char c) { return may_be_in_name(c) ? c : '_'; });
}

} // namespace hotslot::daemon
