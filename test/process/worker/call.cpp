// Calls of functions, good and bad.
#include "fixture.hpp"
#include "joining_thread.hpp"

#include <sys/wait.h>

#include <csignal>
#include <thread>

using namespace process_test;
using std::chrono::milliseconds;

namespace {

void failing_call(const std::string& mode, errc expected) {
  INFO(mode);
  fixture f;
  auto spec = function(mode);
  spec.max_reply_body = 50'000;
  f.run([&]() -> awaitable<void> {
    auto slot = co_await f.launcher(spec)();
    const auto code = co_await code_of(slot.call(request()));
    CHECK(code == expected);
    CHECK_FALSE(slot.reusable());
  });
}

} // namespace

TEST_CASE("a function that breaks the protocol fails its call and is not reusable") {
  failing_call("garbage", errc::invalid_reply);
  failing_call("close-at-once", errc::connection_lost);
  failing_call("close-in-head", errc::connection_lost);
  failing_call("close-in-body", errc::connection_lost);
  failing_call("exit-in-call", errc::connection_lost);
  failing_call("huge-body", errc::reply_too_large);
  failing_call("huge-chunks", errc::reply_too_large);
  failing_call("huge-header", errc::reply_too_large);
}

TEST_CASE("replies in every form of HTTP/1.1, with the connection kept or closed") {
  const std::pair<const char*, const char*> forms[] = {
      {"chunks", "onetwo"}, {"until-close", "to the end"}, {"interim", "late"}, {"close-politely", "ok"}};
  for (const auto& [mode, body] : forms) {
    INFO(mode);
    fixture f;
    f.run([&]() -> awaitable<void> {
      auto slot = co_await f.launcher(function(mode))();
      for (int call = 0; call < 3; ++call) {
        const auto reply = co_await slot.call(request());
        CHECK(reply.body() == body);
        CHECK(slot.reusable());
      }
    });
  }
}

TEST_CASE("a reply's trailer does not become a header") {
  fixture f;
  f.run([&]() -> awaitable<void> {
    auto slot = co_await f.launcher(function("trailer"))();
    for (int call = 0; call < 2; ++call) {
      const auto reply = co_await slot.call(request());
      CHECK(reply.body() == "one");
      CHECK(reply["X-Head"] == "1");
      CHECK(reply.count("X-Late") == 0);
      CHECK(reply.count("Fn-Http-Status") == 0);
      CHECK(slot.reusable());
    }
  });
}

TEST_CASE("a status below 100 is not waited beyond") {
  fixture f;
  f.run([&]() -> awaitable<void> {
    auto slot = co_await f.launcher(function("status-99"))();
    const auto reply = co_await slot.call(request());
    CHECK(reply.result_int() == 99);
  });
}

TEST_CASE("any status is passed on") {
  fixture f;
  f.run([&]() -> awaitable<void> {
    auto slot = co_await f.launcher(function("status-500"))();
    const auto reply = co_await slot.call(request());
    CHECK(reply.result_int() == 500);
    CHECK(slot.reusable());
  });
}

TEST_CASE("more than a reply is delivered to nobody") {
  fixture f;
  f.run([&]() -> awaitable<void> {
    auto slot = co_await f.launcher(function("too-much"))();
    const auto reply = co_await slot.call(request());
    CHECK(reply.body() == "one");
    CHECK_FALSE(slot.reusable());
  });
}

TEST_CASE("a connection that was closed while idle is reopened") {
  fixture f;
  f.run([&]() -> awaitable<void> {
    auto slot = co_await f.launcher(function("close-idle"))();
    for (int call = 0; call < 5; ++call) {
      const auto reply = co_await slot.call(request());
      CHECK(reply["Fn-Http-H-X-Pid"] == std::to_string(slot.pid()));
      co_await f.logged("out: closed " + std::to_string(call + 1));
    }
    CHECK(slot.reusable());
  });
}

TEST_CASE("a call of which anything was sent is not sent again") {
  fixture f;
  f.run([&]() -> awaitable<void> {
    auto slot = co_await f.launcher(function("close-while-reading"))();
    co_await slot.call(request());
    const auto code = co_await code_of(slot.call(request(std::string(3'000'000, 'b'))));
    CHECK(code == errc::connection_lost);
    CHECK_FALSE(slot.reusable());
  });
}

// 14.13
TEST_CASE("a worker that was paused is called over a new connection") {
  fixture f;
  f.run([&]() -> awaitable<void> {
    auto slot = co_await f.launcher(function("count-connections"))();
    std::string seen;
    for (int call = 0; call < 4; ++call) {
      seen += (co_await slot.call(request())).body();
      if (call != 1)
        continue;
      slot.pause();
      slot.resume();
    }
    CHECK(seen == "1122");
    slot.pause();
    CHECK(slot.reusable());
  });
}

// 14.15
TEST_CASE("a function may put another listener in the place of its own, within its directory") {
  for (const bool outside : {false, true}) {
    fixture f;
    auto spec = function("replace-listener");
    char folder[] = "/tmp/outside-XXXXXX";
    if (outside)
      spec.config["OUTSIDE"] = ::mkdtemp(folder);
    f.run([&]() -> awaitable<void> {
      auto slot = co_await f.launcher(spec)();
      co_await slot.call(request());
      co_await f.logged("out: replaced");
      const auto code = co_await code_of(slot.call(request()));
      CHECK(code == (outside ? make_error_code(errc::connection_lost) : boost::system::error_code()));
      CHECK(slot.reusable() != outside);
      if (outside)
        CHECK_FALSE(slot.take_back()->sent);
    });
    if (outside)
      fs::remove_all(folder);
  }
}

// 14.12
TEST_CASE("a call that was sent is at hand until its reply begins, where it may be sent again") {
  using boost::beast::http::verb;
  const auto taken_back = [](const std::string& mode, verb method, std::size_t bytes, bool answers_once) {
    fixture f;
    std::optional<process::unanswered_call> back;
    f.run([&]() -> awaitable<void> {
      auto slot = co_await f.launcher(function(mode))();
      if (answers_once) {
        co_await slot.call(request("first", method));
        CHECK_FALSE(slot.take_back());
      }
      const auto code = co_await code_of(slot.call(request(std::string(bytes, 'b'), method)));
      CHECK(code == errc::connection_lost);
      back = slot.take_back();
    });
    return back;
  };
  for (const std::size_t bytes : {10, 3'000'000}) {
    const auto put = taken_back("close-while-reading", verb::put, bytes, true);
    REQUIRE(put);
    CHECK(put->sent);
    CHECK(put->request.body == std::string(bytes, 'b'));
    CHECK(put->request.head == request(std::string(bytes, 'b'), verb::put).head);
  }
  CHECK_FALSE(taken_back("close-while-reading", verb::post, 10, true));
  CHECK_FALSE(taken_back("close-in-head", verb::put, 10, false));
  CHECK_FALSE(taken_back("close-after-interim", verb::put, 10, false));
}

// 14.12
TEST_CASE("who asks for a lack of memory may be cancelled, and gets an answer") {
  fixture f;
  f.run([&]() -> awaitable<void> {
    auto slot = co_await f.launcher(function("close-at-once"))();
    const auto lost = co_await code_of(slot.call(request()));
    CHECK(lost == errc::connection_lost);
    bool answered = false;
    const auto ask = [&]() -> awaitable<void> {
      const bool memory = co_await slot.ran_out_of_memory();
      answered = !memory;
    };
    co_await code_of_cancelled(ask(), asio::cancellation_type::terminal, milliseconds(10));
    CHECK(answered);
  });
}

TEST_CASE("large bodies pass in both directions") {
  fixture f;
  f.run([&]() -> awaitable<void> {
    auto slot = co_await f.launcher(function("echo"))();
    const std::string body(3'000'000, 'b');
    const auto reply = co_await slot.call(request(body));
    CHECK(reply.body().ends_with(body));
  });
}

TEST_CASE("a cancelled call ends at once and leaves its worker dirty") {
  fixture f;
  f.run([&]() -> awaitable<void> {
    auto slot = co_await f.launcher(function("never-answer"))();
    const auto code =
        co_await code_of_cancelled(slot.call(request()), asio::cancellation_type::terminal, milliseconds(10));
    CHECK(code == asio::error::operation_aborted);
    CHECK_FALSE(slot.reusable());
  });
}

TEST_CASE("a call cancelled while its request is being written") {
  fixture f;
  f.run([&]() -> awaitable<void> {
    auto slot = co_await f.launcher(function("never-read"))();
    const auto first = co_await (slot.call(request(std::string(3'000'000, 'b'))) || pause(milliseconds(10)));
    CHECK(first.index() == 1);
    CHECK_FALSE(slot.reusable());
  });
}

TEST_CASE("kill -9 of an idle worker is noticed at once") {
  fixture f;
  f.run([&]() -> awaitable<void> {
    auto slot = co_await f.launcher(function("echo"))();
    auto gone = slot.wait_gone();
    ::kill(slot.pid(), SIGKILL);
    co_await std::move(gone);
    CHECK_FALSE(slot.reusable());
    CHECK(slot.how_it_ended() == "killed by signal 9");
    CHECK_FALSE(has_children());
    CHECK(fs::is_empty(f.root()));
    const auto code = co_await code_of(slot.call(request()));
    CHECK(code == errc::connection_lost);
  });
}

TEST_CASE("kill -9 in the middle of a call ends the call at once") {
  fixture f;
  f.run([&]() -> awaitable<void> {
    auto slot = co_await f.launcher(function("never-answer"))();
    const auto kill = [&]() -> awaitable<void> {
      co_await pause(milliseconds(10));
      ::kill(slot.pid(), SIGKILL);
    };
    const auto code = co_await (code_of(slot.call(request())) && kill());
    CHECK(code == errc::connection_lost);
  });
}

TEST_CASE("a call ends with its worker even where a descendant holds the connection") {
  fixture f;
  f.run([&]() -> awaitable<void> {
    auto slot = co_await f.launcher(function("stranger"))();
    auto gone = slot.wait_gone();
    const auto kill = [&]() -> awaitable<void> {
      while (f.line_after("out: stranger ").empty())
        co_await pause(milliseconds(1));
      ::kill(slot.pid(), SIGKILL);
    };
    const auto code = co_await (code_of(slot.call(request())) && kill());
    CHECK(code == errc::connection_lost);
    co_await std::move(gone);
  });
  ::kill(std::stoi(f.line_after("out: stranger ")), SIGKILL);
}

TEST_CASE("a worker that ignores SIGTERM is killed after its grace") {
  fixture f;
  auto spec = function("ignore-term");
  spec.stop_grace = milliseconds(30);
  f.run([&]() -> awaitable<void> { co_await f.launcher(spec)(); });
  CHECK(f.lines().back() == "life: killed by signal 9");
}

// 14.18
TEST_CASE("a fleet that is hurried leaves no grace, before it began or in its midst") {
  for (const bool early : {false, true}) {
    fixture f;
    auto spec = function("ignore-term");
    spec.stop_grace = std::chrono::hours(1);
    f.run([&]() -> awaitable<void> {
      const auto all = std::make_shared<process::fleet>(f.context().get_executor());
      auto slot = co_await f.launcher(spec, {}, all)();
      if (early)
        all->hurry();
      slot.close();
      if (!early)
        co_await f.logged("out: asked to end");
      all->hurry();
      co_await all->async_join();
      CHECK_FALSE(has_children());
    });
    CHECK(f.lines().back() == "life: killed by signal 9");
  }
}

TEST_CASE("the whole process group ends with its leader") {
  for (const bool kill_leader : {false, true}) {
    fixture f;
    pid_t child = 0;
    f.run([&]() -> awaitable<void> {
      auto slot = co_await f.launcher(function("children"))();
      child = std::stoi((co_await slot.call(request())).body());
      CHECK(::kill(child, 0) == 0);
      if (kill_leader)
        ::kill(slot.pid(), SIGKILL);
    });
    // Whose child it is now depends on where the tests run: it may stay as a zombie, but not as a process.
    const fs::path program = "/proc/" + std::to_string(child) + "/exe";
    std::error_code ended;
    while (!ended)
      std::ignore = fs::read_symlink(program, ended);
  }
}

TEST_CASE("output goes to the sink line by line, also the last of it") {
  fixture f;
  f.run([&]() -> awaitable<void> {
    auto slot = co_await f.launcher(function("lines"))();
    co_await slot.call(request());
  });
  std::vector<std::string> out;
  for (const auto& line : f.lines())
    if (line.starts_with("out: "))
      out.push_back(line.substr(5));
  CHECK(out == std::vector<std::string>{"first", "second", "", std::string(process::max_log_line, 'x'),
                                        "after", "", "no end"});
  CHECK(f.line_after("err: ") == "complaint");
}

TEST_CASE("wait_gone can be cancelled, and awaited by several") {
  fixture f;
  f.run([&]() -> awaitable<void> {
    auto slot = co_await f.launcher(function("echo"))();
    const auto first = co_await (slot.wait_gone() || pause(milliseconds(5)));
    CHECK(first.index() == 1);
    const auto reply = co_await slot.call(request());
    CHECK(reply.result_int() == 200);
    auto one = slot.wait_gone(), two = slot.wait_gone();
    slot.close();
    co_await (std::move(one) && std::move(two));
  });
}

TEST_CASE("slots are closed from any thread") {
  fixture f;
  f.run(
      [&]() -> awaitable<void> {
        std::vector<function_slot> slots;
        for (int i = 0; i < 4; ++i)
          slots.push_back(co_await f.launcher(function("echo"))());
        std::vector<joining_thread> threads;
        for (auto& slot : slots)
          threads.emplace_back([&slot] { slot.close(); });
      },
      2);
}

TEST_CASE("a worker outlives the thread that asked for it") {
  fixture f;
  f.new_context();
  auto started = asio::co_spawn(f.context(), f.launcher(function("echo"))(), asio::use_future);
  joining_thread([&] {
    while (started.wait_for(milliseconds(0)) != std::future_status::ready)
      f.context().run_one();
  }).join();
  auto slot = started.get();
  auto replied = asio::co_spawn(f.context(), slot.call(request()), asio::use_future);
  while (replied.wait_for(milliseconds(0)) != std::future_status::ready)
    f.context().run_one();
  CHECK(replied.get().result_int() == 200);
  slot.close();
  f.context().run();
  f.check_nothing_left();
}

TEST_CASE("a context that is destroyed takes its workers along") {
  fixture f;
  f.new_context();
  auto started = asio::co_spawn(f.context(), f.launcher(function("echo"))(), asio::use_future);
  while (started.wait_for(milliseconds(0)) != std::future_status::ready)
    f.context().run_one();
  started.get().close();
  f.check_nothing_left();
}
