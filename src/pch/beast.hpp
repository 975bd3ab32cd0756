// Precompiled header of the parts that use Asio, Beast and JSON.
#include "asio.hpp"

#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/json.hpp>
