// The part keys, compiled with the settings of whoever links hotslot::keys.
#include <hotslot/keys/src.hpp>
