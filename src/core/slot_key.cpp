#include <hotslot/core/errc.hpp>
#include <hotslot/core/slot_key.hpp>

#include <boost/system/system_error.hpp>
#include <openssl/evp.h>

#include <algorithm>
#include <memory>
#include <new>
#include <stdexcept>
#include <vector>

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
EVP_MD_CTX* context() {
  thread_local std::unique_ptr<EVP_MD_CTX, free_context> ctx(EVP_MD_CTX_new());
  if (!ctx)
    throw std::bad_alloc();
  return ctx.get();
}

void check(int ok) {
  if (ok != 1)
    throw std::runtime_error("OpenSSL refused the digest");
}

} // namespace

slot_key slot_key::of(std::span<const std::string_view> fields, key_digest digest) {
  std::string text;
  std::size_t size = 0;
  for (auto f : fields)
    size += f.size() + 1;
  text.reserve(size);
  for (auto f : fields) {
    if (f.find('\0') != std::string_view::npos)
      throw boost::system::system_error(make_error_code(errc::invalid_key_field));
    text.append(f).push_back('\0');
  }

  slot_key key;
  unsigned length = 0;
  check(EVP_DigestInit_ex2(context(), fetched(digest), nullptr));
  check(EVP_DigestUpdate(context(), text.data(), text.size()));
  check(EVP_DigestFinal_ex(context(), key.bytes_.data(), &length));
  key.size_ = static_cast<std::uint8_t>(length);
  return key;
}

std::string slot_key::hex() const {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  out.reserve(2 * size_);
  for (auto b : bytes()) {
    out.push_back(digits[b >> 4]);
    out.push_back(digits[b & 15]);
  }
  return out;
}

slot_key make_slot_key(const call_identity& call, key_digest digest) {
  const std::string timeout = std::to_string(call.timeout_s);
  const std::string idle_timeout = std::to_string(call.idle_timeout_s);
  const std::string memory = std::to_string(call.memory_mb);
  std::vector<std::string_view> fields{call.app_name, call.path, call.image, timeout,
                                       idle_timeout,  memory,    call.format};
  for (const auto& [name, value] : call.config) {
    fields.push_back(name);
    fields.push_back(value);
  }
  return slot_key::of(fields, digest);
}

} // namespace hotslot
