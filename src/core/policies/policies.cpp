#include <hotslot/policies/policies.hpp>

#include <algorithm>
#include <array>

namespace hotslot {

namespace {

struct named_policy {
  std::string_view name;
  scaling_policy (*make)();
};

constexpr named_policy policies[] = {
    {"demand", [] { return scaling_policy(demand); }},
    {"fn_2018", [] { return scaling_policy([](const scaling_input& in) { return fn_2018(in); }); }},
    {"fn_stall_check", [] { return scaling_policy(fn_stall_check()); }},
    {"knative_kpa", [] { return scaling_policy(knative_kpa()); }},
    {"little", [] { return scaling_policy(little()); }},
    {"php_fpm_dynamic", [] { return scaling_policy(php_fpm_dynamic()); }},
    {"uwsgi_busyness", [] { return scaling_policy(uwsgi_busyness()); }},
};

constexpr auto names = [] {
  std::array<std::string_view, std::size(policies)> out;
  std::ranges::transform(policies, out.begin(), &named_policy::name);
  return out;
}();

} // namespace

std::span<const std::string_view> policy_names() noexcept { return names; }

scaling_policy make_policy(std::string_view name) {
  const auto* const at = std::ranges::find(policies, name, &named_policy::name);
  return at != std::end(policies) ? at->make() : scaling_policy();
}

} // namespace hotslot
