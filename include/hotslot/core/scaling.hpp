// Has moved to <hotslot/policies/scaling.hpp>.
#ifndef HOTSLOT_CORE_SCALING_HPP
#define HOTSLOT_CORE_SCALING_HPP

#include <hotslot/policies/scaling.hpp>

#endif
