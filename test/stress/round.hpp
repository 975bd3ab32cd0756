// One queue, four threads, and what they do to it.
#ifndef HOTSLOT_TEST_STRESS_ROUND_HPP
#define HOTSLOT_TEST_STRESS_ROUND_HPP

#include "recording.hpp"
#include "shelf.hpp"

#include <hotslot/slot_queue.hpp>

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>

#include <array>
#include <future>
#include <memory>
#include <string>

namespace hotslot::stress {

/// A slot that tells when it is closed.
struct numbered_slot {
  stamp number;
  void close() noexcept { here.into->closings.push_back({number, tick()}); }
};

/// What each thread tries follows from the seed; how the threads meet, and so what comes of it, does not.
class round {
 public:
  explicit round(std::uint64_t seed);

  /// What was wrong; empty where nothing was. Ends the program where an operation never ends.
  std::string run();

 private:
  using queue = basic_slot_queue<numbered_slot, asio::any_io_executor, traits>;
  using lease = queue::lease_type;
  using token = queue::token_type;
  using dequeuer = queue::dequeuer_type;
  using clock = queue::clock_type;
  using strand = asio::strand<asio::io_context::executor_type>;

  struct held_lease {
    lease value;
    stamp acquired; ///< The operation that did.
    bool touched;
  };

  /// A wait that can be cancelled, on its strand.
  struct caller {
    explicit caller(const strand& s)
      : executor(s) {}
    strand executor;
    asio::cancellation_signal signal;
    stamp waits = 0;
  };

  static constexpr std::size_t thread_count = 4;
  static constexpr std::size_t step_count = 11;
  static constexpr std::uint32_t steps_each = 60;
  static constexpr std::size_t actors_on_io = 4;

  void run_threads();
  std::future<void> start_thread(history& h, std::uint64_t seed, bool runs_io);
  void act(sim::random r, std::uint32_t steps);
  void step(sim::random& r);
  void end_queue();

  void queue_slot(sim::random& r);
  void try_acquire(sim::random& r);
  void async_acquire(sim::random& r);
  void acquired(operation o, error_code ec, lease l);
  void use(held_lease h, sim::random& r);
  void give_back(sim::random& r);
  void give_back(held_lease h, sim::random& r);
  void eject(sim::random& r);
  void retire(sim::random& r);
  void cancel_one(sim::random& r);
  void cancel_all();
  void snapshot();
  void close();
  void drain(clock::time_point deadline);
  void start_dequeuer(sim::random& r);
  void cancel_dequeuer(sim::random& r);
  asio::awaitable<void> dequeue(std::shared_ptr<dequeuer> d, sim::random r);
  void decide(dequeuer::offer_type offer, sim::random& r);
  clock::time_point some_deadline(sim::random& r);

  std::uint64_t seed_;
  std::size_t runners_; ///< Threads that run the context; the others act by themselves.
  std::array<std::uint32_t, step_count> weights_;
  std::uint32_t close_at_;
  std::atomic<std::uint32_t> steps_{0};
  std::atomic<std::size_t> acting_{actors_on_io};
  std::promise<void> acted_;
  std::array<history, thread_count + 1> histories_;
  asio::io_context io_;
  shelf<held_lease> leases_;
  shelf<token> tokens_;
  shelf<std::shared_ptr<caller>> callers_;
  shelf<std::shared_ptr<dequeuer>> dequeuers_;
  queue queue_;
};

} // namespace hotslot::stress

#endif
