// Who may ask: those who know a token.
#ifndef HOTSLOT_HTTP_BEARER_TOKENS_HPP
#define HOTSLOT_HTTP_BEARER_TOKENS_HPP

#include <hotslot/http/message.hpp>

#include <array>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

namespace hotslot::http {

/// The tokens of a file, one a line; empty lines and those that begin with # are passed over. Of them only
/// SHA-256 digests are kept, and compared in constant time.
///
/// Thread safety: all of it.
class bearer_tokens {
 public:
  /// Throws `std::runtime_error`, naming the file and the line, where it cannot be read, has no token, or one
  /// that is no token68 of RFC 9110 (letters, digits and -._~+/ with = at its end).
  explicit bearer_tokens(std::filesystem::path file);

  bearer_tokens(const bearer_tokens&) = delete;
  bearer_tokens& operator=(const bearer_tokens&) = delete;

  const std::filesystem::path& file() const noexcept { return file_; }

  /// Reads the file again. Throws as the constructor does, and then nothing has changed.
  void reload();

  bool has(std::string_view token) const;

  /// For `server_options::admit`: nothing where `head` bears one of the tokens, which is then taken out of
  /// it; else 401. `Authorization: Bearer` has it, or `Basic` as its password, which is how browsers ask for
  /// one.
  std::optional<response> admit(request& head) const;

 private:
  using digest = std::array<unsigned char, 32>;
  using digests = std::vector<digest>;

  static digest digest_of(std::string_view token);
  static digests read(const std::filesystem::path& file);

  const std::filesystem::path file_;
  mutable std::mutex mutex_;
  std::shared_ptr<const digests> tokens_;
};

} // namespace hotslot::http

#endif
