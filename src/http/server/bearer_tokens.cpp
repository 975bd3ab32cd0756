#include <hotslot/http/bearer_tokens.hpp>

#include "base/file.hpp"
#include "base/http_text.hpp"

#include <boost/beast/core/string.hpp>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <new>
#include <sstream>
#include <stdexcept>
#include <string>

namespace hotslot::http {
namespace {

constexpr std::size_t longest_credentials = 8 * 1024;
constexpr std::size_t longest_file = 4 * 1024 * 1024;

bool is_token68(std::string_view s) {
  const std::string_view chars = s.substr(0, s.find_last_not_of('=') + 1);
  return !chars.empty() && std::all_of(chars.begin(), chars.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           std::string_view("-._~+/").find(c) != std::string_view::npos;
  });
}

std::string decode_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0 || text.size() > longest_credentials)
    return {};
  std::string out(text.size() / 4 * 3, '\0');
  const int n =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (n < 0)
    return {};
  const std::size_t padding = text.size() - 1 - text.find_last_not_of('=');
  out.resize(static_cast<std::size_t>(n) - std::min(padding, static_cast<std::size_t>(n)));
  return out;
}

std::string token_of(std::string_view credentials) {
  const auto space = credentials.find(' ');
  const auto scheme = credentials.substr(0, space);
  const auto rest = space == credentials.npos ? std::string_view() : base::trimmed(credentials.substr(space));
  if (boost::beast::iequals(scheme, "bearer"))
    return std::string(rest);
  if (!boost::beast::iequals(scheme, "basic"))
    return {};
  const std::string pair = decode_base64(rest);
  const auto colon = pair.find(':');
  return colon == pair.npos ? std::string() : pair.substr(colon + 1);
}

response unauthorized(std::string_view why) {
  response res = make_error(status::unauthorized, why);
  res.insert(field::www_authenticate, "Bearer realm=\"hotslot\"");
  res.insert(field::www_authenticate, "Basic realm=\"hotslot\", charset=\"UTF-8\"");
  return res;
}

bool is_reading(verb method) {
  return method == verb::get || method == verb::head || method == verb::options;
}

[[noreturn]] void refuse(const std::filesystem::path& file, std::string_view why) {
  std::string text("cannot use ");
  throw std::runtime_error(text.append(file.native()).append(" as a file of tokens: ").append(why));
}

std::string read_tokens(const std::filesystem::path& file) {
  try {
    return base::read_file(file, longest_file);
  } catch (const std::runtime_error& e) {
    refuse(file, e.what());
  }
}

} // namespace

bearer_tokens::bearer_tokens(std::filesystem::path file)
  : file_(std::move(file))
  , tokens_(read()) {}

bearer_tokens::loaded bearer_tokens::read() const {
  return std::make_shared<const known_tokens>(parse(file_));
}

bool bearer_tokens::is_in_force(const loaded& read) const {
  const std::lock_guard lock(mutex_);
  return *read == *tokens_;
}

void bearer_tokens::exchange(loaded fresh) noexcept {
  const std::lock_guard lock(mutex_);
  tokens_.swap(fresh);
}

bearer_tokens::digest bearer_tokens::digest_of(std::string_view token) {
  digest out;
  unsigned int size = 0;
  if (EVP_Digest(token.data(), token.size(), out.data(), &size, EVP_sha256(), nullptr) != 1)
    throw std::bad_alloc();
  return out;
}

bearer_tokens::known_tokens bearer_tokens::parse(const std::filesystem::path& file) {
  known_tokens found;
  std::istringstream lines(read_tokens(file));
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    const auto words = base::trimmed(line);
    if (words.empty() || words.starts_with('#'))
      continue;
    const auto token = words.substr(0, words.find_first_of(" \t"));
    const auto rights = base::trimmed(words.substr(token.size()));
    if (!rights.empty() && rights != "read")
      refuse(file, "line " + std::to_string(number) + " has behind its token what is not \"read\"");
    if (!is_token68(token))
      refuse(file, "line " + std::to_string(number) + " has a character that no token may have");
    found.push_back({digest_of(token), !rights.empty()});
  }
  if (found.empty())
    refuse(file, "there is no token in it");
  return found;
}

std::optional<bearer_tokens::known_token> bearer_tokens::find(std::string_view token) const {
  const digest offered = digest_of(token);
  std::unique_lock lock(mutex_);
  const auto tokens = tokens_;
  lock.unlock();
  std::optional<known_token> found;
  for (const auto& known : *tokens) // all of them: how long it takes tells nothing
    if (CRYPTO_memcmp(known.of.data(), offered.data(), offered.size()) == 0)
      found = known;
  return found;
}

bool bearer_tokens::has(std::string_view token) const { return find(token).has_value(); }

std::optional<response> bearer_tokens::admit(request& head) const {
  const auto credentials = head[field::authorization];
  if (head.count(field::authorization) != 1)
    return unauthorized("a token is needed");
  const auto known = find(token_of({credentials.data(), credentials.size()}));
  if (!known)
    return unauthorized("this token is not known");
  if (known->reads_only && !is_reading(head.method()))
    return make_error(status::forbidden, "this token is for reading only");
  head.erase(field::authorization);
  return std::nullopt;
}

} // namespace hotslot::http
