#include "listener.hpp"

namespace hotslot::daemon {
namespace {

std::shared_ptr<http::tls_credentials> load_tls(const listener_config& c) {
  return c.tls ? std::make_shared<http::tls_credentials>(*c.tls) : nullptr;
}

std::shared_ptr<http::bearer_tokens> load_tokens(const listener_config& c) {
  return c.token_file ? std::make_shared<http::bearer_tokens>(*c.token_file) : nullptr;
}

} // namespace

listener::listener(boost::asio::any_io_executor executor, const listener_config& c,
                   http::server_handler handler, http::server_options options)
  : config_(c)
  , tls_(load_tls(c))
  , tokens_(load_tokens(c))
  , server_(std::move(executor), std::move(handler), complete(std::move(options))) {}

void listener::check(const listener_config& c) {
  load_tls(c);
  load_tokens(c);
}

http::server_options listener::complete(http::server_options options) const {
  options.tls = tls_;
  if (tokens_)
    options.admit = [tokens = tokens_](http::request& head) { return tokens->admit(head); };
  return options;
}

std::string listener::listen(std::optional<int> inherited) {
  endpoint_ = inherited ? server_.adopt(*inherited) : server_.listen(config_.address);
  return url();
}

std::string listener::url() const { return (tls_ ? "https://" : "http://") + to_string(endpoint_); }

void listener::reload() {
  if (tls_)
    tls_->reload();
  if (tokens_)
    tokens_->reload();
}

} // namespace hotslot::daemon
