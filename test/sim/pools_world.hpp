// One simulated run: pools on one machine, their callers, and a context that may end at any point.
#ifndef HOTSLOT_TEST_SIM_POOLS_WORLD_HPP
#define HOTSLOT_TEST_SIM_POOLS_WORLD_HPP

#include "guest.hpp"
#include "pool.hpp"

#include <hotslot/policies/php_fpm_dynamic.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace hotslot::sim {

class pools_world {
 public:
  explicit pools_world(std::uint64_t seed)
    : machine_(seed)
    , random_(machine_.random)
    , found_(machine_.found) {}

  /// The whole run. Empty where nothing was wrong.
  std::string run();

 private:
  /// Whoever may wait for a part of the machine.
  struct account {
    double weight;
    std::uint64_t minimum, used, kept, wants;
    bool waiting;

    double share(std::uint64_t amount) const noexcept { return static_cast<double>(amount) / weight; }
    std::uint64_t set_aside() const noexcept { return minimum > used ? minimum - used : 0; }
  };

  /// Shares of the machine for an account's weight: what is left without one worker that is there, what there
  /// would be with what is waited for.
  struct standing {
    double left, needed;
  };
  static constexpr double none_waits = std::numeric_limits<double>::infinity();

  void set_up();
  pool& some_pool() { return *pools_[random_.below(static_cast<std::uint32_t>(pools_.size()))]; }
  void run_abruptly();
  void step_until(clock::time_point end, bool troubled);
  void disturb();
  void disturb_manager();
  void call(pool& p);
  void calm();
  void prewarm();
  void drain();
  void end_context();
  void end_abruptly();

  void look();
  void check_step();
  void check_eviction();
  void check_shares(std::uint64_t granted);
  bool may_be_left_with(std::size_t giver, double share) const;
  void note_holds();
  void check_rest();
  void check_calm();
  void check_end(bool abrupt);
  std::vector<account> accounts() const;
  std::uint64_t wanted() const;
  bool never() const;

  machine machine_;
  random& random_;
  verdict& found_;
  resources most_total_;
  std::uint64_t largest_ = 0;
  std::uint64_t most_taken_ = 0;  ///< May be.
  std::uint64_t most_wanted_ = 0; ///< At this time.
  clock::time_point wanted_at_{};
  std::uint64_t left_ = 0;               ///< Evicted and not gone, at the last step.
  std::vector<standing> last_, extreme_; ///< Of each account; the most and the least at this time.
  clock::time_point standings_at_{};
  std::vector<bool> held_for_; ///< Waits since some worker was ended, or longer.
  std::vector<std::unique_ptr<pool>> pools_;
  std::vector<std::shared_ptr<guest>> guests_;
};

} // namespace hotslot::sim

#endif
