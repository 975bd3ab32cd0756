// Says whether what the threads saw can have happened one after the other, in the order of the queue's
// events.
#ifndef HOTSLOT_TEST_STRESS_CHECKER_HPP
#define HOTSLOT_TEST_STRESS_CHECKER_HPP

#include "history.hpp"

#include <string>

namespace hotslot::stress {

/// What is wrong with a history of one queue, from its beginning until everything has ended; empty where
/// nothing is.
///
/// First the events are replayed on a sequential queue, each critical section as one step. Then every
/// operation is looked at: its result has to be what its events say, and they have to lie between its
/// invocation and its response; where it has no event, because it found nothing, there has to be a moment
/// between the two at which there was nothing.
std::string check(history h);

} // namespace hotslot::stress

#endif
