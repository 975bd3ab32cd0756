// The part process, compiled with the settings of whoever links hotslot::process.
#include <hotslot/process/src.hpp>
