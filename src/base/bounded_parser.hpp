// What parsers of HTTP do not bound by themselves.
#pragma once

#include <boost/system/error_code.hpp>

#include <cstddef>
#include <cstdint>
#include <stdexcept>

namespace hotslot::base {

/// Refuses, as `too_large`, a chunk that says more beside its length than `most` bytes. For `on_chunk_header`
/// of a parser of Beast's, which it outlives.
struct chunk_bound {
  std::size_t most = 0;
  boost::system::error_code too_large = {};
  bool* seen_last = nullptr; ///< Set where that was the last one, behind which there is a trailer.

  template <class Text>
  void operator()(std::uint64_t size, const Text& extensions, boost::system::error_code& ec) const {
    if (size == 0 && seen_last)
      *seen_last = true;
    if (extensions.size() > most)
      ec = too_large;
  }
};

/// Newer versions of Beast say so, others throw.
template <class Error>
bool is_field_too_large(const boost::system::error_code& ec) {
  if constexpr (requires { Error::header_field_name_too_large; })
    return ec == Error::header_field_name_too_large || ec == Error::header_field_value_too_large;
  else
    return false;
}

/// As `parser.put`; a field that is longer than it can keep is `too_large`, too.
template <class Parser, class Buffers, class Error>
std::size_t put(Parser& parser, const Buffers& data, Error too_large, boost::system::error_code& ec) {
  try {
    const std::size_t n = parser.put(data, ec);
    if (is_field_too_large<Error>(ec))
      ec = too_large;
    return n;
  } catch (const std::length_error&) {
    ec = too_large;
  }
  return 0;
}

/// As they were sent, but for blanks.
template <class Fields>
std::size_t size_of_fields(const Fields& fields) {
  constexpr std::size_t colon_and_line_end = 3;
  std::size_t size = 0;
  for (const auto& field : fields)
    size += field.name_string().size() + field.value().size() + colon_and_line_end;
  return size;
}

} // namespace hotslot::base
