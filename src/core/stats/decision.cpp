#include <hotslot/stats/decision.hpp>

#include <cmath>
#include <cstdio>

namespace hotslot {

namespace {

void append_decimal(std::string& out, double n) {
  char text[32];
  const int size =
      std::snprintf(text, sizeof text, std::floor(n) == n && std::abs(n) < 1e15 ? "%.0f" : "%.3g", n);
  out.append(text, static_cast<std::size_t>(size));
}

} // namespace

std::string to_string(const decision_reason& r) {
  std::string out;
  std::size_t used = 0;
  for (std::size_t at = 0; at != r.text.size(); ++at) {
    if (r.text.substr(at).starts_with("{}") && used != r.numbers.size()) {
      append_decimal(out, r.numbers[used++]);
      ++at;
    } else {
      out += r.text[at];
    }
  }
  return out;
}

std::vector<decision_view> decision_ring::view(std::chrono::nanoseconds now) const {
  std::vector<decision_view> out;
  out.reserve(size_);
  for (std::size_t n = size_; n != 0; --n) {
    const decision& d = ring_[(next_ + capacity - n) % capacity];
    out.push_back({.ago = now - d.at, .start = d.start, .eject = d.eject, .reason = to_string(d.reason)});
  }
  return out;
}

} // namespace hotslot
