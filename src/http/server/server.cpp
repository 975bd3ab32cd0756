#include <hotslot/http/server.hpp>

#include "server_core.hpp"

namespace hotslot::http {

server::server(executor_type executor, server_handler handler, server_options options)
  : core_(
        std::make_shared<detail::server_core>(std::move(executor), std::move(handler), std::move(options))) {}

server::~server() { core_->stop(); }

server::executor_type server::get_executor() const noexcept { return core_->get_executor(); }

server::endpoint_type server::listen(const endpoint_type& at) { return core_->listen(at); }

server::endpoint_type server::adopt(int fd) { return core_->adopt(fd); }

void server::start() { core_->start(); }

void server::drain(std::chrono::steady_clock::duration grace) { core_->drain(grace); }

void server::stop() { core_->stop(); }

boost::asio::awaitable<void> server::async_join() { return detail::server_core::join(core_); }

boost::asio::awaitable<void> server::async_drain(std::chrono::steady_clock::duration grace) {
  return detail::server_core::drain_and_join(core_, grace);
}

std::size_t server::connections() const { return core_->counts().open; }

std::size_t server::max_connections() const noexcept { return core_->limits().max_connections; }

connection_counts server::counts() const { return core_->counts(); }

} // namespace hotslot::http
