#include "served.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace hotslot::test {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace hotslot::http;

namespace {

response text(std::string body) { return make_response(status::ok, "text/plain", std::move(body)); }

} // namespace

void events::add(const std::string& name) {
  const std::lock_guard lock(mutex_);
  ++counts_[name];
  changed_.notify_all();
}

bool events::wait(const std::string& name, int n) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, 20s, [&] { return counts_[name] >= n; });
}

int events::count(const std::string& name) {
  const std::lock_guard lock(mutex_);
  return counts_[name];
}

served::served(server_options options, int threads)
  : work_(context_.get_executor()) {
  if (!options.log)
    options.log = [this](std::string_view message) { happened.add(std::string(message)); };
  options.single_threaded = threads == 1;
  server_ = std::make_unique<http::server>(
      context_.get_executor(), [this](request&& req, exchange& ex) { return handle(std::move(req), ex); },
      options);
  endpoint_ = server_->listen({asio::ip::address_v4::loopback(), 0});
  server_->start();
  for (int i = 0; i < threads; ++i)
    threads_.emplace_back([this] { context_.run(); });
}

served::~served() {
  server_->stop();
  join();
  happened.wait("drained");
  work_.reset();
  for (auto& t : threads_)
    t.join();
}

void served::drain(std::chrono::steady_clock::duration grace) {
  asio::co_spawn(context_, server_->async_drain(grace),
                 [this](std::exception_ptr) { happened.add("drained"); });
}

void served::join() {
  asio::co_spawn(context_, server_->async_join(), [this](std::exception_ptr) { happened.add("drained"); });
}

asio::awaitable<response> served::handle(request&& req, exchange& ex) {
  const std::string target(req.target().data(), req.target().size());
  happened.add(target);
  if (target == "/hello")
    co_return text("hello");
  if (target == "/echo")
    co_return text(std::move(req.body()));
  if (target == "/headers") {
    std::string all;
    for (const auto& f : req)
      all.append(f.name_string()).append(": ").append(f.value()).append("\n");
    co_return text(std::move(all));
  }
  if (target == "/size")
    co_return text(std::to_string(req.body().size()));
  if (target == "/big")
    co_return text(std::string(big_answer, 'x'));
  if (target == "/peer")
    co_return text(ex.remote_endpoint().address().to_string());
  if (target == "/throw")
    throw std::runtime_error("thrown on purpose");
  if (target == "/gate")
    co_return co_await wait_for_gate();
  if (target == "/wait")
    co_return co_await wait_for_ever(ex);
  if (target == "/clean-up")
    co_return co_await wait_and_clean_up(ex);
  if (target == "/too-slow") {
    ex.expires_after(10ms);
    co_return co_await wait_for_ever(ex);
  }
  if (target == "/odd") {
    response res = text("odd");
    res.set("X-Good", "kept");
    res.set("X-Split", "a\r\nSet-Cookie: b");
    res.set(field::connection, "close");
    res.set(field::transfer_encoding, "chunked");
    co_return res;
  }
  if (target == "/no-content")
    co_return response(status::no_content, 11);
  if (target.starts_with("/upload"))
    co_return co_await handle_upload(target, std::move(req), ex);
  if (target.starts_with("/pieces"))
    co_return co_await handle_pieces(target, ex);
  co_return make_error(status::not_found, "no such resource");
}

// Answers with the size of the body, or with the body itself, or without having read it.
asio::awaitable<response> served::handle_upload(const std::string& target, request&& req, exchange& ex) {
  if (target == "/upload/unread")
    co_return text("not wanted");
  if (target == "/upload/too-slow")
    ex.expires_after(10ms);
  if (target == "/upload/beside")
    co_return co_await write_while_reading(ex);
  const bool back = target == "/upload/back";
  if (back)
    co_await ex.begin(response(status::ok, 11));
  std::string piece = std::move(req.body());
  std::size_t size = piece.size();
  try {
    while (ex.has_more()) {
      if (back)
        co_await ex.write(piece);
      co_await ex.read(piece);
      size += piece.size();
      happened.add("piece");
    }
  } catch (const boost::system::system_error&) {
    happened.add(ex.abandoned() ? "abandoned" : ex.expired() ? "expired" : "refused");
    throw;
  }
  if (back)
    co_await ex.write(piece);
  co_return text(std::to_string(size));
}

// One piece of more than the socket takes at once is written beside one that is read.
asio::awaitable<response> served::write_while_reading(exchange& ex) {
  using namespace asio::experimental::awaitable_operators;
  ex.send_buffer_size(4096);
  co_await ex.begin(response(status::ok, 11));
  const std::string out(big_piece, 'x');
  std::string in;
  co_await (ex.read(in) && ex.write(out));
  co_await ex.write(in);
  co_return text("not looked at");
}

// Two pieces, and what the target says then.
asio::awaitable<response> served::handle_pieces(const std::string& target, exchange& ex) {
  response head = text("not looked at");
  head.erase(field::content_length);
  if (target.starts_with("/pieces/sized"))
    head.content_length(target.ends_with("too-long") ? 8 : target.ends_with("too-short") ? 6 : 7);
  co_await ex.begin(head);
  co_await ex.write("one,");
  co_await ex.write("");
  co_await ex.write("two");
  if (target == "/pieces/throw")
    throw std::runtime_error("thrown in the middle");
  if (target == "/pieces/wait")
    co_return co_await wait_for_ever(ex);
  if (target == "/pieces/gate")
    co_return co_await wait_for_gate();
  if (target == "/pieces/for-ever")
    co_await write_for_ever(ex);
  if (target == "/pieces/too-slow") {
    ex.expires_after(10ms);
    co_await write_for_ever(ex);
  }
  co_return response();
}

asio::awaitable<void> served::write_for_ever(exchange& ex) {
  const std::string piece(1024 * 1024, 'x');
  happened.add("writes");
  try {
    for (;;)
      co_await ex.write(piece);
  } catch (const boost::system::system_error&) {
    happened.add(ex.abandoned() ? "writer left alone" : "writer cancelled");
    throw;
  }
}

asio::awaitable<response> served::wait_for_gate() {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  while (!gate_open_) {
    timer.expires_after(1ms);
    co_await timer.async_wait(asio::use_awaitable);
  }
  co_return text("open");
}

asio::awaitable<response> served::wait_for_ever(exchange& ex) {
  asio::steady_timer timer(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
  happened.add("waits");
  try {
    co_await timer.async_wait(asio::use_awaitable);
  } catch (const boost::system::system_error&) {
    happened.add(ex.abandoned() ? "abandoned" : ex.expired() ? "expired" : "cancelled");
    throw;
  }
  co_return text("never");
}

asio::awaitable<response> served::wait_and_clean_up(exchange& ex) {
  ex.expires_after(10ms);
  try {
    co_await wait_for_ever(ex);
  } catch (const boost::system::system_error&) {
  }
  co_await asio::this_coro::reset_cancellation_state();
  asio::steady_timer timer(co_await asio::this_coro::executor, 1ms);
  co_await timer.async_wait(asio::use_awaitable);
  co_return make_error(status::gateway_timeout, "cleaned up");
}

} // namespace hotslot::test
