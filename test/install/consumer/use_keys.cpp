#include "part.hpp"

#include <hotslot/slot_key.hpp>

void use_part(boost::asio::io_context&, bool& right) {
  right = hotslot::slot_key::of({"a", "b"}).hex().size() == 64 &&
          hotslot::slot_key() != hotslot::slot_key::of({"a"});
}
