// Runs a test's coroutine on a context of its own, and looks for what it left behind.
#ifndef HOTSLOT_TEST_PROCESS_WORKER_FIXTURE_HPP
#define HOTSLOT_TEST_PROCESS_WORKER_FIXTURE_HPP

#include "catch.hpp"

#include <hotslot/process/function_launcher.hpp>

#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>

#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace process_test {

namespace asio = boost::asio;
namespace fs = std::filesystem;
namespace process = hotslot::process;
using asio::awaitable;
using hotslot::process::errc;
using hotslot::process::function_launcher;
using hotslot::process::function_slot;
using hotslot::process::function_spec;
using namespace asio::experimental::awaitable_operators;

std::size_t open_descriptors();
bool has_children();

/// The test function in one of its modes.
function_spec function(const std::string& mode);

hotslot::process::call_request request(std::string body = "hi",
                                       boost::beast::http::verb method = boost::beast::http::verb::post);

asio::awaitable<void> pause(std::chrono::milliseconds time);

// Not to be awaited inside of CHECK(), here as anywhere: it would begin twice.

/// The code that `operation` throws; none where it completes.
template <class T>
asio::awaitable<boost::system::error_code> code_of(awaitable<T> operation) {
  try {
    co_await std::move(operation);
  } catch (const boost::system::system_error& e) {
    co_return e.code();
  }
  co_return boost::system::error_code();
}

/// The code with which `operation` ends when it is cancelled after `time`.
template <class T>
asio::awaitable<boost::system::error_code>
code_of_cancelled(awaitable<T> operation, asio::cancellation_type type, std::chrono::milliseconds time) {
  asio::cancellation_signal signal;
  boost::system::error_code result;
  const auto run = [&]() -> awaitable<void> {
    co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
    result = co_await code_of(std::move(operation));
  };
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer over(executor, asio::steady_timer::time_point::max());
  bool ended = false;
  const auto end = [&](std::exception_ptr) {
    ended = true;
    over.cancel();
  };
  asio::co_spawn(executor, run, asio::bind_cancellation_slot(signal.slot(), end));
  co_await pause(time);
  signal.emit(type);
  if (!ended)
    co_await over.async_wait(asio::as_tuple(asio::use_awaitable));
  co_return result;
}

class fixture {
 public:
  fixture();
  ~fixture();

  /// Runs until everything that `body` began is over: every process has to be gone.
  void run(std::function<awaitable<void>()> body, int threads = 1);

  function_launcher launcher(function_spec spec, std::shared_ptr<process::isolation_host> host = {},
                             std::shared_ptr<process::fleet> workers = {});

  const fs::path& root() const { return root_; }
  asio::io_context& context() { return *context_; }

  /// What went to the log, as "out: a line".
  std::vector<std::string> lines() const;
  /// What follows `prefix` in the log; empty where it is not there.
  std::string line_after(const std::string& prefix) const;

  /// Completes when the line is in the log, which whatever else is ready may bring there.
  awaitable<void> logged(std::string line) const;

  void new_context();
  /// Destroys the context and checks that nothing is left: no child, no descriptor, no directory.
  void check_nothing_left();

 private:
  fs::path root_;
  std::size_t descriptors_;
  std::unique_ptr<asio::io_context> context_;
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

} // namespace process_test

#endif
