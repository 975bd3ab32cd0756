// Threads that no signal of the process is to run on.
#pragma once

#include <pthread.h>
#include <signal.h>

namespace hotslot::base {

/// Blocks all of them on this thread, as long as it lives; threads that it starts meanwhile have them blocked
/// for good.
class blocked_signals {
 public:
  blocked_signals() noexcept {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  blocked_signals(const blocked_signals&) = delete;
  blocked_signals& operator=(const blocked_signals&) = delete;
  ~blocked_signals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

} // namespace hotslot::base
