#include "fixture.hpp"
#include "joining_thread.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

namespace process_test {

std::size_t open_descriptors() {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator()));
}

bool has_children() {
  siginfo_t info{};
  return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

function_spec function(const std::string& mode) {
  function_spec spec;
  spec.app_id = "app-id";
  spec.app_name = "demo";
  spec.fn_id = "fn-id";
  spec.fn_name = mode;
  spec.command = {TEST_FUNCTION, mode};
  spec.start_timeout = std::chrono::seconds(20); // sanitizers and valgrind are slow
  return spec;
}

hotslot::process::call_request request(std::string body, boost::beast::http::verb method) {
  hotslot::process::caller_request caller;
  caller.method(method);
  caller.body() = std::move(body);
  return process::make_call_request(std::move(caller), {.call_id = "call-1", .deadline = {}});
}

awaitable<void> pause(std::chrono::milliseconds time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

fixture::fixture() {
  char name[] = "/tmp/hotslot-XXXXXX";
  root_ = ::mkdtemp(name);
  descriptors_ = open_descriptors();
}

fixture::~fixture() { fs::remove_all(root_); }

void fixture::new_context() { context_ = std::make_unique<asio::io_context>(); }

void fixture::run(std::function<awaitable<void>()> body, int threads) {
  new_context();
  std::exception_ptr failed;
  // Operations of a parallel group must not end at the same time.
  asio::co_spawn(asio::make_strand(*context_), body, [&](std::exception_ptr e) { failed = e; });
  std::vector<joining_thread> others;
  for (int i = 1; i < threads; ++i)
    others.emplace_back([this] { context_->run(); });
  context_->run();
  others.clear();
  if (failed)
    std::rethrow_exception(failed);
  check_nothing_left();
}

void fixture::check_nothing_left() {
  context_.reset();
  CHECK_FALSE(has_children());
  CHECK(open_descriptors() == descriptors_);
  CHECK(fs::is_empty(root_));
}

function_launcher fixture::launcher(function_spec spec, std::shared_ptr<process::isolation_host> host,
                                    std::shared_ptr<process::fleet> workers) {
  return function_launcher(
      context_->get_executor(), std::move(spec), root_,
      [this](process::log_source source, std::string_view line, const process::worker_info&) {
        static constexpr const char* names[] = {"out: ", "err: ", "life: ", "lost: "};
        const std::lock_guard lock(mutex_);
        lines_.push_back(names[static_cast<int>(source)] + std::string(line));
      },
      std::move(host), std::move(workers));
}

std::vector<std::string> fixture::lines() const {
  const std::lock_guard lock(mutex_);
  return lines_;
}

awaitable<void> fixture::logged(std::string line) const {
  const auto is_there = [&] {
    const auto all = lines();
    return std::find(all.begin(), all.end(), line) != all.end();
  };
  while (!is_there())
    co_await asio::post(asio::use_awaitable);
}

std::string fixture::line_after(const std::string& prefix) const {
  for (const auto& line : lines())
    if (line.starts_with(prefix))
      return line.substr(prefix.size());
  return {};
}

} // namespace process_test
