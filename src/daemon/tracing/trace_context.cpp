#include "trace_context.hpp"

#include <hotslot/launcher_options.hpp>

#include <boost/algorithm/hex.hpp>

#include <algorithm>
#include <array>
#include <iterator>
#include <random>
#include <span>

namespace hotslot::daemon {
namespace {

constexpr std::size_t length = 55; // of version 00: two, 32, 16 and two digits, and dashes between them

int digit(char c) noexcept {
  if (c >= '0' && c <= '9')
    return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool parse_hex(std::string_view text, std::span<std::uint8_t> to) noexcept {
  for (std::size_t i = 0; i < to.size(); ++i) {
    const int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
    if (high < 0 || low < 0)
      return false;
    to[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return true;
}

template <class Id>
std::string hex_of(const Id& id) {
  std::string out;
  out.reserve(2 * id.size());
  boost::algorithm::hex_lower(id, std::back_inserter(out));
  return out;
}

bool is_zero(std::span<const std::uint8_t> bytes) noexcept {
  return std::all_of(bytes.begin(), bytes.end(), [](auto b) { return b == 0; });
}

std::mt19937_64 seeded_generator() {
  std::array<std::uint32_t, 8> bits;
  std::generate(bits.begin(), bits.end(), random_bits);
  std::seed_seq seed(bits.begin(), bits.end());
  return std::mt19937_64(seed);
}

template <class Id>
Id draw() {
  thread_local std::mt19937_64 generator = seeded_generator();
  Id id{};
  while (is_zero(id))
    for (std::size_t i = 0; i < id.size(); i += 8)
      for (std::uint64_t n = generator(), b = 0; b < 8; ++b, n >>= 8)
        id[i + b] = static_cast<std::uint8_t>(n);
  return id;
}

} // namespace

std::optional<trace_context> parse_traceparent(std::string_view text) noexcept {
  if (text.size() < length || text[2] != '-' || text[35] != '-' || text[52] != '-')
    return std::nullopt;
  std::array<std::uint8_t, 1> version, flags;
  trace_context c;
  const bool digits = parse_hex(text.substr(0, 2), version) && parse_hex(text.substr(3, 32), c.trace) &&
                      parse_hex(text.substr(36, 16), c.span) && parse_hex(text.substr(53, 2), flags);
  if (!digits || version[0] == 0xff || is_zero(c.trace) || is_zero(c.span))
    return std::nullopt;
  if (text.size() > length && (version[0] == 0 || text[length] != '-'))
    return std::nullopt;
  c.sampled = flags[0] & 1;
  return c;
}

std::string format_traceparent(const trace_context& c) {
  std::string out("00-");
  out.reserve(length);
  boost::algorithm::hex_lower(c.trace, std::back_inserter(out));
  out += '-';
  boost::algorithm::hex_lower(c.span, std::back_inserter(out));
  out += c.sampled ? "-01" : "-00";
  return out;
}

std::string to_hex(const trace_id& id) { return hex_of(id); }
std::string to_hex(const span_id& id) { return hex_of(id); }

trace_id make_trace_id() { return draw<trace_id>(); }
span_id make_span_id() { return draw<span_id>(); }

bool is_sampled(const trace_id& id, double ratio) noexcept {
  std::uint64_t low = 0;
  for (std::size_t i = 8; i < id.size(); ++i)
    low = low << 8 | id[i];
  return ratio >= 1 || static_cast<double>(low >> 1) < ratio * 0x1p63;
}

} // namespace hotslot::daemon
