// A slot for tests: counts how often it was closed.
#ifndef HOTSLOT_TEST_ASIO_TEST_SLOT_HPP
#define HOTSLOT_TEST_ASIO_TEST_SLOT_HPP

#include <atomic>
#include <memory>

struct test_slot {
  explicit test_slot(int n)
    : number(n) {}

  int number;
  std::shared_ptr<std::atomic<int>> closed = std::make_shared<std::atomic<int>>(0);

  void close() noexcept { ++*closed; }
};

#endif
