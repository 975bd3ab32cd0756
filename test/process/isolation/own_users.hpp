// What runs on the machine as users that a server gives away, and how often a test is to try.
#ifndef HOTSLOT_TEST_PROCESS_ISOLATION_OWN_USERS_HPP
#define HOTSLOT_TEST_PROCESS_ISOLATION_OWN_USERS_HPP

#include <sys/types.h>

#include <cstddef>
#include <set>

namespace process_test {

/// Those that have ended count no more, though nobody has asked for their status.
std::size_t processes_of(const std::set<uid_t>& users);

/// HOTSLOT_ROUNDS, or 25.
std::size_t rounds();

} // namespace process_test

#endif
