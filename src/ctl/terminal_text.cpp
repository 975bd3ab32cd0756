#include "terminal_text.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <clocale>
#include <cwchar>

#include <langinfo.h>
#include <locale.h>
#include <unistd.h>

namespace hotslot::ctl {
namespace {

// Of the C library, which knows all characters in a locale of UTF-8; which one the user has does not matter.
class unicode {
 public:
  unicode()
    : locale_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {}
  unicode(const unicode&) = delete;
  unicode& operator=(const unicode&) = delete;
  ~unicode() {
    if (locale_)
      ::freelocale(locale_);
  }

  std::size_t width(std::uint32_t character) const {
    if (character < 0x80 || !locale_)
      return 1;
    const locale_t before = ::uselocale(locale_);
    const int columns = ::wcwidth(static_cast<wchar_t>(character));
    ::uselocale(before);
    return columns < 0 ? 1 : static_cast<std::size_t>(columns); // some that are newer than the library
  }

 private:
  const locale_t locale_;
};

std::size_t width_of(const base::utf8_character& c) {
  static const unicode all;
  return all.width(c.value);
}

// The first characters that take no more than so many columns.
std::string_view within(std::string_view text, std::size_t columns) {
  std::size_t end = 0;
  for (std::size_t seen = 0; end < text.size();) {
    const auto c = base::first_character(text.substr(end));
    seen += width_of(c);
    if (seen > columns)
      break;
    end += c.bytes.size();
  }
  return text.substr(0, end);
}

} // namespace

charset charset_of(int descriptor) {
  if (::isatty(descriptor) != 1)
    return charset::utf8;
  const locale_t users = ::newlocale(LC_CTYPE_MASK, "", nullptr);
  if (!users)
    return charset::ascii;
  const bool utf8 = ::nl_langinfo_l(CODESET, users) == std::string_view("UTF-8");
  ::freelocale(users);
  return utf8 ? charset::utf8 : charset::ascii;
}

charset output_charset() {
  static const charset known = charset_of(STDOUT_FILENO);
  return known;
}

std::string printable(std::string_view text, std::string_view kept, charset c) {
  std::string out;
  base::append_escaping(
      out, text,
      [&](const auto& one) {
        return (!one.is_printable() && !one.is_one_of(kept)) || (c == charset::ascii && one.value >= 0x80);
      },
      [&](const auto& one) {
        if (one.is_printable())
          base::append_bytes(out, one.bytes);
        else
          base::append_printable(out, one);
      });
  return out;
}

std::size_t width(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    const auto c = base::first_character(text);
    columns += width_of(c);
    text.remove_prefix(c.bytes.size());
  }
  return columns;
}

std::string clip(std::string_view text, std::size_t columns, charset c) {
  if (width(text) <= columns)
    return std::string(text);
  if (columns == 0)
    return "";
  return std::string(within(text, columns - 1)) + (c == charset::utf8 ? "…" : "~");
}

} // namespace hotslot::ctl
