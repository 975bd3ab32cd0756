// What every launcher with the usual traits is made of.
#include <hotslot/detail/launcher/launcher_core.hpp>

namespace hotslot::detail {

template class resource_hub<std::mutex>;
template class launcher_core<no_hook, std::mutex>;

} // namespace hotslot::detail
