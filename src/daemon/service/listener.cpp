#include "listener.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <stdexcept>
#include <utility>
#include <variant>

namespace hotslot::daemon {
namespace {

std::shared_ptr<http::tls_credentials> load_tls(const listener_config& c) {
  return c.tls ? std::make_shared<http::tls_credentials>(*c.tls) : nullptr;
}

std::shared_ptr<http::bearer_tokens> load_tokens(const listener_config& c) {
  return c.token_file ? std::make_shared<http::bearer_tokens>(*c.token_file) : nullptr;
}

// Whoever is in the same network may connect to one that has no file.
std::filesystem::path path_of_socket(int fd) {
  sockaddr_un at{};
  socklen_t size = sizeof at;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size);
  const std::string path(at.sun_path, ::strnlen(at.sun_path, sizeof at.sun_path));
  if (path.empty())
    throw std::runtime_error("descriptor " + std::to_string(fd) + " is a unix socket without a file");
  return path;
}

} // namespace

listener::listener(boost::asio::any_io_executor executor, const listener_config& c,
                   http::server_handler handler, http::server_options options, bool checks_host)
  : config_(c)
  , tls_(load_tls(c))
  , tokens_(load_tokens(c))
  , admission_(std::make_shared<admission>(c, tokens_, !checks_host || is_guarded()))
  , server_(std::move(executor), std::move(handler), complete(std::move(options))) {}

void listener::check(const listener_config& c) {
  load_tls(c);
  load_tokens(c);
  if (const auto* path = std::get_if<std::filesystem::path>(&c.address))
    socket_file::check(*path);
}

http::server_options listener::complete(http::server_options options) const {
  options.tls = tls_;
  options.admit = [door = admission_, next = std::move(options.admit)](http::request& head) {
    auto refused = door->refuse(head);
    return refused || !next ? std::move(refused) : next(head);
  };
  return options;
}

void listener::listen(std::optional<int> inherited) {
  endpoint_ = inherited ? take_over(*inherited) : open();
  if (std::holds_alternative<std::filesystem::path>(endpoint_))
    admission_->is_no_place_for_browsers();
}

endpoint listener::take_over(int fd) {
  const auto at = server_.adopt(fd);
  return at.port() != 0 ? endpoint(at) : endpoint(path_of_socket(fd));
}

void listener::drain(std::chrono::steady_clock::duration grace) {
  if (file_)
    file_->remove();
  server_.drain(grace);
}

void listener::stop() {
  if (file_)
    file_->remove();
  server_.stop();
}

endpoint listener::open() {
  const auto* path = std::get_if<std::filesystem::path>(&config_.address);
  if (!path)
    return server_.listen(std::get<tcp_endpoint>(config_.address));
  const auto backlog = config_.backlog.value_or(http::server_limits().backlog);
  file_.emplace(*path, config_.access, static_cast<int>(backlog));
  server_.adopt(file_->get());
  file_->release();
  return *path;
}

std::string listener::url() const {
  const bool is_tcp = std::holds_alternative<tcp_endpoint>(endpoint_);
  return (!is_tcp ? "" : tls_ ? "https://" : "http://") + address();
}

bool listener::is_public() const noexcept {
  const auto* tcp = std::get_if<tcp_endpoint>(&endpoint_);
  return tcp && !tcp->address().is_loopback();
}

listener::credentials listener::read_credentials() const {
  return {.tls = tls_ ? tls_->read() : nullptr, .tokens = tokens_ ? tokens_->read() : nullptr};
}

std::vector<std::string> listener::differences(const credentials& read) const {
  std::vector<std::string> all;
  if (read.tls && !tls_->is_in_force(read.tls))
    all.push_back("the certificate of " + address() + " has changed");
  if (read.tokens && !tokens_->is_in_force(read.tokens))
    all.push_back("the tokens of " + address() + " have changed");
  return all;
}

std::vector<http::tls_credentials::certificate_info> listener::certificates() const {
  return tls_ ? tls_->certificates() : std::vector<http::tls_credentials::certificate_info>();
}

void listener::exchange(credentials fresh) noexcept {
  if (tls_)
    tls_->exchange(std::move(fresh.tls));
  if (tokens_)
    tokens_->exchange(std::move(fresh.tokens));
}

} // namespace hotslot::daemon
