// How many slots there are, and how many are on their way out.
#pragma once

#include <hotslot/detail/queue/queue_nodes.hpp>

#include <cassert>
#include <cstdint>

namespace hotslot::detail {

/// A slot lives from when it is queued until it is to be closed. Then it is closing until its `close()` has
/// returned, and, where a launcher has started it, leaving until nothing is left of its worker. Starts that
/// have failed, or are late, are ending until their factories have.
class slot_census {
 public:
  std::uint64_t live() const noexcept { return live_; }
  std::uint64_t closing() const noexcept { return closing_; }
  std::uint64_t leaving() const noexcept { return leaving_; }
  /// Of workers that a launcher has started and that are not gone.
  std::uint64_t detached() const noexcept { return detached_; }
  /// Of the live ones, those that no launcher has started.
  std::uint64_t by_hand() const noexcept { return by_hand_; }
  bool nothing_left() const noexcept { return live_ == 0 && closing_ == 0 && leaving_ == 0 && ending_ == 0; }

  void queued(const slot_node& s) noexcept {
    ++live_;
    by_hand_ += !s.launched;
  }
  void to_be_closed(const slot_node& s) noexcept {
    --live_;
    by_hand_ -= !s.launched;
    leaving_ += s.launched;
    ++closing_;
  }
  void closed() noexcept { --closing_; }
  /// It goes with its caller; whatever becomes of it, the queue does not wait for that.
  void detached(const slot_node& s) noexcept {
    --live_;
    by_hand_ -= !s.launched;
    detached_ += s.launched;
  }

  /// Nothing is left of the worker of a launched slot, or nobody looks after it any longer. The slot need not
  /// be closed yet.
  void left(slot_node& s) noexcept {
    assert(s.launched);
    s.launched = false;
    if (s.retired == eject_reason::detached)
      --detached_;
    else if (s.has_left())
      --leaving_;
    else
      ++by_hand_;
  }

  void enter_ending() noexcept { ++ending_; }
  void leave_ending() noexcept { --ending_; }
  /// One that has made a worker nobody wants, which is leaving.
  void ending_leaves() noexcept {
    --ending_;
    ++leaving_;
  }
  void unwanted_left() noexcept { --leaving_; }

 private:
  std::uint64_t live_ = 0;
  std::uint64_t by_hand_ = 0;
  std::uint64_t closing_ = 0;
  std::uint64_t leaving_ = 0;
  std::uint64_t ending_ = 0;
  std::uint64_t detached_ = 0;
};

} // namespace hotslot::detail
