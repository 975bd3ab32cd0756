// Writing JSON from left to right: members and elements in turn, commas where they are due.
#pragma once

#include "text.hpp"

#include "base/number.hpp"
#include "base/text.hpp"

#include <hotslot/stats/snapshot.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace hotslot::http {

/// Opens on construction, closes on destruction.
class object_writer {
 public:
  explicit object_writer(std::string& out)
    : out_(out) {
    out_ += '{';
  }
  ~object_writer() { out_ += '}'; }
  object_writer(const object_writer&) = delete;
  object_writer& operator=(const object_writer&) = delete;

  /// The text to which the member's value has to be appended.
  std::string& member(std::string_view name) {
    if (!first_)
      out_ += ',';
    first_ = false;
    out_ += '"';
    out_ += name;
    out_ += "\":";
    return out_;
  }

  void number(std::string_view name, std::uint64_t value) { base::append_number(member(name), value); }
  void boolean(std::string_view name, bool value) { member(name) += value ? "true" : "false"; }
  void string(std::string_view name, std::string_view value) {
    base::append_json_string(member(name), value);
  }
  void milliseconds(std::string_view name, std::chrono::nanoseconds value) {
    append_milliseconds(member(name), value);
  }

 private:
  std::string& out_;
  bool first_ = true;
};

/// Appends an array, of which `write(out, element)` appends each element.
template <class Range, class Write>
void append_array(std::string& out, const Range& elements, Write write) {
  out += '[';
  bool first = true;
  for (const auto& e : elements) {
    if (!first)
      out += ',';
    first = false;
    write(out, e);
  }
  out += ']';
}

void append_failure(std::string& out, const failure_view& f);

/// With its count, sum and percentiles.
void append_histogram(std::string& out, const latency_histogram& h);

/// A queue with its counts, as both documents have it.
void append_queue(std::string& out, const named_queue_snapshot& named);

} // namespace hotslot::http
