#include "worker.hpp"

#include "process/output/line_splitter.hpp"

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
#include <span>
#include <tuple>
#include <variant>

#include <fcntl.h>
#include <poll.h>

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

std::size_t stream_of(log_source source) { return source == log_source::out ? 0 : 1; }

bool is_readable(int fd) noexcept {
  pollfd one{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&one, 1, 0) == 1;
}

} // namespace

worker::worker(const asio::any_io_executor& ex, std::shared_ptr<const function_spec> spec,
               std::shared_ptr<const log_sink> sink, std::filesystem::path root,
               std::shared_ptr<isolation_host> host, std::shared_ptr<fleet> workers)
  : strand_(asio::make_strand(ex))
  , spec_(std::move(spec))
  , sink_(std::move(sink))
  , root_(std::move(root))
  , host_(std::move(host))
  , workers_(workers ? std::move(workers) : std::make_shared<fleet>(ex))
  , id_(next_id())
  , exit_(strand_)
  , appeared_(strand_, 1)
  , outputs_(strand_)
  , link_(ex, {.header = spec_->max_reply_header, .body = spec_->max_reply_body})
  , stop_(ex)
  , exited_(ex)
  , reaped_(ex)
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

void worker::freeze() noexcept {
  std::lock_guard lock(process_mutex_);
  if (running_ && !std::exchange(frozen_, true))
    signal_group(pid_, SIGSTOP);
}

void worker::thaw() noexcept {
  std::lock_guard lock(process_mutex_);
  if (running_ && std::exchange(frozen_, false))
    signal_group(pid_, SIGCONT);
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
  const fleet::membership member(*workers_);
  try {
    co_await make_process();
    co_await run();
  } catch (const system_error& e) {
    failure_ = {e.code(), detail_of(e)};
  } catch (const std::exception& e) {
    failure_ = {errc::spawn_failed, e.what()};
  }
  reap();
  co_await release();
  clean_up();
}

// What is left of it beyond its group, which takes a moment to kill, is not waited for by an I/O thread.
asio::awaitable<void> worker::release() {
  const auto end = [this]() -> asio::awaitable<void> {
    confinement_.end();
    directory_.remove();
    co_return;
  };
  co_await asio::co_spawn(release_executor(), end, asio::use_awaitable);
}

asio::awaitable<void> worker::make_process() {
  check();
  // An exception ends on the thread that threw it: two threads would share its count of references.
  const auto make = [this]() -> asio::awaitable<std::variant<spawned, failure>> {
    try {
      co_return spawn_confined();
    } catch (const system_error& e) {
      co_return failure{e.code(), detail_of(e)};
    } catch (const std::exception& e) {
      co_return failure{errc::spawn_failed, e.what()};
    }
  };
  auto made = co_await asio::co_spawn(spawn_executor(), make, asio::use_awaitable);
  if (const auto* why = std::get_if<failure>(&made))
    throw system_error(why->code, why->detail);
  adopt(std::get<spawned>(std::move(made)));
  link_.set_directory(directory_.path());
  if (confinement_.user())
    link_.accept_only(confinement_.user()->uid);
  appearance_ = appearances::of(strand_).add(strand_.get_inner_executor(), directory_.path(),
                                             [this] { appeared_.try_send(error_code()); });
}

// Blocks: it makes directories, groups and bundles, and a process.
spawned worker::spawn_confined() {
  directory_ = worker_directory(root_);
  confinement_ =
      confinement(host_, {.spec = *spec_, .root = root_, .directory = directory_.path(), .id = id_});
  spawn_request request{.command = spec_->command,
                        .environment = make_environment(*spec_, directory_.path(), confinement_.tmp()),
                        .dir = spec_->dir};
  confinement_.apply_to(request);
  return spawn(request);
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
    outputs_.assign(stream_of(log_source::out), std::move(child.out));
    outputs_.assign(stream_of(log_source::err), std::move(child.err));
    exit_.assign(child.pidfd.get());
  } catch (const system_error&) {
    reap_group(child.pid, child.pidfd.get());
    throw;
  }
  child.pidfd.release();
  report_ = std::move(child.report);
  pid_ = child.pid;
  parent_peak_mb_ = child.parent_peak_mb;
  running_ = true;
}

asio::awaitable<void> worker::run() {
  co_await (watch() && supervise() && come_up() && read_lines(log_source::out) &&
            read_lines(log_source::err));
}

// A wait for readiness may end without cause: the reactor's record of a closed descriptor, whose event
// another thread has already fetched, may be this one's by then.
asio::awaitable<void> worker::watch() {
  while (!is_readable(exit_.native_handle()))
    co_await exit_.async_wait(asio::posix::stream_descriptor::wait_read, asio::use_awaitable);
  exited_.open();
}

asio::awaitable<void> worker::supervise() {
  co_await (exited_.wait() || stop_.wait());
  lost_ = !stop_.is_open();
  if (!exited_.is_open())
    co_await stop_process();
  reap();
  link_.abort();
  outputs_.cancel();
}

void worker::reap() noexcept {
  {
    std::lock_guard lock(process_mutex_);
    if (!std::exchange(running_, false))
      return;
  }
  const ending how = reap_group(pid_, exit_.native_handle());
  ending_ = how.text;
  out_of_memory_ = confinement_.ran_out_of_memory(how, parent_peak_mb_);
  if (out_of_memory_)
    ending_ += ", out of memory";
  reaped_.open();
}

asio::awaitable<void> worker::stop_process() {
  if (!hurry_ && !workers_->hurried()) {
    signal_group(pid_, SIGTERM);
    thaw(); // or it would not notice
    co_await (exited_.wait() || workers_->wait_for_hurry() || pause(spec_->stop_grace));
  }
  if (exited_.is_open())
    co_return;
  signal_group(pid_, SIGKILL);
  co_await exited_.wait();
}

asio::awaitable<bool> worker::runs_out_of_memory(milliseconds time) {
  const auto self = shared_from_this();
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  co_await (reaped_.wait() || timer.async_wait(as_result)); // cancelled, one of them does not throw
  co_return out_of_memory_;
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
  appearance_.end();
  report_ = {};
  if (failure_.code)
    co_return kill();
  log(log_source::lifecycle, "ready");
  started_.open();
}

// A socket made in place is there before it listens.
asio::awaitable<worker::failure> worker::become_ready() {
  for (milliseconds wait(1);;) {
    auto [ec, detail] = co_await link_.open();
    if (ec == boost::system::errc::no_such_file_or_directory) {
      co_await appeared_.async_receive(asio::use_awaitable); // or has been told since before the look
    } else if (ec == asio::error::connection_refused) {
      co_await pause(wait);
      wait = std::min(2 * wait, milliseconds(50));
    } else {
      co_return failure{ec, std::move(detail)};
    }
  }
}

worker::failure worker::why_it_exited() {
  reap(); // which tells how
  if (auto f = failure_before_exec(report_.get())) {
    std::error_code ec;
    const auto& what = f->code == errc::bad_directory ? spec_->dir.string() : spec_->command.front();
    const bool is_there = f->code == errc::command_not_found && what.find('/') != what.npos &&
                          std::filesystem::exists(spec_->dir / what, ec);
    return {f->code, (is_there ? "the interpreter of " : "") + what + ": " + f->reason};
  }
  const errc code = failure_in_sandbox();
  return {code, code == errc::exited_at_start ? ending_ : spec_->command.front()};
}

// A sandbox was there to run; what it could not run it tells by its status, as shells do.
errc worker::failure_in_sandbox() const {
  if (spec_->isolation.sandbox == sandbox_kind::none)
    return errc::exited_at_start;
  if (ending_ == "exited with status 127")
    return errc::command_not_found;
  return ending_ == "exited with status 126" ? errc::command_not_executable : errc::exited_at_start;
}

asio::awaitable<void> worker::read_lines(log_source source) {
  const std::size_t stream = stream_of(source);
  line_splitter lines(max_log_line);
  attributed_lines attributed(stream, calls_, spec_->log_frames);
  std::array<char, 4096> bytes;
  const auto write = [&](std::string_view line, std::string_view call, std::uint64_t before) {
    log(source, line, call, before);
  };
  const auto emit = [&](std::string_view line) { attributed.take(line, lines.line_begin(), write); };
  error_code ec;
  while (running_ && !ec) {
    std::tie(ec) = co_await outputs_.async_wait(stream, as_result);
    if (ec)
      break;
    const auto n = outputs_.read_some(stream, bytes, ec);
    lines.feed({bytes.data(), n}, emit);
    attributed.read_to(lines.line_begin());
    if (ec == asio::error::would_block)
      ec.clear();
  }
  // What it wrote before its end. A descendant that left the group may hold the pipe and go on writing.
  ec.clear();
  for (std::size_t rest = 64 * 1024; rest != 0 && !ec;) {
    const auto n = outputs_.read_some(stream, std::span(bytes).first(std::min(rest, bytes.size())), ec);
    lines.feed({bytes.data(), n}, emit);
    rest -= n;
  }
  lines.finish(emit);
  attributed.finish(write);
  outputs_.close(stream);
}

void worker::clean_up() noexcept {
  reap();
  if (pid_ > 0)
    log(lost_ ? log_source::lost : log_source::lifecycle, ending_);
  if (failure_.code)
    link_.close();
  error_code ignored;
  exit_.close(ignored);
  appearance_.end();
  started_.open();
  gone_.open();
}

void worker::log(log_source source, std::string_view line, std::string_view call_id,
                 std::uint64_t call_bytes) const noexcept {
  try {
    if (*sink_)
      (*sink_)(
          source, line,
          {.function = *spec_, .worker_id = id_, .pid = pid_, .call_id = call_id, .call_bytes = call_bytes});
  } catch (...) { // a sink that fails must not take the worker along
  }
}

} // namespace hotslot::process::detail
