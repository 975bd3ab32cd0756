// Server-sent events, as they come in pieces.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace hotslot::ctl {

/// Finds the data of events in pieces of a stream, cut anywhere. Types, ids and comments are passed over.
class event_stream {
 public:
  using handler = std::function<void(std::string_view data)>;

  explicit event_stream(handler on_event)
    : on_event_(std::move(on_event)) {}

  /// Throws `failure` where an event is longer than any that hotslotd sends, and what the handler throws.
  void add(std::string_view piece);

 private:
  void take_line(std::string_view line);

  handler on_event_;
  std::string rest_; ///< Of a line.
  std::string data_; ///< Of an event.
};

} // namespace hotslot::ctl
