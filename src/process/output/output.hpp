// Which call a line of a function's output belongs to.
#pragma once

#include "output_pipes.hpp"

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hotslot::process::detail {

/// The calls that a worker was sent last, numbered from 1, and where in its outputs each begins: what a
/// function writes before it answers belongs to that call, however late it is read. What is written before
/// the first belongs to number 0, which has no id.
///
/// Thread safe: calls begin on their callers' threads. Keeps those that something unread may belong to, up to
/// 1024, and a few more. Allocates only where reading lags behind further than ever before, and where an id
/// is longer than those that had its place.
class recent_calls {
 public:
  static constexpr std::size_t at_first = 8;
  static constexpr std::size_t at_most = 1024;
  using places = output_pipes::places;

  recent_calls()
    : ring_(at_first) {}

  /// With how much the worker had written by then.
  void begin(std::string_view id, const places& written);

  /// The number of the call that a place belongs to; of those that are kept, and not before `from`. Its id
  /// goes into `id` where it is another. Places of one stream only grow.
  std::uint64_t find(std::size_t stream, std::uint64_t place, std::uint64_t from, std::string& id) const;

  /// The number of the call of that id, where it is one of those kept.
  std::optional<std::uint64_t> find(std::string_view id) const;

  /// Counts what was written in a call, and returns how much it was before. One that is not kept any more is
  /// counted to the oldest.
  std::uint64_t charge(std::uint64_t call, std::uint64_t bytes);

  /// Lines before `place` will not be asked for any more.
  void forget_before(std::size_t stream, std::uint64_t place);

 private:
  struct call {
    std::string id;
    places begin{};
    std::uint64_t bytes = 0;
  };

  // The ring's size is a power of two.
  call& at(std::uint64_t number) { return ring_[number & (ring_.size() - 1)]; }
  const call& at(std::uint64_t number) const { return ring_[number & (ring_.size() - 1)]; }
  bool is_over(std::uint64_t number) const;
  void make_room();
  void grow();

  mutable std::mutex mutex_;
  std::uint64_t first_ = 0;
  std::uint64_t last_ = 0;
  std::vector<call> ring_;
  places read_{};
};

/// The lines of one stream, each with the call in which its first byte was written.
///
/// A framed stream tells by itself, also where its writer keeps lines back. An FDK writes an empty line and
/// the frame when a call begins; both are left out. A frame counts only where it names a call that the worker
/// has been sent, and not one from before the last frame's: so nobody gets a limit anew, or writes under
/// another worker's call.
class attributed_lines {
 public:
  attributed_lines(std::size_t stream, recent_calls& calls, bool framed)
    : stream_(stream)
    , calls_(calls)
    , framed_(framed) {}

  /// `emit(line, call id, bytes that the call had written before)`; `place` is where the line begins.
  template <class Emit>
  void take(std::string_view line, std::uint64_t place, Emit&& emit) {
    if (framed_ && take_frame(line)) {
      held_.reset();
      return;
    }
    finish(emit);
    if (framed_ && line.empty())
      held_ = place; // it may be a frame's
    else
      pass(line, place, emit);
  }

  template <class Emit>
  void finish(Emit&& emit) {
    if (held_)
      pass({}, *held_, emit);
    held_.reset();
  }

  /// The next line will begin there.
  void read_to(std::uint64_t place) { calls_.forget_before(stream_, held_.value_or(place)); }

 private:
  bool take_frame(std::string_view line);

  void pass(std::string_view line, std::uint64_t place, auto& emit) {
    if (!frame_seen_)
      call_ = calls_.find(stream_, place, call_, id_);
    const std::uint64_t before = calls_.charge(call_, line.size() + 1);
    emit(line, std::string_view(id_), before);
  }

  const std::size_t stream_;
  recent_calls& calls_;
  const bool framed_;
  bool frame_seen_ = false;
  std::optional<std::uint64_t> held_; ///< Where an empty line begins.
  std::uint64_t call_ = 0;
  std::string id_;
};

} // namespace hotslot::process::detail
