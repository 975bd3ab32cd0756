// What pools share, and the workers that they have.
#ifndef HOTSLOT_TEST_SIM_MACHINE_HPP
#define HOTSLOT_TEST_SIM_MACHINE_HPP

#include "oracle.hpp"
#include "traits.hpp"

#include <hotslot/resource_tracker.hpp>
#include <hotslot/slot_queue_manager.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

namespace hotslot::sim {

struct machine;

using pool_executor = asio::any_io_executor;
using pool_timer = timer<pool_executor>;
using pool_traits = traits<no_hook>;

/// What became of one worker.
struct pool_worker {
  std::uint64_t launcher = 0; ///< Which of its pool's has started it; 0: none.
  int closes = 0;
  bool closed = false; ///< Its close() has returned.
  bool ended = false;
  bool paused = false;
  bool in_use = false;
  bool coming_back = false; ///< From a call.
  bool queued = false;      ///< Or closed at once.
  bool evicted = false;
  bool gone() const noexcept { return ended && closed; }
  std::shared_ptr<pool_timer> life;
  std::chrono::nanoseconds stop_time{};
};

class pool_slot {
 public:
  pool_slot(machine& m, std::shared_ptr<pool_worker> w)
    : machine_(&m)
    , worker_(std::move(w)) {}

  void close() noexcept;
  void pause() noexcept;
  void resume() noexcept;
  asio::awaitable<void> wait_gone();
  const std::shared_ptr<pool_worker>& worker() const { return worker_; }

 private:
  machine* machine_;
  std::shared_ptr<pool_worker> worker_;
};

using pool_queue = basic_slot_queue<pool_slot, pool_executor, pool_traits>;
using pool_lease = pool_queue::lease_type;
using pool_ticket = pool_queue::ticket_type;
using pool_manager = basic_slot_queue_manager<pool_slot, std::string, pool_executor, pool_traits>;
using pool_tracker = basic_resource_tracker<pool_executor, mutex>;

struct machine {
  explicit machine(std::uint64_t seed)
    : random(seed)
    , context(std::make_unique<scheduler>(seed, 0)) {}

  bool chance(std::uint32_t one_in) { return trouble && random.one_in(one_in); }
  std::chrono::milliseconds ms(std::uint32_t most) {
    return std::chrono::milliseconds(random.below(most + 1));
  }

  /// What runs without a lock may use whatever has one.
  void use_locks() const noexcept {
    if (ending)
      return;
    tracker->taken();
    if (manager)
      manager->size();
  }

  /// A call of close() that takes time, in which others go on.
  void take_time() {
    if (!slow || !others)
      return;
    slow = false;
    for (auto n = random.below(30); n != 0; --n)
      others();
  }

  verdict found;
  sim::random random;
  bool slow = false;            ///< The next close() takes time.
  std::function<void()> others; ///< One step of theirs.
  bool trouble = true;          ///< Things go wrong.
  bool closing = false;         ///< Queues are.
  bool ending = false;          ///< Nothing may be relied on to be there.
  std::unique_ptr<scheduler> context;
  std::optional<pool_tracker> tracker;
  std::optional<pool_manager> manager; ///< Has the queues, where there is one.
};

} // namespace hotslot::sim

#endif
