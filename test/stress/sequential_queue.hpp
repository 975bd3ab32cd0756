// The slot queue of docs/contract.md for one thread, which says whether an event is what it would have done.
#ifndef HOTSLOT_TEST_STRESS_SEQUENTIAL_QUEUE_HPP
#define HOTSLOT_TEST_STRESS_SEQUENTIAL_QUEUE_HPP

#include "history.hpp"

#include <array>
#include <map>
#include <set>
#include <stdexcept>

namespace hotslot::stress {

/// What is wrong with a history.
struct wrong : std::runtime_error {
  using std::runtime_error::runtime_error;
};

enum class place : std::uint8_t { moving, idle, granted, offered, leased, closed };

/// A queue at rest.
struct rest_state {
  counts count;
  std::uint64_t live = 0;
  bool closed = false;
};

class sequential_queue {
 public:
  /// Throws `wrong` where the contract does not allow the event now.
  void apply(const queue_event& e);
  /// Throws `wrong` where something is left undone that belongs to the same step.
  void check_rest() const;
  void check_end() const;

  rest_state state() const;

  struct worker {
    place at = place::moving;
    std::uint64_t offer = 0;
    std::uint64_t wait = 0;
  };
  const worker& at(std::uint64_t id) const { return workers_.at(id); }

 private:
  void apply_to_slot(worker& w, const queue_event& e);
  void queued(const queue_event& e);
  void released(worker& w, const queue_event& e);
  void put_back(worker& w);
  void became_idle(worker& w, const queue_event& e);
  void granted(worker& w, const queue_event& e);
  void offered(worker& w, const queue_event& e);
  void acquired(worker& w, const queue_event& e);
  void closed(worker& w, const queue_event& e);
  void wait_begun(const queue_event& e);
  void wait_resumed(const queue_event& e);
  void wait_ended(const queue_event& e);
  void new_offer(std::uint64_t id);
  void deliver(const worker& w, const queue_event& e);
  void take_newest_idle(const worker& w);
  void move(worker& w, place to);
  std::uint64_t count(place p) const { return in_[static_cast<std::size_t>(p)]; }

  std::map<std::uint64_t, worker> workers_;
  std::array<std::uint64_t, 6> in_{}; ///< How many are in each place.
  std::set<std::uint64_t> idle_;      ///< Offers: the newest leaves first.
  std::set<std::uint64_t> waiting_;   ///< Waits, which are numbered as they came: the first is served first.
  std::map<std::uint64_t, std::uint64_t> granted_; ///< Wait -> worker.
  std::uint64_t next_offer_ = 0;
  std::uint64_t last_wait_ = 0;
  std::uint64_t acquired_ = 0;
  bool closed_ = false;
};

} // namespace hotslot::stress

#endif
