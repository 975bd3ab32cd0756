#include "worker.hpp"

#include "line_splitter.hpp"

#include <hotslot/process/contract.hpp>
#include <hotslot/process/socket_root.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <array>
#include <csignal>
#include <fcntl.h>

namespace hotslot::process::detail {
namespace {

namespace asio = boost::asio;
using namespace asio::experimental::awaitable_operators;
using boost::system::system_error;
using std::chrono::milliseconds;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

std::uint64_t next_id() {
  static std::atomic<std::uint64_t> last = 0;
  return ++last;
}

// The text that was given to the exception: what() has the code's own behind it.
std::string detail_of(const system_error& e) {
  const std::string what = e.what();
  const std::string code = ": " + e.code().what();
  return what.ends_with(code) ? what.substr(0, what.size() - code.size()) : std::string();
}

// Takes the descriptor over, or closes it and throws.
void hand_over(unique_fd fd, asio::posix::stream_descriptor& to) {
  to.assign(fd.get());
  fd.release();
}

void drain_events(int inotify) {
  alignas(8) std::array<char, 4096> events;
  while (::read(inotify, events.data(), events.size()) > 0)
    ;
}

} // namespace

worker::worker(const asio::any_io_executor& ex, std::shared_ptr<const function_spec> spec,
               std::shared_ptr<const log_sink> sink, std::filesystem::path root)
  : strand_(asio::make_strand(ex))
  , spec_(std::move(spec))
  , sink_(std::move(sink))
  , root_(std::move(root))
  , id_(next_id())
  , exit_(strand_)
  , appearance_(strand_)
  , out_(strand_)
  , err_(strand_)
  , link_(ex, {.header = spec_->max_reply_header, .body = spec_->max_reply_body})
  , stop_(ex)
  , exited_(ex)
  , started_(ex)
  , gone_(ex) {}

// Only where its context was destroyed under it is there anything left to do.
worker::~worker() { reap(); }

void worker::begin() {
  asio::co_spawn(
      strand_, [self = shared_from_this()] { return self->live(); }, asio::detached);
}

void worker::kill() noexcept {
  hurry_ = true;
  stop();
}

asio::awaitable<void> worker::started() {
  const bool throwing = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  error_code cancelled;
  try {
    co_await started_.wait();
  } catch (const system_error& e) {
    cancelled = e.code();
  }
  if (cancelled)
    kill();
  while (cancelled && !gone_.is_open()) { // a second cancellation is no reason to leave early
    try {
      co_await gone_.wait();
    } catch (const system_error&) {
    }
  }
  co_await asio::this_coro::throw_if_cancelled(throwing);
  if (cancelled)
    throw system_error(cancelled);
  if (failure_.code)
    throw system_error(failure_.code, describe(failure_));
}

std::string worker::describe(const failure& f) const {
  std::string text = spec_->app_name + '/' + spec_->fn_name;
  if (!f.detail.empty())
    text += ": " + f.detail;
  return text;
}

asio::awaitable<void> worker::live() {
  try {
    co_await make_process();
    co_await run();
  } catch (const system_error& e) {
    failure_ = {e.code(), detail_of(e)};
  } catch (const std::exception& e) {
    failure_ = {errc::spawn_failed, e.what()};
  }
  clean_up();
}

asio::awaitable<void> worker::make_process() {
  check();
  directory_ = worker_directory(root_);
  hand_over(directory_.watch(), appearance_);
  const spawn_request request{.command = spec_->command,
                              .environment = make_environment(*spec_, directory_.path()),
                              .dir = spec_->dir};
  const auto make = [&request]() -> asio::awaitable<spawned> { co_return spawn(request); };
  adopt(co_await asio::co_spawn(spawn_executor(), make, asio::use_awaitable));
}

void worker::check() const {
  if (spec_->command.empty())
    throw system_error(errc::invalid_spec, "no command");
  for (const auto& argument : spec_->command)
    if (argument.find('\0') != std::string::npos)
      throw system_error(errc::invalid_spec, "NUL byte in the command");
  if (root_.native().size() > max_socket_root)
    throw system_error(errc::socket_path_too_long, root_.string());
}

void worker::adopt(spawned child) {
  try {
    hand_over(std::move(child.out), out_);
    hand_over(std::move(child.err), err_);
    out_.non_blocking(true);
    err_.non_blocking(true);
    exit_.assign(child.pidfd.get());
  } catch (const system_error&) {
    reap_group(child.pid, child.pidfd.get());
    throw;
  }
  child.pidfd.release();
  report_ = std::move(child.report);
  pid_ = child.pid;
  running_ = true;
}

asio::awaitable<void> worker::run() {
  co_await (watch() && supervise() && come_up() && read_lines(out_, log_source::out) &&
            read_lines(err_, log_source::err));
}

asio::awaitable<void> worker::watch() {
  co_await exit_.async_wait(asio::posix::stream_descriptor::wait_read, asio::use_awaitable);
  exited_.open();
}

asio::awaitable<void> worker::supervise() {
  co_await (exited_.wait() || stop_.wait());
  if (!exited_.is_open())
    co_await stop_process();
  reap();
  link_.abort();
  error_code closed_already;
  out_.cancel(closed_already);
  err_.cancel(closed_already);
}

void worker::reap() noexcept {
  if (running_)
    ending_ = reap_group(pid_, exit_.native_handle());
  running_ = false;
}

asio::awaitable<void> worker::stop_process() {
  if (!hurry_) {
    ::kill(-pid_, SIGTERM);
    co_await (exited_.wait() || pause(spec_->stop_grace));
  }
  if (exited_.is_open())
    co_return;
  ::kill(-pid_, SIGKILL);
  co_await exited_.wait();
}

asio::awaitable<void> worker::pause(milliseconds time) {
  asio::steady_timer timer(strand_, time);
  co_await timer.async_wait(as_result);
}

asio::awaitable<void> worker::come_up() {
  const auto outcome =
      co_await (become_ready() || exited_.wait() || stop_.wait() || pause(spec_->start_timeout));
  switch (outcome.index()) {
  case 0:
    failure_ = std::get<0>(outcome);
    break;
  case 1:
    failure_ = why_it_exited();
    break;
  case 2:
    failure_ = {asio::error::operation_aborted, {}};
    break;
  default:
    failure_ = {errc::start_timeout, std::to_string(spec_->start_timeout.count()) + " ms"};
  }
  appearance_.close();
  report_ = {};
  if (failure_.code)
    co_return kill();
  log(log_source::lifecycle, "ready");
  started_.open();
}

asio::awaitable<worker::failure> worker::become_ready() {
  for (;;) {
    drain_events(appearance_.native_handle()); // first: what comes after the look wakes the wait
    auto found = directory_.find_socket();
    if (found.kind == socket_finding::kind_type::bad)
      co_return failure{errc::bad_socket, std::move(found.reason)};
    if (found.kind == socket_finding::kind_type::usable)
      co_return co_await connect(std::move(found.path));
    co_await appearance_.async_wait(asio::posix::stream_descriptor::wait_read, asio::use_awaitable);
  }
}

// A socket made in place is there before it listens.
asio::awaitable<worker::failure> worker::connect(std::filesystem::path path) {
  if (path.native().size() > max_socket_path)
    co_return failure{errc::socket_path_too_long, path.string()};
  link_.set_path(path);
  for (milliseconds wait(1);; wait = std::min(2 * wait, milliseconds(50))) {
    const auto ec = co_await link_.open();
    if (!ec)
      co_return failure{};
    if (ec != asio::error::connection_refused)
      co_return failure{errc::bad_socket, path.string() + ": " + ec.message()};
    co_await pause(wait);
  }
}

worker::failure worker::why_it_exited() const {
  if (auto f = failure_before_exec(report_.get()))
    return {f->code, (f->code == errc::bad_directory ? spec_->dir.string() : spec_->command.front()) + ": " +
                         f->reason};
  return {errc::exited_at_start, {}};
}

asio::awaitable<void> worker::read_lines(asio::posix::stream_descriptor& from, log_source source) {
  line_splitter lines(max_log_line);
  std::array<char, 4096> bytes;
  const auto emit = [&](std::string_view line) { log(source, line); };
  while (running_) {
    const auto [ec, n] = co_await from.async_read_some(asio::buffer(bytes), as_result);
    if (ec)
      break;
    lines.feed({bytes.data(), n}, emit);
  }
  // What it wrote before its end. A descendant that left the group may hold the pipe and go on writing.
  error_code ec;
  for (std::size_t rest = 64 * 1024; rest != 0 && !ec;) {
    const auto n = from.read_some(asio::buffer(bytes, std::min(rest, bytes.size())), ec);
    lines.feed({bytes.data(), n}, emit);
    rest -= n;
  }
  lines.finish(emit);
  from.close(ec);
}

void worker::clean_up() noexcept {
  reap();
  if (pid_ > 0)
    log(log_source::lifecycle, ending_);
  if (failure_.code == errc::exited_at_start)
    failure_.detail = ending_;
  if (failure_.code)
    link_.close();
  error_code ignored;
  exit_.close(ignored);
  appearance_.close(ignored);
  directory_.remove();
  started_.open();
  gone_.open();
}

void worker::log(log_source source, std::string_view line) const noexcept {
  try {
    if (*sink_)
      (*sink_)(source, line, {.function = *spec_, .worker_id = id_, .pid = pid_});
  } catch (...) { // a sink that fails must not take the worker along
  }
}

} // namespace hotslot::process::detail
