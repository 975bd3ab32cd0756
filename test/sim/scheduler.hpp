// An execution context that runs what is ready in an order drawn from a seed, on virtual time.
#ifndef HOTSLOT_TEST_SIM_SCHEDULER_HPP
#define HOTSLOT_TEST_SIM_SCHEDULER_HPP

#include "random.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/execution_context.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace hotslot::sim {

namespace asio = boost::asio;

/// The time of the scheduler that this thread simulates, or simulated last.
struct clock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<clock>;
  static constexpr bool is_steady = true;
  static time_point now() noexcept { return now_; }

 private:
  friend class scheduler;
  static thread_local time_point now_;
};

/// Single-threaded. Several threads are simulated by preemption: wherever a simulated mutex is taken or given
/// up, other ready work may run first, nested, as it could on another thread. Work of one strand never runs
/// nested in work of the same strand, and runs in the order it came in.
///
/// Time stands still while anything is ready.
class scheduler : public asio::execution_context {
 public:
  class executor_type;
  using strand_id = std::uint32_t;

  /// `preempt_in`: one in so many mutex operations is preempted; 0 for none.
  scheduler(std::uint64_t seed, std::uint32_t preempt_in);
  ~scheduler();

  executor_type get_executor() noexcept;
  executor_type make_strand() noexcept;

  /// Runs one ready task, or lets time pass to the next timer. False where there is neither.
  bool step();

  /// Runs all that is ready by `t`, and lets time pass until then.
  void run_until(clock::time_point t);

  /// Whether nothing is ready: time passes before anything happens.
  bool rests() const noexcept { return ready_.empty(); }

  void stop_preempting() noexcept { preempt_in_ = 0; }
  /// From now on what is ready first runs first.
  void keep_order() noexcept { in_order_ = true; }
  /// How many tasks have begun so far.
  std::uint64_t tasks() const noexcept { return tasks_; }

  /// Where another thread could get ahead of this one.
  static void preempt() noexcept {
    if (current_)
      current_->let_others();
  }

  /// The strand of the task that runs; 0 outside of all strands.
  strand_id strand() const noexcept { return active_.empty() ? 0 : active_.back(); }
  bool running() const noexcept { return !active_.empty(); }

  /// A wait for a point in time. Owned by the scheduler until it is ended or destroyed.
  struct timer_wait {
    virtual ~timer_wait() = default;
    /// Sends its completion off, and leaves nothing behind.
    virtual void end(bool cancelled) = 0;
    clock::time_point at{};
    const void* timer = nullptr;
    std::uint64_t id = 0;
  };
  std::uint64_t add(std::unique_ptr<timer_wait> wait);
  void cancel_wait(std::uint64_t id);
  std::size_t cancel_timer(const void* timer);

 private:
  struct task {
    virtual ~task() = default;
    virtual void run() = 0;
  };
  template <class F>
  struct task_of final : task {
    explicit task_of(F&& f)
      : function(std::move(f)) {}
    explicit task_of(const F& f)
      : function(f) {}
    void run() override { std::move(function)(); }
    F function;
  };
  struct ready_task {
    strand_id strand;
    std::unique_ptr<task> work;
  };

  void push(strand_id strand, std::unique_ptr<task> work) {
    if (!ending_)
      ready_.push_back({strand, std::move(work)});
  }
  bool may_inline(strand_id strand) noexcept;
  bool is_active(strand_id strand) const noexcept;
  void let_others() noexcept;
  void run(std::size_t at);
  std::size_t pick() noexcept;
  bool pass_time(clock::time_point latest);
  void drop_everything();

  static constexpr std::size_t none = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_depth = 4;
  static thread_local scheduler* current_;

  sim::random random_;
  std::uint32_t preempt_in_;
  std::vector<ready_task> ready_;
  std::vector<std::unique_ptr<timer_wait>> waits_;
  std::vector<strand_id> active_;
  strand_id last_strand_ = 0;
  std::uint64_t last_wait_ = 0;
  std::uint64_t tasks_ = 0;
  bool in_order_ = false;
  bool ending_ = false;
};

/// An Asio executor; 0 is no strand.
class scheduler::executor_type {
 public:
  executor_type(scheduler& s, strand_id strand, bool never_blocks = false) noexcept
    : scheduler_(&s)
    , strand_(strand)
    , never_blocks_(never_blocks) {}

  template <class F>
  void execute(F&& f) const {
    using function = std::decay_t<F>;
    if (!never_blocks_ && scheduler_->may_inline(strand_)) {
      function copy(std::forward<F>(f));
      std::move(copy)();
    } else {
      scheduler_->push(strand_, std::make_unique<task_of<function>>(std::forward<F>(f)));
    }
  }

  scheduler& query(asio::execution::context_t) const noexcept { return *scheduler_; }
  asio::execution::blocking_t query(asio::execution::blocking_t) const noexcept {
    return never_blocks_ ? asio::execution::blocking_t(asio::execution::blocking.never)
                         : asio::execution::blocking_t(asio::execution::blocking.possibly);
  }
  executor_type require(asio::execution::blocking_t::never_t) const noexcept {
    return {*scheduler_, strand_, true};
  }
  executor_type require(asio::execution::blocking_t::possibly_t) const noexcept {
    return {*scheduler_, strand_, false};
  }
  strand_id strand() const noexcept { return strand_; }

  friend bool operator==(const executor_type& a, const executor_type& b) noexcept {
    return a.scheduler_ == b.scheduler_ && a.strand_ == b.strand_ && a.never_blocks_ == b.never_blocks_;
  }
  friend bool operator!=(const executor_type& a, const executor_type& b) noexcept { return !(a == b); }

 private:
  scheduler* scheduler_;
  strand_id strand_;
  bool never_blocks_;
};

inline scheduler::executor_type scheduler::get_executor() noexcept { return {*this, 0}; }
inline scheduler::executor_type scheduler::make_strand() noexcept { return {*this, ++last_strand_}; }

} // namespace hotslot::sim

#endif
