// The templates that befriend each other. Clang 16 takes a friend for another template where the class that
// names it was instantiated before the template was declared.
#pragma once

#include <hotslot/queue_key.hpp>
#include <hotslot/slot.hpp>

namespace hotslot {

template <slot Slot, class Executor, class Traits>
class basic_slot_queue;
template <slot Slot, class Executor, class Traits>
class basic_ticket;
template <slot Slot, class Executor, class Traits>
class basic_slot_offer;
template <slot Slot, class Executor, class Traits>
class basic_dequeuer;
template <slot Slot, queue_key Key, class Executor, class Traits>
class basic_slot_queue_manager;
template <slot Slot, class Executor, class Traits>
class basic_launcher;

} // namespace hotslot
