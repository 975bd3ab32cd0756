// A pool of connections to a PostgreSQL server, which may end them, stall, go away, and come back.
//
//   postgres_pool [--naive] SERVER CALLERS TIMEOUT_MS
//
// SERVER is a connection string ("host=/run/postgresql dbname=test"), where there has to be a table:
//
//   CREATE TABLE entries (id int)
//
// As many callers at once insert rows, with ids from 1 on, over four connections. Each line of standard input
// says for how long: "insert N" until there were so many, "start" until the next line. Each row is counted,
// or refused (it is not there), or unsure (nobody can know); a statement that takes longer than TIMEOUT_MS is
// cut off. --naive does the same by a plain list of connections.
#include "postgres_connection.hpp"

#include <hotslot/launcher.hpp>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/experimental/parallel_group.hpp>

#include <iostream>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace asio = boost::asio;
using boost::system::error_code;
using boost::system::system_error;
using postgres::connection;
using postgres::fate;
using namespace std::chrono_literals;

// A statement whose caller waits no longer is cancelled.
asio::awaitable<void> within(std::chrono::milliseconds limit, asio::awaitable<postgres::result> query) {
  const auto ex = co_await asio::this_coro::executor;
  asio::steady_timer timer(ex, limit);
  auto race = asio::experimental::make_parallel_group(asio::co_spawn(ex, std::move(query), asio::deferred),
                                                      timer.async_wait(asio::deferred));
  auto [order, failed, answer, ignored] =
      co_await race.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
  if (failed && order[0] == 1)
    throw system_error(asio::error::timed_out);
  if (failed)
    std::rethrow_exception(failed);
}

// What a call does to its session, here to its name, the next one must not see.
asio::awaitable<void> insert_row(connection& c, int id, std::chrono::milliseconds limit) {
  const postgres::words values{std::to_string(id)};
  auto query = c.query("INSERT INTO entries (id) SELECT $1::int"
                       " FROM set_config('application_name', 'insert ' || $1, false)",
                       values);
  co_await within(limit, std::move(query));
}

asio::awaitable<void> ping(connection& c) { co_await c.query("SELECT 1"); }

asio::awaitable<bool> answers(connection& c) {
  co_await ping(c); // or throws, which is a no
  co_return true;
}

// Fails in a transaction that a call has left open, and so ends it: the connection is closed.
asio::awaitable<void> forget_session(connection& c) { co_await c.query("DISCARD ALL"); }

class pool {
 public:
  pool(asio::io_context& io, const std::string& server)
    : connections_(looked_after(io))
    , launcher_(
          connections_, [server] { return connection::open(server); }, options()) {}

  // A lease that goes without a word, because of an error or in a cancelled call, closes its connection.
  asio::awaitable<void> insert(int id, std::chrono::milliseconds limit) {
    const auto deadline = std::chrono::steady_clock::now() + 30s; // for a connection
    for (;;) {
      auto lease = co_await connections_.acquire(deadline);
      try {
        co_await insert_row(*lease, id, limit);
        lease.release();
        co_return;
      } catch (const postgres::error& e) {
        if (e.statement == fate::refused)
          lease.release();
        if (e.statement != fate::not_sent)
          throw;
      }
    }
  }

  void close() { connections_.close(); }

 private:
  using queue = hotslot::slot_queue<connection>;

  static queue looked_after(asio::io_context& io) {
    queue connections(io);
    queue::upkeep_type upkeep;
    upkeep.validate = answers;
    upkeep.validate_timeout = 1s;
    upkeep.reset = forget_session;
    upkeep.reset_timeout = 1s;
    upkeep.keepalive = ping;
    upkeep.keepalive_interval = 2s; // less than whatever on the way takes to forget idle connections
    upkeep.keepalive_timeout = 1s;
    connections.set_upkeep(upkeep);
    connections.set_leak_detection({.leak_after = 1min, .on_leak = tell_leak});
    return connections;
  }

  static void tell_leak(const hotslot::leaked_lease& l) {
    std::cout << "a connection is out for a minute, taken in " << l.where.file_name() << ':' << l.where.line()
              << std::endl;
  }

  static hotslot::launcher_options options() {
    hotslot::launcher_options o;
    o.max_workers = 4;
    o.idle_timeout = 60s;
    o.max_lifetime = 10s; // half an hour, in earnest
    o.start_timeout = 5s;
    // A server that is away comes back: callers wait for it, each for as long as it likes, and no breaker
    // refuses them.
    o.starts = {.backoff = {.first = 10ms, .most = 100ms}, .breaker_failures = 0};
    o.on_failure = [](const auto& f) { std::cout << "cannot connect: " << f.message << std::endl; };
    return o;
  }

  queue connections_;
  hotslot::launcher<connection> launcher_;
};

// What one writes first: a list of connections, each used until it fails, and made anew by who comes next.
class naive_pool {
 public:
  naive_pool(asio::io_context& io, std::string server)
    : server_(std::move(server))
    , list_(io, 4) {
    for (int n = 0; n != 4; ++n)
      list_.try_send(error_code(), pointer());
  }

  asio::awaitable<void> insert(int id, std::chrono::milliseconds limit) {
    pointer c = co_await list_.async_receive(asio::use_awaitable);
    try {
      if (!c) {
        auto made = co_await connection::open(server_);
        c = std::make_unique<connection>(std::move(made));
      }
      co_await insert_row(*c, id, limit);
    } catch (...) {
      list_.try_send(error_code(), pointer());
      throw;
    }
    list_.try_send(error_code(), std::move(c));
  }

  void close() { list_.close(); }

 private:
  using pointer = std::unique_ptr<connection>;

  std::string server_;
  asio::experimental::channel<void(error_code, pointer)> list_;
};

struct tally {
  int left = 0; ///< Rows that are still to be inserted.
  int last_id = 0;
  int counted = 0;
  int refused = 0;
  int unsure = 0;
};

template <class Pool>
asio::awaitable<bool> insert_and_tell(Pool& connections, int id, std::chrono::milliseconds limit,
                                      tally& all) {
  bool known = true;
  std::string why;
  try {
    co_await connections.insert(id, limit);
    ++all.counted;
    co_return true;
  } catch (const hotslot::lease_error& e) {
    why = e.what();
  } catch (const postgres::error& e) {
    why = e.what();
    known = e.statement != fate::unknown;
  } catch (const system_error& e) { // cut off
    why = e.what();
    known = false;
  }
  ++(known ? all.refused : all.unsure);
  std::cout << (known ? "refused " : "unsure ") << id << ": " << why << std::endl;
  co_return false;
}

template <class Pool>
asio::awaitable<void> call(Pool& connections, std::chrono::milliseconds limit, tally& all) {
  asio::steady_timer pause(co_await asio::this_coro::executor);
  while (all.left > 0) {
    --all.left;
    const bool done = co_await insert_and_tell(connections, ++all.last_id, limit, all);
    if (done)
      continue;
    pause.expires_after(10ms);
    co_await pause.async_wait(asio::use_awaitable);
  }
}

template <class Pool>
asio::awaitable<void> call_at_once(Pool& connections, int callers, std::chrono::milliseconds limit,
                                   tally& all) {
  const auto ex = co_await asio::this_coro::executor;
  const auto start = [&] { return asio::co_spawn(ex, call(connections, limit, all), asio::deferred); };
  std::vector<decltype(start())> calls;
  for (int n = 0; n != callers; ++n)
    calls.push_back(start());
  co_await asio::experimental::make_parallel_group(std::move(calls))
      .async_wait(asio::experimental::wait_for_all(), asio::use_awaitable);
}

class input {
 public:
  explicit input(const asio::any_io_executor& ex)
    : stream_(ex, ::dup(STDIN_FILENO)) {}

  /// Empty at the end.
  asio::awaitable<std::string> line() {
    auto [ec, n] = co_await asio::async_read_until(stream_, asio::dynamic_buffer(text_), '\n',
                                                   asio::as_tuple(asio::use_awaitable));
    std::string first = ec ? std::string() : text_.substr(0, n);
    text_.erase(0, n);
    co_return first;
  }

  asio::awaitable<void> stop(int& left) {
    co_await line();
    left = 0;
  }

 private:
  asio::posix::stream_descriptor stream_;
  std::string text_;
};

template <class Pool>
asio::awaitable<void> serve(Pool& connections, int callers, std::chrono::milliseconds limit) {
  using namespace asio::experimental::awaitable_operators;
  input commands(co_await asio::this_coro::executor);
  tally all;
  for (;;) {
    const std::string command = co_await commands.line();
    if (command.empty())
      break;
    all = {.last_id = all.last_id};
    if (command.starts_with("insert ")) {
      all.left = std::stoi(command.substr(7));
      co_await call_at_once(connections, callers, limit, all);
    } else {
      all.left = std::numeric_limits<int>::max();
      auto calls = call_at_once(connections, callers, limit, all);
      auto stop = commands.stop(all.left);
      co_await (std::move(calls) && std::move(stop));
    }
    std::cout << all.counted << " counted, " << all.refused << " refused, " << all.unsure << " unsure"
              << std::endl;
  }
  connections.close();
}

template <class Pool>
void run(const std::string& server, int callers, std::chrono::milliseconds limit) {
  asio::io_context io(1);
  Pool connections(io, server);
  asio::co_spawn(io, serve(connections, callers, limit), [](std::exception_ptr e) {
    if (e)
      std::rethrow_exception(e);
  });
  io.run();
}

int main(int argc, char** argv) try {
  std::vector<std::string> words(argv + 1, argv + argc);
  const bool naive = !words.empty() && words.front() == "--naive";
  if (naive)
    words.erase(words.begin());
  if (words.size() != 3)
    throw std::invalid_argument("three arguments are needed");
  const std::chrono::milliseconds limit(std::stoi(words[2]));
  const int callers = std::stoi(words[1]);
  if (naive)
    run<naive_pool>(words[0], callers, limit);
  else
    run<pool>(words[0], callers, limit);
} catch (const std::invalid_argument&) {
  std::cerr << "usage: postgres_pool [--naive] SERVER CALLERS TIMEOUT_MS" << std::endl;
  return 2;
} catch (const std::exception& e) {
  std::cerr << e.what() << std::endl;
  return 1;
}
