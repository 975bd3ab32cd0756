#include "call_id.hpp"

#include <atomic>
#include <cstdint>
#include <random>
#include <string_view>

namespace hotslot::daemon {
namespace {

constexpr std::size_t prefix_digits = 16;
constexpr std::size_t count_digits = 10;

void write_hex(char* out, std::size_t digits, std::uint64_t n) noexcept {
  for (std::size_t i = digits; i-- != 0; n >>= 4)
    out[i] = "0123456789abcdef"[n & 15];
}

std::string draw_prefix() {
  std::random_device random;
  std::string prefix(prefix_digits, '0');
  write_hex(prefix.data(), prefix_digits, (std::uint64_t{random()} << 32) | random());
  return prefix;
}

} // namespace

std::string make_call_id() {
  static const std::string prefix = draw_prefix();
  static std::atomic<std::uint64_t> count{0};
  std::string id(prefix_digits + count_digits, '0');
  id.replace(0, prefix_digits, prefix);
  write_hex(id.data() + prefix_digits, count_digits, count.fetch_add(1, std::memory_order_relaxed));
  return id;
}

} // namespace hotslot::daemon
