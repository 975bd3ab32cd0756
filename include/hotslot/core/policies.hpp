// The scaling policies that come with hotslot, and their names in configuration files.
#ifndef HOTSLOT_CORE_POLICIES_HPP
#define HOTSLOT_CORE_POLICIES_HPP

#include <hotslot/core/demand.hpp>
#include <hotslot/core/fn_policies.hpp>
#include <hotslot/core/knative_kpa.hpp>
#include <hotslot/core/little.hpp>
#include <hotslot/core/php_fpm_dynamic.hpp>
#include <hotslot/core/scaling.hpp>
#include <hotslot/core/uwsgi_busyness.hpp>

#include <span>
#include <string_view>

namespace hotslot {

/// The names that `make_policy` knows, the default first.
std::span<const std::string_view> policy_names() noexcept;

/// The policy of that name with its default options, or an empty function where there is none.
scaling_policy make_policy(std::string_view name);

} // namespace hotslot

#endif
