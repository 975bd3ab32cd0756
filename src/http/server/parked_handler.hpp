// Room for the one coroutine that waits until somebody resumes it by hand.
#pragma once

#include <cassert>
#include <cstddef>
#include <new>
#include <utility>

namespace hotslot::http::detail {

/// Holds a move-only nullary handler in place, so that parking one allocates nothing.
class parked_handler {
 public:
  parked_handler() = default;
  ~parked_handler() { reset(); }
  parked_handler(const parked_handler&) = delete;
  parked_handler& operator=(const parked_handler&) = delete;

  explicit operator bool() const noexcept { return act_ != nullptr; }

  template <class Handler>
  void park(Handler handler) {
    static_assert(sizeof(Handler) <= sizeof room_ && alignof(Handler) <= alignof(std::max_align_t));
    assert(!act_);
    new (room_) Handler(std::move(handler));
    act_ = [](void* room, bool invoke) {
      auto* parked = std::launder(static_cast<Handler*>(room));
      Handler taken(std::move(*parked));
      parked->~Handler();
      if (invoke)
        std::move(taken)();
    };
  }

  /// Resumes it. Another may be parked before this returns.
  void resume() { std::exchange(act_, nullptr)(room_, true); }

  /// Destroys it without resuming it.
  void reset() {
    if (act_)
      std::exchange(act_, nullptr)(room_, false);
  }

 private:
  alignas(std::max_align_t) std::byte room_[64];
  void (*act_)(void*, bool) = nullptr;
};

} // namespace hotslot::http::detail
