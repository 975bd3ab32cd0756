// What a trace has of one piece of work. Plain values.
#pragma once

#include "trace_context.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace hotslot::daemon {

/// The numbers are OTLP's.
enum class span_kind : std::uint8_t { internal = 1, server = 2, client = 3, consumer = 5 };

struct span_attribute {
  std::string_view key; ///< A literal.
  std::variant<std::string, std::int64_t, bool> value;
};

struct span {
  using clock = std::chrono::system_clock;

  trace_id trace{};
  span_id id{};
  span_id parent{};        ///< All zero: none.
  std::string trace_state; ///< As the caller's `tracestate`.
  std::string name;
  span_kind kind = span_kind::internal;
  clock::time_point begin;
  clock::time_point end;
  std::vector<span_attribute> attributes;
  bool failed = false;
  std::string why; ///< Of one that failed; may be empty.

  void set(std::string_view key, std::string value) { put({key, std::move(value)}); }
  void set(std::string_view key, std::int64_t value) { put({key, value}); }
  void set_flag(std::string_view key, bool value) { put({key, value}); }

 private:
  void put(span_attribute a) {
    for (auto& known : attributes)
      if (known.key == a.key) {
        known = std::move(a);
        return;
      }
    attributes.push_back(std::move(a));
  }
};

} // namespace hotslot::daemon
