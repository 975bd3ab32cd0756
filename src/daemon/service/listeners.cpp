#include "listeners.hpp"

#include <stdexcept>
#include <utility>

namespace hotslot::daemon {

listeners::listeners(const boost::asio::any_io_executor& executor, const std::vector<listener_config>& at,
                     const served_with& with) {
  for (const auto& c : at)
    all_.push_back(
        std::make_unique<listener>(executor, c, with.handler(c), with.options(c), with.checks_host));
}

void listeners::listen(const std::vector<int>& inherited, std::string_view kind) {
  if (!inherited.empty() && inherited.size() != all_.size())
    throw std::runtime_error(std::to_string(inherited.size()) + " sockets were handed down for \"" +
                             std::string(kind) + "\", which has " + std::to_string(all_.size()) +
                             " in the configuration");
  for (std::size_t i = 0; i < all_.size(); ++i)
    all_[i]->listen(inherited.empty() ? std::nullopt : std::optional(inherited[i]));
}

void listeners::start() {
  for (const auto& one : all_)
    one->server().start();
}

boost::asio::awaitable<void> listeners::async_drain(std::chrono::steady_clock::duration grace) {
  for (const auto& one : all_)
    one->drain(grace);
  for (const auto& one : all_)
    co_await one->server().async_join();
}

void listeners::stop() {
  for (const auto& one : all_)
    one->stop();
}

listeners::credentials listeners::read_credentials() const {
  credentials read;
  for (const auto& one : all_)
    read.push_back(one->read_credentials());
  return read;
}

std::vector<std::string> listeners::differences(const credentials& read) const {
  std::vector<std::string> all;
  for (std::size_t i = 0; i < all_.size(); ++i)
    for (auto& line : all_[i]->differences(read[i]))
      all.push_back(std::move(line));
  return all;
}

void listeners::exchange(credentials fresh) noexcept {
  for (std::size_t i = 0; i < all_.size(); ++i)
    all_[i]->exchange(std::move(fresh[i]));
}

std::string listeners::urls() const {
  std::string text;
  for (const auto& one : all_)
    text.append(text.empty() ? "" : ", ").append(one->url());
  return text;
}

} // namespace hotslot::daemon
