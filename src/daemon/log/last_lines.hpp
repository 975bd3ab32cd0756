// The lines before a crash.
#pragma once

namespace hotslot::daemon {

/// From now on a signal that ends this process for a fault of its own (SIGABRT, SIGSEGV, ...) does so after
/// what is in queues of lines has been written, or after a few seconds, and a last line that says which.
/// Leaves alone what others handle.
void write_last_lines_before_a_crash();

} // namespace hotslot::daemon
