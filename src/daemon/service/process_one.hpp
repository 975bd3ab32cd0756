// hotslotd as the first process of a container.
#pragma once

namespace hotslot::daemon {

/// Process 1 is given the orphans of all others, and signals by it do what it has asked for only. Where this
/// process is that, it stays so: it reaps orphans, passes signals on to a child, and ends as that does.
/// Returns in the process that is to be the server: that child, or else this process. Before it has threads.
void leave_process_one();

} // namespace hotslot::daemon
