// One key of a machine: its queue, its launcher, and workers that are slow, late, failing, stubborn or gone.
#ifndef HOTSLOT_TEST_SIM_POOL_HPP
#define HOTSLOT_TEST_SIM_POOL_HPP

#include "machine.hpp"

#include <hotslot/launcher.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <tuple>
#include <vector>

namespace hotslot::sim {

using pool_launcher = basic_launcher<pool_slot, pool_executor, pool_traits>;

class pool {
 public:
  pool(machine& m, std::string key, const resources& size_of_worker);

  /// The queue, for which there is a launcher where it is new.
  pool_queue look_up();
  void launch();
  void stop() { launcher_.reset(); }
  void reconfigure(const launcher_options& o);
  void recycle(std::uint64_t at_a_time);
  void cancel();
  void queue_by_hand();
  void fail_until(clock::time_point t) { failing_until_ = t; }
  void call(clock::time_point deadline, std::chrono::nanoseconds run);
  launcher_options some_options();

  /// Counts what is there now, none where there is no queue, and what has become of it since the last look.
  void look(const queue_snapshot* s);
  const queue_snapshot& seen() const noexcept { return seen_; }
  queue_totals totals() const noexcept;
  std::uint64_t unfinished() const noexcept { return begun_ - ended_; }
  std::uint64_t begun() const noexcept { return begun_; }

  /// Workers that are not gone, and factories that run.
  std::uint64_t there() const noexcept { return present_.size() + starts_.size(); }
  std::uint64_t evicted_leaving() const noexcept;
  /// What the account of the present launcher uses; `kept`: of it, without those that leave.
  std::uint64_t used(bool kept = false) const noexcept;
  bool may_have_account() const noexcept { return launcher_ && has_queue_; }
  /// A worker that came back from its call has been closed for somebody else in the last step.
  bool surrendered() const noexcept { return surrendered_; }
  /// Some worker was ended in it.
  bool ended_some() const noexcept { return ended_some_; }
  void check_rest();
  /// Whether every worker of the queue has been closed, and is gone.
  bool drained() const noexcept;

  const std::string key;
  const resources size;
  launcher_options options;
  std::optional<pool_queue> queue; ///< A handle; no more than now and then where there is a manager.
  std::vector<std::shared_ptr<pool_worker>> workers; ///< All that ever were.
  bool never = false;                                ///< A factory has been started that does not return.

 private:
  struct begun_start {
    std::uint64_t launcher;
    clock::time_point late_at;
  };
  class running_start;

  bool knows_its_workers() const noexcept;
  bool may_have_started();
  std::uint64_t not_closed() const noexcept;
  void launch_first(const pool_queue& q);
  void launch(const pool_queue& q);
  void check_recycling();
  asio::awaitable<pool_slot> start();
  pool_slot make_worker(std::uint64_t launcher);
  asio::awaitable<void> run_call(clock::time_point deadline, std::chrono::nanoseconds run);
  asio::awaitable<std::tuple<error_code, pool_lease>> acquire(clock::time_point deadline);
  asio::awaitable<void> use(pool_lease lease, std::chrono::nanoseconds run);
  pool_ticket enter();

  machine& of_;
  std::optional<pool_launcher> launcher_;
  std::uint64_t launchers_ = 0;
  std::uint64_t first_launcher_ = 1; ///< Of the present queue.
  bool has_queue_ = true;
  queue_snapshot seen_;
  queue_totals past_; ///< Of queues that were deleted.
  std::list<begun_start> starts_;
  std::list<std::shared_ptr<pool_worker>> present_; ///< Started, and not gone.
  std::list<std::shared_ptr<pool_worker>> open_;    ///< Not known to be closed.
  bool surrendered_ = false, ended_some_ = false;
  std::uint64_t begun_ = 0, ended_ = 0; ///< Calls.
  std::uint64_t tickets_ = 0;           ///< Of callers that do not wait yet.
  clock::time_point cancelled_at_{}, failing_until_{};
  bool failing_ = false;
  bool by_hand_ = false;
  std::uint64_t most_workers_ = 0; ///< That there might be at any time.
  std::uint64_t most_recycled_ = 0, recycled_before_ = 0, launched_before_ = 0;
};

} // namespace hotslot::sim

#endif
