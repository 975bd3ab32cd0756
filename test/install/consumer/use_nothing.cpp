#include "part.hpp"

void use_part(boost::asio::io_context&, bool& right) { right = true; }
