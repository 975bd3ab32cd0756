// A slot queue as simple as it can be: one thread, plain vectors, everything looked for from end to end.
#ifndef HOTSLOT_TEST_MODEL_MODEL_HPP
#define HOTSLOT_TEST_MODEL_MODEL_HPP

#include <hotslot/errc.hpp>
#include <hotslot/stats/snapshot.hpp>

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

namespace hotslot::model {

using time = std::chrono::milliseconds;
constexpr time never = time::max();
constexpr int no_slot = -1;

struct slot {
  enum class place { idle, granted, leased, closed, detached } at = place::idle;
  std::uint64_t offer = 0;
  time idle_since{};
  time leased_at{};
  std::optional<eject_reason> retired;
};

struct wait {
  enum class phase { waiting, granted, ended, told } at = phase::waiting;
  time since{};
  time deadline = never;
  int slot = no_slot;
  error_code result;
};

/// Slots and waits are known by their numbers, in the order in which they came.
class queue {
 public:
  explicit queue(time now)
    : now_(now) {}

  void queue_slot();
  int try_acquire();
  void release(int slot, bool dirty);
  void put_back(int slot);
  bool eject(int slot, std::uint64_t offer);
  void retire(int slot);
  void eject_idle(time cutoff, std::uint64_t keep);
  /// Those idle ones whose number has that remainder by 3. Returns how many.
  std::uint64_t eject_thirds(int remainder);
  void detach(int slot);
  void lend_oldest(bool yes) { lends_oldest_ = yes; }

  void suspend() { suspended_ = true; }
  void resume();

  void enter();
  void give_up();
  int try_acquire_counted();
  void acquire(time deadline, bool counted);
  void cancel(int wait);
  void cancel_all();
  void fail(error_code why, std::uint64_t n);
  void limit(std::uint64_t n) { limit_ = n; }
  void close();

  /// Completions come, and those that fall due until then.
  void run_until(time t);

  std::vector<slot> slots;
  std::vector<wait> waits;

  queue_snapshot snapshot() const;
  bool is_idle() const;
  bool closed() const noexcept { return closed_; }
  std::uint64_t live() const;
  std::uint64_t counted() const noexcept { return counted_; }

 private:
  struct average {
    bool seen = false;
    std::chrono::nanoseconds value{};
    void add(std::chrono::nanoseconds sample) {
      if (seen)
        value = (value + sample) / 2;
      seen = true;
    }
  };

  int newest_idle() const;
  int next_idle() const;
  int oldest_idle() const;
  int oldest_waiting() const;
  std::uint64_t count(wait::phase at) const;
  std::uint64_t count(slot::place at) const;
  void came_back(int slot);
  void offer_anew(int slot);
  void grant(int slot, int wait);
  void end(int wait, error_code why);
  void close_slot(int slot, eject_reason why);
  void tell_all();

  time now_;
  std::vector<int> order_; ///< Waiting ones, oldest first.
  std::uint64_t counted_ = 0;
  std::uint64_t next_offer_ = 0;
  std::uint64_t limit_ = std::numeric_limits<std::uint64_t>::max();
  queue_totals totals_;
  average waited_, ran_;
  bool closed_ = false;
  bool suspended_ = false;
  bool lends_oldest_ = false;
};

} // namespace hotslot::model

#endif
