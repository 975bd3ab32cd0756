// Starts of functions, good and bad.
#include "fixture.hpp"

#include "process/spawn/spawn.hpp"

#include <hotslot/process/socket_root.hpp>

#include <sys/stat.h>

#include <fstream>
#include <future>
#include <thread>

using namespace process_test;
using std::chrono::milliseconds;

namespace {

std::string start_failure(fixture& f, const function_spec& spec, boost::system::error_code expected) {
  std::string what;
  f.run([&]() -> awaitable<void> {
    try {
      auto slot = co_await f.launcher(spec)();
      FAIL_CHECK("started");
    } catch (const boost::system::system_error& e) {
      CHECK(e.code() == expected);
      what = e.what();
    }
  });
  INFO(what);
  CHECK(what.find("demo/" + spec.fn_name) != std::string::npos);
  return what;
}

function_spec with_command(std::vector<std::string> command) {
  auto spec = function("echo");
  spec.command = std::move(command);
  return spec;
}

} // namespace

TEST_CASE("a function starts, answers twice from one process, and ends") {
  fixture f;
  f.run([&]() -> awaitable<void> {
    auto slot = co_await f.launcher(function("echo"))();
    const auto first = co_await slot.call(request("one"));
    const auto second = co_await slot.call(request("two"));
    CHECK(first.body().ends_with("\r\n\r\none"));
    CHECK(second.body().ends_with("\r\n\r\ntwo"));
    CHECK(first["Fn-Http-H-X-Pid"] == std::to_string(slot.pid()));
    CHECK(second["Fn-Http-H-X-Pid"] == std::to_string(slot.pid()));
    CHECK(slot.reusable());
    CHECK(slot.how_it_ended().empty());
    auto gone = slot.wait_gone();
    slot.close();
    CHECK_FALSE(slot);
    co_await std::move(gone);
    CHECK_FALSE(has_children());
    CHECK(fs::is_empty(f.root()));
  });
  CHECK(f.lines() == std::vector<std::string>{"life: ready", "life: killed by signal 15"});
}

TEST_CASE("a socket made in place is accepted, also where it listens late") {
  for (const bool late : {false, true}) {
    fixture f;
    auto spec = function("in-place");
    if (late)
      spec.config["LISTEN_LATE"] = "1";
    f.run([&]() -> awaitable<void> {
      auto slot = co_await f.launcher(spec)();
      const auto reply = co_await slot.call(request());
      CHECK(reply.result_int() == 200);
    });
  }
}

TEST_CASE("a function that exits at once is a failed start that tells how it ended") {
  fixture f;
  CHECK(start_failure(f, function("exit"), errc::exited_at_start).find("status 7") != std::string::npos);
  CHECK(start_failure(f, function("abort"), errc::exited_at_start).find("signal 9") != std::string::npos);
  start_failure(f, function("exit-with-words"), errc::exited_at_start);
  CHECK(f.line_after("err: ") == "cannot go on");
}

TEST_CASE("a function that never listens runs into its start timeout") {
  for (const auto* mode : {"never-listen", "bound-only"}) {
    fixture f;
    auto spec = function(mode);
    spec.start_timeout = milliseconds(100);
    start_failure(f, spec, errc::start_timeout);
  }
}

TEST_CASE("what is no socket in its directory is a failed start") {
  for (const auto* mode : {"dangling", "regular-file", "directory", "outside"}) {
    fixture f;
    start_failure(f, function(mode), errc::bad_socket);
    if (const auto outside = f.line_after("out: outside "); !outside.empty())
      fs::remove_all(outside);
  }
}

TEST_CASE("a command that cannot be run is a failed start that names it") {
  fixture f;
  const auto not_executable = (f.root().string() + "-file");
  std::ofstream(not_executable) << "#!/bin/sh\n";
  CHECK(start_failure(f, with_command({"/no/such/command"}), errc::command_not_found)
            .find("/no/such/command") != std::string::npos);
  CHECK(start_failure(f, with_command({"no-such-command-in-path"}), errc::command_not_found)
            .starts_with(
                "demo/echo: no-such-command-in-path is not in the function's PATH: command not found"));
  start_failure(f, with_command({not_executable}), errc::command_not_executable);
  const auto script = f.root().string() + "-script";
  std::ofstream(script) << "#!/no/such/interpreter\n";
  fs::permissions(script, fs::perms::owner_all);
  CHECK(start_failure(f, with_command({script}), errc::command_not_found)
            .find("the interpreter of " + script) != std::string::npos);
  fs::remove(script);
  start_failure(f, with_command({"/tmp"}), errc::command_not_executable);
  start_failure(f, with_command({}), errc::invalid_spec);
  start_failure(f, with_command({std::string("a\0b", 3)}), errc::invalid_spec);
  fs::remove(not_executable);
}

TEST_CASE("a directory that cannot be entered, a configuration that cannot be passed on") {
  fixture f;
  auto spec = function("echo");
  spec.dir = "/no/such/directory";
  CHECK(start_failure(f, spec, errc::bad_directory).find("/no/such/directory") != std::string::npos);
  spec = function("echo");
  spec.config["A=B"] = "c";
  start_failure(f, spec, errc::invalid_spec);
}

TEST_CASE("the PATH that a command is looked for in is the function's") {
  fixture f;
  auto spec = function("echo");
  const fs::path program = TEST_FUNCTION;
  spec.command = {program.filename().string(), "echo"};
  start_failure(f, spec, errc::command_not_found);
  spec.config["PATH"] = "/nowhere:" + program.parent_path().string();
  f.run([&]() -> awaitable<void> {
    auto slot = co_await f.launcher(spec)();
    const auto reply = co_await slot.call(request());
    CHECK(reply.result_int() == 200);
  });
}

TEST_CASE("a cancelled start leaves nothing") {
  for (const auto time : {milliseconds(0), milliseconds(1), milliseconds(5), milliseconds(50)}) {
    fixture f;
    f.run([&]() -> awaitable<void> {
      const auto first = co_await (f.launcher(function("never-listen"))() || pause(time));
      CHECK(first.index() == 1);
      CHECK_FALSE(has_children());
      CHECK(fs::is_empty(f.root()));
    });
  }
}

TEST_CASE("every type of cancellation ends a start with operation_aborted") {
  for (const auto type :
       {asio::cancellation_type::terminal, asio::cancellation_type::partial, asio::cancellation_type::total})
    for (const auto time : {milliseconds(0), milliseconds(20)}) {
      fixture f;
      f.run([&]() -> awaitable<void> {
        const auto code = co_await code_of_cancelled(f.launcher(function("never-listen"))(), type, time);
        CHECK(code == asio::error::operation_aborted);
        CHECK_FALSE(has_children());
        CHECK(fs::is_empty(f.root()));
      });
    }
}

TEST_CASE("a start that is cancelled as it completes is either, and leaves nothing") {
  fixture f;
  f.run(
      [&]() -> awaitable<void> {
        for (int ms = 0; ms < 20; ++ms)
          co_await (f.launcher(function("echo"))() || pause(milliseconds(ms)));
      },
      2);
}

TEST_CASE("a process sees exactly what it is to see") {
  fixture f;
  auto spec = function("about");
  spec.dir = "/usr";
  spec.config = {{"GREETING", "hello"}, {"LANG", "de_DE.UTF-8"}, {"FN_FORMAT", "mine"}};
  ::setenv("LEAKED", "yes", 1);
  std::string body;
  f.run([&]() -> awaitable<void> {
    auto slot = co_await f.launcher(spec)();
    body = (co_await slot.call(request())).body();
  });
  std::istringstream in(body);
  std::vector<std::string> variables;
  std::string line;
  while (std::getline(in, line) && !line.starts_with("cwd="))
    variables.push_back(line);
  CHECK(line == "cwd=/usr");
  for (auto& v : variables)
    for (const std::string name : {"FN_LISTENER=unix:", "TMPDIR="})
      if (v.starts_with(name + f.root().string()))
        v = name;
  // LSAN and the like put nothing there; what the contract and the configuration say is all.
  CHECK(variables == std::vector<std::string>{
                         "FN_APP_ID=app-id", "FN_APP_NAME=demo", "FN_FN_ID=fn-id", "FN_FN_NAME=about",
                         "FN_FORMAT=http-stream", "FN_LISTENER=unix:", "FN_MEMORY=128", "FN_TYPE=sync",
                         "GREETING=hello", "HOME=/usr", "LANG=de_DE.UTF-8",
                         "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TMPDIR="});
  CHECK(body.find("\n0=/dev/null\n") != std::string::npos);
  CHECK(body.find("\n4=") == std::string::npos); // 3 is its own look at the list
  CHECK(body.find("SigBlk:\t0000000000000000") != std::string::npos);
  CHECK(body.find("SigIgn:\t0000000000000000") != std::string::npos);
}

// 14.29
TEST_CASE("a command is looked for where it is run") {
  fixture f;
  const fs::path dir = fs::temp_directory_path() / ("hotslot-dir-" + std::to_string(::getpid()));
  fs::create_directories(dir / "bin" / "folder");
  fs::create_directories(dir / "other" / "folder");
  fs::remove(dir / "other" / "folder");
  fs::create_symlink(TEST_FUNCTION, dir / "other" / "folder");
  fs::create_symlink(TEST_FUNCTION, dir / "here");
  for (const auto& [path, name] : {std::pair("bin:other", "folder"), std::pair("bin::other", "here")}) {
    auto spec = with_command({name, "echo"});
    spec.dir = dir;
    spec.config = {{"PATH", path}};
    f.run([&]() -> awaitable<void> {
      auto slot = co_await f.launcher(spec)();
      const auto reply = co_await slot.call(request());
      CHECK(reply.result_int() == 200);
    });
  }
  fs::remove_all(dir);
}

// 14.29
TEST_CASE("what a worker needs of the file system is not made by the threads that serve") {
  fixture f;
  f.new_context();
  std::promise<void> go_on;
  asio::post(process::detail::spawn_executor(), [&] { go_on.get_future().wait(); });
  const auto start = [launcher = f.launcher(function("echo"))]() -> awaitable<void> {
    auto slot = co_await launcher();
  };
  asio::co_spawn(f.context(), start, asio::detached);
  f.context().poll();
  CHECK(fs::is_empty(f.root()));
  go_on.set_value();
  f.context().run();
  f.check_nothing_left();
}

TEST_CASE("many workers start at once from several threads") {
  fixture f;
  std::atomic<int> served = 0;
  f.run(
      [&]() -> awaitable<void> {
        const auto one = [launcher = f.launcher(function("echo")), &served]() -> awaitable<void> {
          auto slot = co_await launcher();
          for (int call = 0; call < 5; ++call)
            served += (co_await slot.call(request())).result_int() == 200;
        };
        for (int i = 0; i < 16; ++i)
          asio::co_spawn(f.context(), one, asio::detached);
        co_return;
      },
      3);
  CHECK(served == 80);
}

TEST_CASE("a socket root is checked before anything starts in it") {
  fixture f;
  CHECK(process::prepare_socket_root(f.root() / "made") == f.root() / "made");
  struct ::stat made {};
  REQUIRE(::stat((f.root() / "made").c_str(), &made) == 0);
  CHECK((made.st_mode & 0777) == 0700);
  CHECK_THROWS_AS(process::prepare_socket_root("/proc/no"), boost::system::system_error);

  const fs::path longest =
      f.root() / std::string(process::max_socket_root - f.root().native().size() - 1, 'x');
  CHECK(process::prepare_socket_root(longest) == longest);
  try {
    process::prepare_socket_root(longest.string() + "x");
    FAIL_CHECK("accepted");
  } catch (const boost::system::system_error& e) {
    CHECK(e.code() == errc::socket_path_too_long);
  }
}

TEST_CASE("a function starts in the longest root") {
  fixture f;
  const fs::path longest =
      f.root() / std::string(process::max_socket_root - f.root().native().size() - 1, 'x');
  f.run([&]() -> awaitable<void> {
    auto slot = co_await function_launcher(f.context().get_executor(), function("echo"),
                                           process::prepare_socket_root(longest))();
    const auto reply = co_await slot.call(request());
    CHECK(reply.result_int() == 200);
    co_await code_of(
        function_launcher(f.context().get_executor(), function("echo"), longest.string() + "x")());
    auto gone = slot.wait_gone();
    slot.close();
    co_await std::move(gone);
    fs::remove_all(longest);
  });
}
