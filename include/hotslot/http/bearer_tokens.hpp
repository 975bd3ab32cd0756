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

/// The tokens of a file, one a line; empty lines and those that begin with # are passed over. One with the
/// word "read" behind it is for GET, HEAD and OPTIONS only. Of them only SHA-256 digests are kept, and
/// compared in constant time.
///
/// Thread safety: all of it.
class bearer_tokens {
  using digest = std::array<unsigned char, 32>;
  struct known_token {
    digest of;
    bool reads_only;

    friend bool operator==(const known_token&, const known_token&) = default;
  };
  using known_tokens = std::vector<known_token>;

 public:
  using loaded = std::shared_ptr<const known_tokens>;

  /// Throws `std::runtime_error`, naming the file and the line, where it cannot be read, has no token, has
  /// another word than "read" behind one, or one that is no token68 of RFC 9110 (letters, digits and -._~+/
  /// with = at its end).
  explicit bearer_tokens(std::filesystem::path file);

  bearer_tokens(const bearer_tokens&) = delete;
  bearer_tokens& operator=(const bearer_tokens&) = delete;

  const std::filesystem::path& file() const noexcept { return file_; }

  /// Reads the file again. Throws as the constructor does, and then nothing has changed.
  void reload() { exchange(read()); }

  /// The two halves of `reload`, for whoever changes more than this at once. `read` throws as it does.
  loaded read() const;
  /// Whether those tokens are the ones that are known already.
  bool is_in_force(const loaded& read) const;
  /// Who may ask from now on.
  void exchange(loaded fresh) noexcept;

  /// Whether it is one of the tokens. Cost: independent of which.
  bool has(std::string_view token) const;

  /// For `server_options::admit`: nothing where `head` bears one of the tokens, which is then taken out of
  /// it; 403 where that is for reading only, and this is more; else 401. `Authorization: Bearer` has it, or
  /// `Basic` as its password, which is how browsers ask for one.
  std::optional<response> admit(request& head) const;

 private:
  static digest digest_of(std::string_view token);
  std::optional<known_token> find(std::string_view token) const;
  static known_tokens parse(const std::filesystem::path& file);

  const std::filesystem::path file_;
  mutable std::mutex mutex_;
  loaded tokens_;
};

} // namespace hotslot::http

#endif
