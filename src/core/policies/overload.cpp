#include <hotslot/policies/overload.hpp>

#include <limits>

namespace hotslot {

namespace {

std::chrono::nanoseconds whole(double ns) noexcept {
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  return std::chrono::nanoseconds(ns < static_cast<double>(most) ? static_cast<std::int64_t>(ns) : most);
}

} // namespace

std::optional<std::chrono::nanoseconds> forecast(std::uint64_t waiters_before, std::chrono::nanoseconds run,
                                                 std::chrono::nanoseconds start, std::uint64_t workers,
                                                 std::uint64_t starting) noexcept {
  using ns = std::chrono::duration<double, std::nano>;
  const double k = static_cast<double>(waiters_before) + 1;
  const double n = static_cast<double>(workers);
  const double u = start.count() > 0 ? static_cast<double>(starting) : 0;
  if (run.count() <= 0)
    return k <= u ? std::optional(start) : std::nullopt;
  if (n + u == 0)
    return std::nullopt;
  const double r = ns(run).count();
  const double s = ns(start).count();
  if (n > 0 && (u == 0 || k * r / n <= s))
    return whole(k * r / n);
  const double served = n * s / r + u; // by the time that the starting ones are there
  return whole(k <= served ? s : s + (k - served) * r / (n + u));
}

} // namespace hotslot
