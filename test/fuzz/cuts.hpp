// A message and how it is cut, both out of a fuzzer's bytes.
#ifndef HOTSLOT_TEST_FUZZ_CUTS_HPP
#define HOTSLOT_TEST_FUZZ_CUTS_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace hotslot::test {

/// The first byte says how many of the next are lengths of pieces; what they leave is the last piece.
class cut_message {
 public:
  cut_message(const std::uint8_t* data, std::size_t size) {
    if (size == 0)
      return;
    const std::size_t count = std::min<std::size_t>(data[0] % 16, size - 1);
    cuts_ = {reinterpret_cast<const char*>(data + 1), count};
    text_ = {reinterpret_cast<const char*>(data + 1 + count), size - 1 - count};
  }

  std::string_view whole() const noexcept { return text_; }

  /// Calls `take` with one piece after the other, while it answers yes.
  template <class Take>
  void for_each_piece(Take take) const {
    std::string_view rest = text_;
    for (const char length : cuts_) {
      const auto piece = rest.substr(0, static_cast<unsigned char>(length));
      rest.remove_prefix(piece.size());
      if (!piece.empty() && !take(piece))
        return;
    }
    if (!rest.empty())
      take(rest);
  }

 private:
  std::string_view cuts_;
  std::string_view text_;
};

} // namespace hotslot::test

#endif
