// The scaling policies that come with hotslot, and their names in configuration files.
#ifndef HOTSLOT_POLICIES_POLICIES_HPP
#define HOTSLOT_POLICIES_POLICIES_HPP

#include <hotslot/policies/demand.hpp>
#include <hotslot/policies/fn_policies.hpp>
#include <hotslot/policies/knative_kpa.hpp>
#include <hotslot/policies/little.hpp>
#include <hotslot/policies/php_fpm_dynamic.hpp>
#include <hotslot/policies/scaling.hpp>
#include <hotslot/policies/uwsgi_busyness.hpp>

#include <span>
#include <string_view>

namespace hotslot {

/// The names that `make_policy` knows, the default first.
std::span<const std::string_view> policy_names() noexcept;

/// The policy of that name with its default options, or an empty function where there is none.
scaling_policy make_policy(std::string_view name);

} // namespace hotslot

#endif
