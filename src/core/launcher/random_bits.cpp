#include <hotslot/launcher_options.hpp>

#include <sys/random.h>
#include <time.h>
#include <unistd.h>

namespace hotslot {

std::uint32_t random_bits() noexcept {
  std::uint32_t bits = 0;
  if (::getrandom(&bits, sizeof bits, 0) == static_cast<ssize_t>(sizeof bits))
    return bits;
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::uint32_t>(now.tv_nsec) ^ static_cast<std::uint32_t>(::getpid());
}

} // namespace hotslot
