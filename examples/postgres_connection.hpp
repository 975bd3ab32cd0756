// A connection to a PostgreSQL server: libpq knows the protocol, Asio does the waiting. Nothing here is of
// hotslot, and yet it is a slot: movable, with close().
//
// All use of a connection has to be on one thread, or one strand.
#ifndef EXAMPLES_POSTGRES_CONNECTION_HPP
#define EXAMPLES_POSTGRES_CONNECTION_HPP

#include <boost/asio.hpp>
#include <libpq-fe.h>

#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>

namespace postgres {

namespace asio = boost::asio;
using words = std::vector<std::string>;

struct deleter {
  void operator()(PGconn* c) const noexcept { PQfinish(c); }
  void operator()(PGresult* r) const noexcept { PQclear(r); }
};
using result = std::unique_ptr<PGresult, deleter>;

/// What became of a statement that has failed.
enum class fate {
  not_sent, ///< There was no connection any more: another one may be tried.
  refused,  ///< The server said no. It has undone what there was, and is ready for the next.
  unknown,  ///< Sent, and the connection ended before the server was ready again.
};

struct error : std::runtime_error {
  error(fate f, std::string_view why)
    : std::runtime_error(std::string(why.substr(0, why.find('\n'))))
    , statement(f) {}

  fate statement;
};

class connection {
 public:
  /// `server` is a connection string. Throws `error`. A host that has a name is looked up by libpq, which
  /// holds up the thread; give `hostaddr`, or a socket.
  static asio::awaitable<connection> open(std::string server) {
    const auto ex = co_await asio::this_coro::executor;
    auto made = std::make_unique<state>(ex, server.c_str());
    PGconn* const pq = made->pq.get();
    PostgresPollingStatusType next = PGRES_POLLING_WRITING;
    while (next != PGRES_POLLING_OK) {
      if (next == PGRES_POLLING_FAILED || PQstatus(pq) == CONNECTION_BAD)
        throw error(fate::not_sent, PQerrorMessage(pq));
      made->follow(); // libpq may have another socket by now
      co_await made->ready_to(next == PGRES_POLLING_READING ? state::wait_read : state::wait_write);
      next = PQconnectPoll(pq);
    }
    made->follow();
    PQsetnonblocking(pq, 1);
    PQsetNoticeReceiver(pq, &state::notice, made.get());
    co_return connection(std::move(made));
  }

  /// Runs one statement, with `values` for $1, $2 and so on; no COPY. Throws `error`; the connection is then
  /// of no further use, but where the statement was refused.
  ///
  /// Nor is it of any where this is cancelled, for the statement runs on. Close it. PQcancel could end the
  /// statement, but holds up the thread while it connects; the server itself can, by `statement_timeout`, and
  /// by `client_connection_check_interval` once the connection is closed.
  asio::awaitable<result> query(const char* statement, words values = {}) {
    state& s = *state_;
    PGconn* const pq = s.pq.get();
    if (s.has_ended())
      throw error(fate::not_sent, "the server has ended the connection");
    send(pq, statement, values);
    co_await s.flush();
    result answer, refusal;
    for (;;) {
      co_await s.read();
      result next(PQgetResult(pq));
      if (!next)
        break;
      (PQresultStatus(next.get()) == PGRES_FATAL_ERROR ? refusal : answer) = std::move(next);
    }
    // The server is ready again, and not before that is a statement known to be committed: it is complete
    // first, and a commit may fail.
    if (PQstatus(pq) != CONNECTION_OK)
      throw error(fate::unknown, PQerrorMessage(pq));
    if (refusal)
      throw error(fate::refused, PQresultErrorMessage(refusal.get()));
    co_return answer;
  }

  void close() noexcept { state_.reset(); }

 private:
  struct state : asio::posix::descriptor_base {
    state(const asio::any_io_executor& ex, const char* server)
      : pq(PQconnectStart(server))
      , socket(ex) {
      if (!pq)
        throw std::bad_alloc();
    }

    // libpq closes its socket when it likes, and may open another of the same number. So Asio has a
    // descriptor of its own for it.
    void follow() {
      socket.close();
      socket.assign(::fcntl(PQsocket(pq.get()), F_DUPFD_CLOEXEC, 0));
    }

    asio::awaitable<void> ready_to(wait_type what) { return socket.async_wait(what, asio::use_awaitable); }

    // The server takes the whole of a statement before it answers, so nothing has to be read meanwhile.
    asio::awaitable<void> flush() {
      int left = PQflush(pq.get());
      for (; left > 0; left = PQflush(pq.get()))
        co_await ready_to(wait_write);
      if (left < 0)
        throw error(fate::unknown, PQerrorMessage(pq.get()));
    }

    // Until there is a result, or the end of them.
    asio::awaitable<void> read() {
      while (PQisBusy(pq.get())) {
        co_await ready_to(wait_read);
        if (!PQconsumeInput(pq.get()))
          throw error(fate::unknown, PQerrorMessage(pq.get()));
      }
    }

    // Whether the server has ended the connection while nothing was asked: it says so first, then closes it.
    bool has_ended() {
      const bool open = PQconsumeInput(pq.get()) && PQconsumeInput(pq.get());
      PQisBusy(pq.get()); // takes note of what it said
      return !open || dismissed;
    }

    static void notice(void* self, const PGresult* r) {
      const char* severity = PQresultErrorField(r, PG_DIAG_SEVERITY_NONLOCALIZED);
      if (severity && std::string_view(severity) == "FATAL")
        static_cast<state*>(self)->dismissed = true;
    }

    std::unique_ptr<PGconn, deleter> pq;
    asio::posix::stream_descriptor socket;
    bool dismissed = false;
  };

  explicit connection(std::unique_ptr<state> s) noexcept
    : state_(std::move(s)) {}

  static void send(PGconn* pq, const char* statement, const words& values) {
    std::vector<const char*> texts;
    for (const std::string& value : values)
      texts.push_back(value.c_str());
    const int count = static_cast<int>(texts.size());
    if (!PQsendQueryParams(pq, statement, count, nullptr, texts.data(), nullptr, nullptr, 0))
      throw error(fate::unknown, PQerrorMessage(pq));
  }

  std::unique_ptr<state> state_;
};

} // namespace postgres

#endif
