// One simulated run: a queue or a manager of queues, and callers, workers and operators that use it at
// random.
#ifndef HOTSLOT_TEST_SIM_WORLD_HPP
#define HOTSLOT_TEST_SIM_WORLD_HPP

#include "oracle.hpp"
#include "traits.hpp"

#include <hotslot/launcher.hpp>
#include <hotslot/slot_queue.hpp>
#include <hotslot/slot_queue_manager.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace hotslot::sim {

struct worker_record {
  verdict& v;
  int closes = 0;
  bool in_use = false;
  bool unfit = false; ///< It was looked after in vain.
  bool detached = false;
};

class sim_slot {
 public:
  explicit sim_slot(std::shared_ptr<worker_record> r)
    : record_(std::move(r)) {}

  void close() noexcept {
    record_->v.check(++record_->closes == 1, "a slot was closed twice");
    record_->v.check(!record_->in_use, "a slot was closed in the hands of its caller");
  }

  /// What a call does with its worker, from `begin` to `end`.
  void begin() noexcept {
    record_->v.check(!record_->in_use, "two callers have one slot");
    record_->v.check(record_->closes == 0, "a caller has a closed slot");
    record_->v.check(!record_->unfit, "a caller has a slot that is not fit");
    record_->in_use = true;
  }
  void end() noexcept {
    record_->v.check(record_->closes == 0, "a slot was closed in the hands of its caller");
    record_->in_use = false;
  }

  const std::shared_ptr<worker_record>& record() const noexcept { return record_; }

 private:
  std::shared_ptr<worker_record> record_;
};

class sim_call {
 public:
  explicit sim_call(sim_slot& s)
    : slot_(s) {
    slot_.begin();
  }
  sim_call(const sim_call&) = delete;
  ~sim_call() { slot_.end(); }

 private:
  sim_slot& slot_;
};

using sim_traits = traits<hook>;
using sim_executor = asio::any_io_executor;
using sim_queue = basic_slot_queue<sim_slot, sim_executor, sim_traits>;
using sim_manager = basic_slot_queue_manager<sim_slot, std::string, sim_executor, sim_traits>;
using sim_launcher = basic_launcher<sim_slot, sim_executor, sim_traits>;
using sim_lease = sim_queue::lease_type;
using sim_ticket = sim_queue::ticket_type;
using sim_token = sim_queue::token_type;
using sim_dequeuer = sim_queue::dequeuer_type;

/// Whoever does things: a strand of its own, and what cancels what it does.
struct actor {
  actor(const scheduler::executor_type& ex, const char* name)
    : strand(ex)
    , doing(name) {}

  scheduler::executor_type strand;
  const char* doing;
  bool racing = false; ///< By awaitable operators, which know terminal cancellation only.
  asio::cancellation_signal signal{};
};

class world {
 public:
  explicit world(std::uint64_t seed);
  ~world();

  /// The whole run. Empty where nothing was wrong.
  std::string run();

 private:
  enum class setting { queue, launched_queue, manager };
  struct activity {
    const char* name;
    asio::awaitable<void> (world::*what)(std::shared_ptr<actor>);
  };

  // The run
  void set_up();
  void spawn(activity a);
  static asio::awaitable<void> live(world& w, activity a, std::shared_ptr<actor> self);
  void run_steps(std::uint32_t most);
  void run_to_rest();
  void check();
  void check_quiet();
  void close_all();
  bool anybody_lives() const;
  void end_orderly();
  void end_abruptly();
  void check_end(bool abrupt);

  // What goes on in it
  asio::awaitable<void> call(std::shared_ptr<actor> self);
  asio::awaitable<void> dequeue(std::shared_ptr<actor> self);
  asio::awaitable<void> work(std::shared_ptr<actor> self);
  asio::awaitable<void> operate(std::shared_ptr<actor> self);
  asio::awaitable<void> disturb(std::shared_ptr<actor> self);

  asio::awaitable<void> acquire_in_some_way(std::shared_ptr<actor> self);
  asio::awaitable<void> acquire_plainly(std::shared_ptr<actor> self);
  asio::awaitable<void> acquire_or_throw(std::shared_ptr<actor> self);
  asio::awaitable<void> acquire_or_time(std::shared_ptr<actor> self);
  asio::awaitable<void> acquire_or_acquire(std::shared_ptr<actor> self);
  asio::awaitable<void> acquire_and_acquire(std::shared_ptr<actor> self);
  asio::awaitable<void> acquire_by_ticket(std::shared_ptr<actor> self);
  asio::awaitable<void> acquire_by_callback(std::shared_ptr<actor> self);
  asio::awaitable<void> try_to_acquire(std::shared_ptr<actor> self);
  asio::awaitable<void> use(sim_lease lease);
  asio::awaitable<void> detach(sim_lease lease);
  void finish(sim_lease& lease);
  void put_on_shelf(sim_lease lease);
  asio::awaitable<void> handle(sim_dequeuer::offer_type offer);
  void cancel_later(std::shared_ptr<sim_dequeuer> d, std::shared_ptr<bool> cancelled, const actor& self);
  void watch(const sim_token& token, const actor& self);
  void eject(sim_token& token, const worker_record& record);
  void operate_on_queue(const actor& self);
  void operate_on_others();
  void bound(sim_queue& q);
  void suspend(sim_queue& q);
  void wait_idle(sim_queue& q, const actor& self);
  void age(sim_queue& q);
  void forget_queues();
  void drain(sim_queue& q, const actor& self);
  void check_result(const error_code& ec, clock::time_point begun, clock::time_point deadline);

  asio::awaitable<void> pause();
  asio::awaitable<sim_slot> make_worker();
  sim_queue::upkeep_type some_upkeep();
  void watch_leases();
  asio::awaitable<bool> look_after(sim_slot& s);
  const std::string& some_key();
  sim_queue some_queue();
  sim_ticket some_ticket();
  std::shared_ptr<worker_record> new_record();
  clock::time_point some_deadline();
  clock::duration some_time();

  verdict verdict_;
  sim::random random_;
  hook::registry registry_{verdict_};
  setting setting_;
  std::optional<scheduler> scheduler_;
  std::optional<sim_queue> queue_;
  std::optional<sim_manager> manager_;
  std::optional<sim_launcher> launcher_;
  std::vector<std::shared_ptr<worker_record>> records_;
  std::vector<std::weak_ptr<actor>> actors_;
  std::vector<sim_lease> shelf_;            ///< Leases on their way from one actor to another.
  std::vector<sim_token> tokens_;           ///< Of workers, for anybody to eject.
  std::uint64_t not_begun_ = 0;             ///< Tickets that are not spent.
  std::uint32_t pending_ = 0;               ///< Callbacks that have to come.
  std::multiset<std::uint64_t> idle_waits_; ///< For so many, of a queue without a manager.
  bool closing_ = false;                    ///< A queue was closed by somebody.
  bool ending_ = false;
  bool bounded_ = false;
  bool bounding_ = false;
  bool looks_after_ = false; ///< The queue has an upkeep.
};

} // namespace hotslot::sim

#endif
