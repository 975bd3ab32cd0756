// One queue and its workers in virtual time, driven by a scaling policy.
#ifndef HOTSLOT_TEST_POLICIES_POOL_MODEL_HPP
#define HOTSLOT_TEST_POLICIES_POOL_MODEL_HPP

#include "trace.hpp"

#include <hotslot/detail/queue/slot_stats.hpp>
#include <hotslot/policies/backoff.hpp>
#include <hotslot/policies/scaling.hpp>

#include <cstdint>
#include <deque>
#include <queue>
#include <string>
#include <vector>

namespace policysim {

struct outcome {
  std::vector<time> waits; ///< Of each call, sorted.
  time last_done{};
  std::uint64_t cold_starts = 0; ///< Begun, failed ones too.
  std::uint64_t workers = 0;     ///< The most that there were at once.
  time paid{};                   ///< Worker time, starts included.
  std::vector<std::string> faults;

  time wait_percentile(unsigned percent) const;
};

/// Calls wait first come, first served; idle workers serve newest first and end after the idle timeout. As
/// hotslot's launcher, it asks the policy when a call begins to wait, when a worker has ended and when a
/// start has failed, and at the latest when the policy wanted it; after a failed start it backs off and tries
/// one at a time.
class pool_model {
 public:
  static constexpr std::uint64_t max_workers = 250;

  pool_model(const trace& t, hotslot::scaling_policy policy, time idle_timeout = std::chrono::seconds(30))
    : trace_(t)
    , policy_(std::move(policy))
    , idle_timeout_(idle_timeout) {}

  /// Until all is served and the trace's end has come. Precondition: called once.
  outcome run();

 private:
  enum class kind : std::uint8_t { arrival, call_done, start_done, ask, idle_out };
  struct event {
    time at;
    std::uint64_t order;
    kind what;
    time lasted; ///< What is done now: since its beginning.
    friend bool operator>(const event& a, const event& b) {
      return a.at != b.at ? a.at > b.at : a.order > b.order;
    }
  };

  void schedule(time after, kind what) { events_.push({now_ + after, order_++, what, after}); }
  void handle(const event& e);
  void pay_until(time t);
  void arrive();
  void serve(time waited, time runs);
  void worker_free();
  void finish_start(const event& e);
  void end_idle(std::uint64_t n);
  void ask();
  void check(const hotslot::scaling_input& in, const hotslot::scaling_decision& d);
  std::uint64_t allowed(std::uint64_t wanted) const;
  void wake_at(time t);
  std::uint64_t workers() const { return idle_since_.size() + busy_ + starting(); }
  std::uint64_t starting() const { return stats_.count(hotslot::queue_state::starter); }

  const trace& trace_;
  hotslot::scaling_policy policy_;
  time idle_timeout_;
  std::priority_queue<event, std::vector<event>, std::greater<>> events_;
  std::uint64_t order_ = 0;
  time now_{};
  std::size_t arrived_ = 0;
  hotslot::slot_stats stats_;
  hotslot::queue_totals totals_;
  std::deque<call> waiting_;
  std::deque<time> idle_since_; ///< Newest last.
  std::uint64_t busy_ = 0;
  std::uint32_t failures_ = 0;
  time not_before_{};
  time wake_ = time::max(); ///< The earliest `ask` on the way.
  outcome out_;
};

} // namespace policysim

#endif
