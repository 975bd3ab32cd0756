// W3C Trace Context: which trace a request belongs to, as its headers say.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hotslot::daemon {

/// All zero where there is none.
using trace_id = std::array<std::uint8_t, 16>;
using span_id = std::array<std::uint8_t, 8>;

/// What one span hands on to those below it.
struct trace_context {
  trace_id trace{};
  span_id span{};
  bool sampled = false; ///< Whether whoever is above records it.

  friend bool operator==(const trace_context&, const trace_context&) = default;
};

/// The value of one `traceparent`; nothing where it is not valid. Later versions are read as far as they are
/// like version 00, as the specification asks.
std::optional<trace_context> parse_traceparent(std::string_view text) noexcept;

/// In version 00. Of the flags, only `sampled` is known here.
std::string format_traceparent(const trace_context& c);

/// Lower-case hexadecimal digits, two for each byte.
std::string to_hex(const trace_id& id);
std::string to_hex(const span_id& id);

/// Drawn from a generator of the thread, which the system has seeded; never all zero.
trace_id make_trace_id();
span_id make_span_id();

/// Whether a trace that begins here is one of the `ratio` that are recorded: the same for everybody who looks
/// at its id in this way.
bool is_sampled(const trace_id& id, double ratio) noexcept;

} // namespace hotslot::daemon
