#include "negotiation.hpp"

#include "base/http_text.hpp"

#include <boost/beast/core/string.hpp>

#include <algorithm>
#include <optional>

namespace hotslot::http {
namespace {

using boost::beast::iequals;

// Calls `visit` with each part of `text` between separators, without the blanks around it.
template <class Visit>
void for_each_part(std::string_view text, char separator, Visit visit) {
  for (;;) {
    const auto end = text.find(separator);
    if (const auto part = base::trimmed(text.substr(0, end)); !part.empty())
      visit(part);
    if (end == text.npos)
      return;
    text.remove_prefix(end + 1);
  }
}

struct preference {
  std::string_view name;
  std::string_view version; ///< The parameter of that name.
  double q = 1;
};

// A weight that cannot be read counts as zero: not wanted.
double parse_weight(std::string_view text) {
  int thousandths = 0, unit = 1000;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i == 1 && text[i] == '.')
      continue;
    if (i == 1 || text[i] < '0' || text[i] > '9')
      return 0;
    thousandths += (text[i] - '0') * unit;
    unit /= 10;
  }
  return thousandths <= 1000 ? thousandths / 1000.0 : 0;
}

preference parse_preference(std::string_view element) {
  preference p;
  for_each_part(element, ';', [&](std::string_view part) {
    const auto equals = part.find('=');
    const auto name = base::trimmed(part.substr(0, equals));
    const auto value = equals == part.npos ? std::string_view() : base::trimmed(part.substr(equals + 1));
    if (p.name.empty())
      p.name = part;
    else if (iequals(name, "q"))
      p.q = parse_weight(value);
    else if (iequals(name, "version"))
      p.version = value;
  });
  return p;
}

template <class Visit>
void for_each_preference(std::string_view header, Visit visit) {
  for_each_part(header, ',', [&](std::string_view element) { visit(parse_preference(element)); });
}

} // namespace

bool accepts_gzip(std::string_view accept_encoding) {
  std::optional<double> gzip, identity, any;
  for_each_preference(accept_encoding, [&](const preference& p) {
    if (iequals(p.name, "gzip") || iequals(p.name, "x-gzip"))
      gzip = p.q;
    else if (iequals(p.name, "identity"))
      identity = p.q;
    else if (p.name == "*")
      any = p.q;
  });
  const double of_gzip = gzip.value_or(any.value_or(0));
  return of_gzip > 0 && of_gzip >= identity.value_or(0);
}

bool prefers_openmetrics(std::string_view accept) {
  double openmetrics = 0;
  std::optional<double> plain, any_text, any;
  for_each_preference(accept, [&](const preference& p) {
    if (iequals(p.name, "application/openmetrics-text")) {
      if (p.version.empty() || p.version == "1.0.0")
        openmetrics = std::max(openmetrics, p.q);
    } else if (iequals(p.name, "text/plain"))
      plain = std::max(plain.value_or(0), p.q);
    else if (iequals(p.name, "text/*"))
      any_text = p.q;
    else if (p.name == "*/*")
      any = p.q;
  });
  return openmetrics > 0 && openmetrics >= plain.value_or(any_text.value_or(any.value_or(0)));
}

bool matches_etag(std::string_view if_none_match, std::string_view etag) {
  const auto opaque = [](std::string_view tag) { return tag.starts_with("W/") ? tag.substr(2) : tag; };
  bool found = false;
  for_each_part(if_none_match, ',',
                [&](std::string_view tag) { found = found || tag == "*" || opaque(tag) == opaque(etag); });
  return found;
}

} // namespace hotslot::http
