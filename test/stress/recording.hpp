// How a thread writes its history down, and a queue's traits with a hook and a lock that do.
#ifndef HOTSLOT_TEST_STRESS_RECORDING_HPP
#define HOTSLOT_TEST_STRESS_RECORDING_HPP

#include "../sim/random.hpp"
#include "history.hpp"

#include <hotslot/queue_traits.hpp>

#include <mutex>
#include <thread>

namespace hotslot::stress {

/// What this thread is at.
struct position {
  history* into = nullptr;
  stamp op = 0;
  stamp section = 0;
  sim::random yielding{0};
};
inline thread_local position here;

/// This thread's history, as long as this lives.
class recording {
 public:
  recording(history& into, std::uint64_t seed) noexcept {
    here = {.into = &into, .yielding = sim::random(seed)};
  }
  recording(const recording&) = delete;
  recording& operator=(const recording&) = delete;
  ~recording() { here = {}; }
};

/// Runs an operation, to which `f` adds what came of it. Returns what it is known by.
template <class F>
stamp record(operation o, F&& f) {
  o.begun = here.op = tick();
  f(o);
  here.op = 0;
  o.ended = tick();
  here.into->operations.push_back(o);
  return o.begun;
}

/// An asynchronous operation begins, whose completion calls `finish`.
inline void begin(operation& o) {
  o.begun = tick();
  here.into->started.push_back(o.begun);
}

/// The same for one that `f` initiates.
template <class F>
void start(operation o, F&& f) {
  begin(o);
  here.op = o.begun;
  f(o);
  here.op = 0;
}

inline void finish(operation& o) {
  if (here.op == o.begun)
    o.flaw = "completed within the function that began it";
  o.ended = tick();
  here.into->operations.push_back(o);
}

/// Lets other threads run where on few processors they hardly ever would. Rarely: on a busy machine it costs
/// milliseconds.
inline void give_way(std::uint32_t one_in) noexcept {
  if (here.yielding.one_in(one_in))
    std::this_thread::yield();
}

struct hook {
  void operator()(const queue_event& e) const noexcept {
    here.into->events.push_back({tick(), here.section, here.op, e});
    give_way(128); // in the middle of a step, which nobody may see
  }
};

/// Tells the hook whether it is held.
class mutex {
 public:
  void lock() noexcept {
    give_way(32);
    mutex_.lock();
    here.section = tick();
  }
  void unlock() noexcept {
    here.section = 0;
    mutex_.unlock();
    give_way(32);
  }

 private:
  std::mutex mutex_;
};

struct traits : queue_traits {
  using mutex_type = mutex;
  using hook_type = hook;
};

} // namespace hotslot::stress

#endif
