// std::jthread, which LLVM's standard library has by 20 only.
#ifndef HOTSLOT_TEST_JOINING_THREAD_HPP
#define HOTSLOT_TEST_JOINING_THREAD_HPP

#include <thread>
#include <utility>

class joining_thread {
 public:
  template <class F>
  explicit joining_thread(F body)
    : thread_(std::move(body)) {}
  joining_thread(joining_thread&&) = default;
  ~joining_thread() { join(); }

  void join() {
    if (thread_.joinable())
      thread_.join();
  }

 private:
  std::thread thread_;
};

#endif
