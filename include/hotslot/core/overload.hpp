// Has moved to <hotslot/policies/overload.hpp>.
#ifndef HOTSLOT_CORE_OVERLOAD_HPP
#define HOTSLOT_CORE_OVERLOAD_HPP

#include <hotslot/policies/overload.hpp>

#endif
