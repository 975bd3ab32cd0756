// The part http, compiled with the settings of whoever links hotslot::http.
#include <hotslot/http/src.hpp>
