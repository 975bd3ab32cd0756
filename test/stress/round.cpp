#include "round.hpp"
#include "checker.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <chrono>
#include <cstdlib>
#include <future>
#include <iostream>

namespace hotslot::stress {

namespace {

/// How likely each kind of step is, in the order of `round::step`: drawn anew for each round, so that some
/// happen in crowds.
template <std::size_t N>
std::array<std::uint32_t, N> some_weights(sim::random& r) {
  constexpr std::array<std::uint32_t, N> most = {8, 8, 8, 10, 4, 2, 4, 4, 3, 2, 1};
  std::array<std::uint32_t, N> weights;
  for (std::size_t i = 0; i < N; ++i)
    weights[i] = r.below(4 * most[i] + 1);
  weights[0] += 4;
  weights[3] += 4;
  return weights;
}

void await(std::future<void>& thread, std::uint64_t seed) {
  if (thread.wait_for(std::chrono::minutes(1)) == std::future_status::ready)
    return thread.get();
  std::cout << "seed " << seed << ": it never ended" << std::endl;
  std::_Exit(1); // the threads cannot be joined
}

} // namespace

round::round(std::uint64_t seed)
  : seed_(seed)
  , queue_(io_) {
  sim::random r(seed);
  weights_ = some_weights<step_count>(r);
  runners_ = 2 + r.below(thread_count - 1);
  const auto steps = static_cast<std::uint32_t>(steps_each * (thread_count - runners_ + actors_on_io));
  close_at_ = steps / 4 + r.below(steps); // perhaps only when all have acted
}

std::string round::run() {
  {
    const recording main(histories_.back(), seed_);
    run_threads();
    callers_.clear();
    dequeuers_.clear();
    tokens_.clear();
    snapshot();
  }
  history all;
  for (const history& h : histories_)
    all.append(h);
  const auto left = all.operations.back().seen;
  if (left.idle != 0 || left.busy != 0 || left.waiting != 0)
    return "a counter is not zero at the end";
  return check(std::move(all));
}

void round::run_threads() {
  sim::random r(seed_ + 1);
  auto work = asio::make_work_guard(io_);
  for (std::size_t i = 0; i < actors_on_io; ++i)
    asio::post(io_, [this, own = sim::random(r())] { act(own, steps_each); });
  std::vector<std::future<void>> running, acting;
  for (std::size_t i = 0; i < thread_count; ++i)
    (i < runners_ ? running : acting).push_back(start_thread(histories_[i], r(), i < runners_));
  acting.push_back(acted_.get_future());
  for (auto& a : acting)
    await(a, seed_);
  end_queue();
  work.reset();
  for (auto& t : running)
    await(t, seed_);
}

std::future<void> round::start_thread(history& h, std::uint64_t seed, bool runs_io) {
  return std::async(std::launch::async, [this, &h, seed, runs_io] {
    const recording mine(h, seed);
    if (runs_io) {
      io_.run();
      return;
    }
    sim::random r(seed);
    for (auto n = steps_each; n != 0; --n)
      step(r);
  });
}

void round::act(sim::random r, std::uint32_t steps) {
  step(r);
  if (steps != 1)
    asio::post(io_, [this, r, steps] { act(r, steps - 1); });
  else if (--acting_ == 0)
    acted_.set_value();
}

void round::end_queue() {
  sim::random r(seed_ + 2);
  close();
  for (auto& h : leases_.clear())
    give_back(std::move(h), r);
  drain(clock::time_point::max());
}

} // namespace hotslot::stress
