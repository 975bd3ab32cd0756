// A slow and simple slot queue that is told what the real one did, and says whether that was right.
#ifndef HOTSLOT_TEST_SIM_ORACLE_HPP
#define HOTSLOT_TEST_SIM_ORACLE_HPP

#include "scheduler.hpp"

#include <hotslot/stats/queue_event.hpp>
#include <hotslot/stats/snapshot.hpp>

#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hotslot::sim {

/// What went wrong first, of everything that is checked in one run.
class verdict {
 public:
  void fail(std::string_view what, std::string_view detail = {});
  void check(bool right, const char* what) {
    if (!right)
      fail(what);
  }
  bool failed() const noexcept { return what_.has_value(); }
  const std::string& what() const { return *what_; }

 private:
  std::optional<std::string> what_;
};

/// Replays the events of one queue on lists that need no explanation.
class oracle {
 public:
  explicit oracle(verdict& v)
    : verdict_(v) {}

  void tell(const queue_event& e) noexcept;

  /// How many may wait from now on.
  void limit(std::uint64_t n) noexcept { limit_ = n; }
  /// A launcher has up to `n` workers.
  void launches(std::uint64_t n) noexcept { most_workers_ = n; }
  /// Slots are validated after so long, and reset after each call.
  void looks_after(clock::duration validate_after, bool resets) noexcept {
    validate_after_ = validate_after;
    resets_ = resets;
  }

  /// The oldest idle slot is lent first.
  void lends_oldest() noexcept { lends_oldest_ = true; }

  /// To be called between two steps.
  void check_rest() const;
  /// `not_begun`: callers that are counted as waiting and have not begun to wait.
  void check_snapshot(const queue_snapshot& s, std::uint64_t not_begun) const;
  /// After a call of `eject_idle`.
  void check_aged(clock::time_point cutoff, std::uint64_t keep) const;
  /// After everything has ended.
  void check_end() const;

  bool closed() const noexcept { return closed_; }
  std::size_t idle() const noexcept { return idle_.size(); }
  std::size_t waiting() const noexcept { return waiting_.size(); }
  std::size_t starting() const noexcept { return starting_; }
  std::size_t live() const noexcept;

 private:
  enum class place { moving, idle, granted, offered, leased, tended, closed };
  struct worker {
    place at = place::moving;
    std::uint64_t offer = 0;
    std::uint64_t wait = 0;
    clock::time_point idle_since{};
    bool retired = false;
    slot_task task{};
    bool offered_anew = false; ///< It was looked after, and has to be.
    bool not_reset = false;
    bool validated = false; ///< Or made, just now.
  };

  void step(const queue_event& e);
  void queued(const queue_event& e);
  void released(worker& w, const queue_event& e);
  void put_back(worker& w, const queue_event& e);
  void became_idle(worker& w, const queue_event& e);
  void granted(worker& w, const queue_event& e);
  void offered(worker& w, const queue_event& e);
  void acquired(worker& w, const queue_event& e);
  void tended(worker& w, const queue_event& e);
  void looked_after(worker& w, const queue_event& e);
  void closed_slot(worker& w, const queue_event& e);
  void leaked(const queue_event& e);
  void wait_begun(const queue_event& e);
  void wait_ended(const queue_event& e);
  void wait_resumed(const queue_event& e);
  void expect(bool right, const char* what, const queue_event& e) const;
  void take_from_idle(worker& w, const queue_event& e);
  worker* find(const queue_event& e);
  std::size_t count(place at) const noexcept;
  std::size_t validating() const noexcept;

  verdict& verdict_;
  std::map<std::uint64_t, worker> workers_;
  std::vector<worker*> idle_;           ///< In the order of their offers.
  std::deque<std::uint64_t> waiting_;   ///< Oldest first.
  std::map<std::uint64_t, bool> waits_; ///< Begun; whether still in progress.
  std::uint64_t last_wait_ = 0;
  std::uint64_t next_offer_ = 0;
  std::size_t starting_ = 0;
  queue_totals totals_;
  std::uint64_t most_workers_ = 0;
  clock::duration validate_after_ = clock::duration::max();
  bool resets_ = false;
  std::uint64_t limit_ = std::numeric_limits<std::uint64_t>::max();
  bool too_many_ = false; ///< The last wait that began is to be refused.
  bool closed_ = false;
  bool suspended_ = false;
  bool lends_oldest_ = false;
};

/// Makes an oracle for each queue that it is copied into.
class hook {
 public:
  struct registry {
    verdict& v;
    std::vector<std::shared_ptr<oracle>> oracles{};
  };

  hook() = default;
  explicit hook(registry& r) noexcept
    : registry_(&r) {}
  hook(const hook& other)
    : registry_(other.registry_) {
    if (registry_)
      registry_->oracles.push_back(oracle_ = std::make_shared<oracle>(registry_->v));
  }
  hook& operator=(const hook&) = delete;

  void operator()(const queue_event& e) noexcept {
    if (oracle_)
      oracle_->tell(e);
  }

 private:
  registry* registry_ = nullptr;
  std::shared_ptr<oracle> oracle_;
};

} // namespace hotslot::sim

#endif
