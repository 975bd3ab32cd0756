#include <hotslot/errc.hpp>
#include <hotslot/slot_key.hpp>

#include <boost/algorithm/hex.hpp>
#include <boost/system/system_error.hpp>
#include <openssl/evp.h>

#include <algorithm>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <iterator>
#include <memory>
#include <new>
#include <stdexcept>
#include <utility>

namespace hotslot {
namespace {

// Fetched once: a fetch per key costs more than the digest.
const EVP_MD* fetched(key_digest digest) {
  static EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  static EVP_MD* const sha1 = EVP_MD_fetch(nullptr, "SHA1", nullptr);
  return digest == key_digest::sha1 ? sha1 : sha256;
}

struct free_context {
  void operator()(EVP_MD_CTX* c) const noexcept { EVP_MD_CTX_free(c); }
};

// One context a thread, reused: making one costs an allocation and its set-up.
EVP_MD_CTX* thread_context() {
  thread_local std::unique_ptr<EVP_MD_CTX, free_context> ctx;
  if (!ctx)
    ctx.reset(EVP_MD_CTX_new());
  if (!ctx)
    throw std::bad_alloc();
  return ctx.get();
}

/// What is digested: fields, each followed by one NUL byte. Mostly short enough to need no allocation.
class field_bytes {
 public:
  void add(std::string_view field) {
    char* const to = room_for(field.size() + 1);
    field.copy(to, field.size());
    end_field(to + field.size());
  }
  void add(std::integral auto number) {
    constexpr std::size_t digits = 21;
    char* const to = room_for(digits + 1);
    end_field(std::to_chars(to, to + digits, number).ptr);
  }

  /// Throws where a field holds a NUL byte.
  std::span<const char> bytes() const {
    if (count_nul() != fields_)
      throw boost::system::system_error(make_error_code(errc::invalid_key_field));
    return {data_, size_};
  }

 private:
  // In pieces whose count fits a byte, which compilers turn into vector instructions.
  std::size_t count_nul() const noexcept {
    std::size_t n = 0;
    for (std::size_t at = 0; at < size_; at += 255) {
      std::uint8_t in_piece = 0;
      for (const char c : std::string_view(data_, size_).substr(at, 255))
        in_piece = static_cast<std::uint8_t>(in_piece + (c == '\0'));
      n += in_piece;
    }
    return n;
  }

  char* room_for(std::size_t more) {
    if (more > capacity_ - size_) [[unlikely]]
      grow(more);
    return data_ + size_;
  }

  void grow(std::size_t more) {
    capacity_ = 2 * (size_ + more);
    auto bytes = std::make_unique_for_overwrite<char[]>(capacity_);
    std::copy_n(data_, size_, bytes.get());
    long_ = std::move(bytes);
    data_ = long_.get();
  }

  void end_field(char* end) noexcept {
    *end++ = '\0';
    size_ = static_cast<std::size_t>(end - data_);
    ++fields_;
  }

  char short_[512];
  std::unique_ptr<char[]> long_;
  char* data_ = short_;
  std::size_t capacity_ = sizeof short_;
  std::size_t size_ = 0;
  std::size_t fields_ = 0;
};

void check(int ok) {
  if (ok != 1)
    throw std::runtime_error("OpenSSL refused the digest");
}

} // namespace

slot_key slot_key::of(std::span<const std::string_view> fields, key_digest digest) {
  field_bytes text;
  for (auto f : fields)
    text.add(f);
  return of(text.bytes(), digest);
}

slot_key slot_key::of(std::span<const char> text, key_digest digest) {
  slot_key key;
  unsigned length = 0;
  EVP_MD_CTX* const ctx = thread_context();
  const EVP_MD* const md = fetched(digest);
  check(md != nullptr); // a context that is told none goes on with the last one
  check(EVP_DigestInit_ex2(ctx, md, nullptr));
  check(EVP_DigestUpdate(ctx, text.data(), text.size()));
  check(EVP_DigestFinal_ex(ctx, key.bytes_.data(), &length));
  key.size_ = static_cast<std::uint8_t>(length);
  return key;
}

std::string slot_key::hex() const {
  std::string out;
  out.reserve(2 * size_);
  const auto all = bytes();
  boost::algorithm::hex_lower(all.begin(), all.end(), std::back_inserter(out));
  return out;
}

slot_key make_slot_key(const call_identity& call, key_digest digest) {
  field_bytes text;
  text.add(call.app_name);
  text.add(call.path);
  text.add(call.image);
  text.add(call.timeout_s);
  text.add(call.idle_timeout_s);
  text.add(call.memory_mb);
  text.add(call.format);
  for (const auto& [name, value] : call.config) {
    text.add(name);
    text.add(value);
  }
  return slot_key::of(text.bytes(), digest);
}

} // namespace hotslot
