#include "environment_variable.hpp"

#include "base/number.hpp"

#include <cstdlib>
#include <stdexcept>

namespace hotslot::daemon {

std::optional<std::string> take_variable(const char* name) {
  const char* value = std::getenv(name);
  std::string text = value ? value : "";
  ::unsetenv(name);
  return text.empty() ? std::nullopt : std::optional(text);
}

std::optional<std::uint64_t> take_number(const char* name) {
  const auto text = take_variable(name);
  if (!text)
    return std::nullopt;
  const auto n = base::parse_number<std::uint64_t>(*text);
  if (!n)
    refuse_variable(name, "must be a whole number");
  return n;
}

void refuse_variable(std::string_view name, std::string_view why) {
  throw std::runtime_error(std::string("the environment's ").append(name).append(" ").append(why));
}

} // namespace hotslot::daemon
