// The idle workers of one account, for those that need what they take.
#ifndef HOTSLOT_EVICTABLE_HPP
#define HOTSLOT_EVICTABLE_HPP

#include <hotslot/resources.hpp>

#include <chrono>
#include <cstdint>

namespace hotslot {

/// Which idle workers go first when others need what they take.
enum class eviction_order : std::uint8_t {
  oldest,   ///< The longest idle one.
  cheapest, ///< The one with the least start time x calls a second / share of the total.
};

/// All functions are called under the tracker's lock: they must be quick and must not use the tracker.
class evictable {
 public:
  /// What each of the workers takes.
  virtual resources worker_size() const noexcept = 0;
  /// When the longest idle worker that may go became idle; the maximum where none may.
  virtual std::chrono::nanoseconds oldest_idle() const noexcept = 0;
  /// How many idle workers may go.
  virtual std::uint64_t idle_workers() const noexcept = 0;
  /// How many are closed, or about to be, and not gone yet: what they take comes back by itself.
  virtual std::uint64_t leaving_workers() const noexcept = 0;
  /// How many their callers have taken for good: what they take comes back some time, whoever asks for it.
  virtual std::uint64_t detached_workers() const noexcept { return 0; }
  /// What it costs to lose a worker: start time x calls a second, in whatever unit all have in common.
  virtual double worth() const noexcept = 0;
  /// Keeps the longest idle worker from its callers. False where none may go any longer.
  virtual bool claim_oldest() noexcept = 0;
  /// Begins to end what is claimed.
  virtual void evict_claimed() noexcept = 0;
  /// Gives back what is claimed, its idle age unchanged.
  virtual void unclaim() noexcept = 0;
  /// The next `n` workers that come back from a call are to be ended, whoever waits for them.
  virtual void surrender(std::uint64_t n) noexcept = 0;
  /// How many of those have not come back yet.
  virtual std::uint64_t surrendering() const noexcept = 0;
  /// Whether somebody waits for resources: `relieve` is to be called whenever a worker becomes idle.
  virtual void set_pressure(bool yes) noexcept = 0;

 protected:
  ~evictable() = default;
};

} // namespace hotslot

#endif
