// The identity of a slot queue: a digest of what makes one kind of work.
#ifndef HOTSLOT_SLOT_KEY_HPP
#define HOTSLOT_SLOT_KEY_HPP

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <string_view>

namespace hotslot {

struct call_identity;

/// Which digest.
enum class key_digest : std::uint8_t {
  sha256, ///< The default.
  sha1,   ///< Fn's. Collisions are practical: only to meet keys that Fn computed.
};

/// A digest as a value: comparable, hashable, 33 bytes.
class slot_key {
 public:
  slot_key() = default;

  /// Digest of `fields` in their order, each followed by one NUL byte.
  ///
  /// Throws `system_error` with `errc::invalid_key_field` where a field holds a NUL byte, since then two
  /// lists of fields could have one digest.
  static slot_key of(std::span<const std::string_view> fields, key_digest digest = key_digest::sha256);
  /// The same of a list.
  static slot_key of(std::initializer_list<std::string_view> fields, key_digest digest = key_digest::sha256) {
    return of(std::span(fields.begin(), fields.size()), digest);
  }

  std::span<const std::uint8_t> bytes() const noexcept { return {bytes_.data(), size_}; }
  /// In hexadecimal digits.
  std::string hex() const;

  friend bool operator==(const slot_key&, const slot_key&) = default;
  friend std::strong_ordering operator<=>(const slot_key&, const slot_key&) = default;

 private:
  friend slot_key make_slot_key(const call_identity& call, key_digest digest);
  static slot_key of(std::span<const char> text, key_digest digest);

  std::array<std::uint8_t, 32> bytes_{};
  std::uint8_t size_ = 0;
};

/// What Fn makes a key of.
struct call_identity {
  std::string_view app_name;
  std::string_view path;
  std::string_view image;
  std::int32_t timeout_s = 0;
  std::int32_t idle_timeout_s = 0;
  std::uint64_t memory_mb = 0;
  std::string_view format;
  std::map<std::string, std::string> config;
};

/// The key of a call: Fn's fields in Fn's order, configuration sorted by name.
/// With `key_digest::sha1` it is Fn's key, byte for byte. Throws like `slot_key::of`.
slot_key make_slot_key(const call_identity& call, key_digest digest = key_digest::sha256);

} // namespace hotslot

template <>
struct std::hash<hotslot::slot_key> {
  using is_avalanching = void; // Boost's containers need not mix it any further

  std::size_t operator()(const hotslot::slot_key& key) const noexcept {
    std::size_t h = 0;
    if (!key.bytes().empty())
      std::memcpy(&h, key.bytes().data(), sizeof h);
    return h;
  }
};

#endif
