#include "activation.hpp"

#include "environment_variable.hpp"

#include <boost/algorithm/string/split.hpp>

#include <unistd.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace hotslot::daemon {
namespace {

constexpr int first_descriptor = 3;
constexpr std::string_view names_variable = "LISTEN_FDNAMES";

std::vector<std::string> split(const std::string& names) {
  std::vector<std::string> out;
  boost::algorithm::split(out, names, [](char c) { return c == ':'; });
  return out;
}

// What systemd calls sockets to which their unit gives no name is that unit's.
bool is_ours(std::string_view name) { return name == "listen" || name == "admin"; }

activated_sockets by_names(const std::vector<std::string>& names) {
  activated_sockets out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!is_ours(names[i]))
      refuse_variable(names_variable, "must name each socket listen or admin");
    (names[i] == "listen" ? out.listen : out.admin).push_back(first_descriptor + static_cast<int>(i));
  }
  return out;
}

activated_sockets in_order(std::uint64_t count) {
  if (count > 2)
    refuse_variable("LISTEN_FDS",
                    "must be 1 or 2 where LISTEN_FDNAMES does not say which are for listen and for admin");
  activated_sockets out{.listen = {first_descriptor}, .admin = {}};
  if (count == 2)
    out.admin = {first_descriptor + 1};
  return out;
}

} // namespace

activated_sockets take_activated_sockets() {
  const auto names = take_variable(names_variable.data());
  const auto pid = take_number("LISTEN_PID");
  const auto count = take_number("LISTEN_FDS");
  if (!pid || *pid != static_cast<std::uint64_t>(::getpid()) || !count || *count == 0)
    return {};
  const auto named = names ? split(*names) : std::vector<std::string>();
  if (std::none_of(named.begin(), named.end(), is_ours))
    return in_order(*count);
  if (named.size() != *count)
    refuse_variable(names_variable, "must have as many names as LISTEN_FDS says");
  return by_names(named);
}

} // namespace hotslot::daemon
