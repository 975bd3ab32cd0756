// Arithmetic of what workers take: memory and processor time.
#ifndef HOTSLOT_RESOURCES_HPP
#define HOTSLOT_RESOURCES_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace hotslot {

/// Amounts of what is shared between workers.
struct resources {
  /// How many kinds of tokens a user may have beside memory and processor time.
  static constexpr std::size_t token_kinds = 4;

  std::uint64_t memory_mb = 0;
  std::uint64_t cpu_milli = 0; ///< Thousandths of a processor.
  /// Whatever else there is a limited number of: accelerators, licences, connections.
  std::array<std::uint64_t, token_kinds> tokens{};

  friend bool operator==(const resources&, const resources&) = default;

  /// Whether no amount is larger than that of `other`.
  bool fits_in(const resources& other) const noexcept {
    bool fits = true;
    for_each([&](auto member) { fits = fits && member(*this) <= member(other); });
    return fits;
  }

  resources& operator+=(const resources& other) noexcept {
    for_each([&](auto member) { member(*this) += member(other); });
    return *this;
  }
  /// No amount goes below zero.
  resources& operator-=(const resources& other) noexcept {
    for_each([&](auto member) { member(*this) -= std::min(member(*this), member(other)); });
    return *this;
  }
  friend resources operator+(resources a, const resources& b) noexcept { return a += b; }
  friend resources operator-(resources a, const resources& b) noexcept { return a -= b; }

  /// No amount goes above the largest number.
  friend resources operator*(resources a, std::uint64_t n) noexcept {
    constexpr auto most = std::numeric_limits<std::uint64_t>::max();
    for_each([&](auto member) { member(a) = n != 0 && member(a) > most / n ? most : member(a) * n; });
    return a;
  }

  /// How often this goes into `other`; the largest number where it is nothing.
  std::uint64_t times_in(const resources& other) const noexcept {
    auto times = std::numeric_limits<std::uint64_t>::max();
    for_each([&](auto member) {
      if (member(*this) != 0)
        times = std::min(times, member(other) / member(*this));
    });
    return times;
  }

  bool is_zero() const noexcept { return *this == resources{}; }

  /// Calls `f` with a function that yields a member of the resources that it is given, for each member.
  template <class F>
  static constexpr void for_each(F&& f) {
    f([](auto& r) -> auto& { return r.memory_mb; });
    f([](auto& r) -> auto& { return r.cpu_milli; });
    for (std::size_t kind = 0; kind != token_kinds; ++kind)
      f([kind](auto& r) -> auto& { return r.tokens[kind]; });
  }
};

/// The largest part that `used` has of any amount of `total`. Source: dominant resource fairness, A. Ghodsi
/// et al., NSDI 2011.
inline double dominant_share(const resources& used, const resources& total) noexcept {
  double share = 0;
  resources::for_each([&](auto member) {
    if (member(total) != 0)
      share = std::max(share, static_cast<double>(member(used)) / static_cast<double>(member(total)));
  });
  return share;
}

/// What one of those that share a total may count on.
struct account_options {
  double weight =
      1; ///< Of two accounts under pressure, one with twice the weight gets twice as much. Above 0.
  resources minimum{}; ///< Nobody else gets it, used or not.
};

/// What of `memory_mb` is kept for the host: a tenth, between 256 MB and 5 GB. Source: Fn's agent.
constexpr std::uint64_t memory_headroom_mb(std::uint64_t memory_mb) noexcept {
  const std::uint64_t tenth = memory_mb / 10;
  return tenth < 256 ? 256 : tenth > 5120 ? 5120 : tenth;
}

} // namespace hotslot

#endif
