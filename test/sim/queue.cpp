// The inside of the simulated queue, by itself: what most mutations change. The linker takes what it meets
// first.
#include "world.hpp"

namespace hotslot::detail {

template class basic_queue_core<sim::hook>;
template class queue_impl<sim::sim_slot, sim::sim_executor, sim::sim_traits>;

} // namespace hotslot::detail
