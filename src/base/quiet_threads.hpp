// Threads for work that nobody should wait for.
#pragma once

#include "blocked_signals.hpp"

#include <cstddef>
#include <optional>

namespace hotslot::base {

/// A pool of Asio's whose threads block all signals: those are for the program's own threads.
template <class Pool>
class quiet_threads {
 public:
  explicit quiet_threads(std::size_t n) {
    const blocked_signals none;
    pool_.emplace(n);
  }

  typename Pool::executor_type executor() { return pool_->get_executor(); }

 private:
  std::optional<Pool> pool_;
};

} // namespace hotslot::base
