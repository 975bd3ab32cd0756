// What one writes without a pool: a channel of workers, raced against a timer.
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <stdexcept>

namespace asio = boost::asio;
using namespace std::chrono_literals;

struct engine {
  int n = 0;
  void run() { ++n; }
};

asio::awaitable<engine> make_engine() { co_return engine(); }

class pool {
 public:
  explicit pool(asio::io_context& io)
    : idle_(io, most) {}

  asio::awaitable<engine> acquire(std::chrono::steady_clock::duration limit) {
    using namespace asio::experimental::awaitable_operators;
    if (made_ < most) {
      ++made_;
      co_return co_await make_engine();
    }
    asio::steady_timer timer(co_await asio::this_coro::executor, limit);
    auto got = co_await (idle_.async_receive(asio::use_awaitable) || timer.async_wait(asio::use_awaitable));
    if (got.index() == 1)
      throw std::runtime_error("too late");
    co_return std::get<0>(std::move(got));
  }
  void release(engine e) { idle_.try_send(boost::system::error_code(), std::move(e)); }

 private:
  static constexpr std::size_t most = 4;

  asio::experimental::channel<void(boost::system::error_code, engine)> idle_;
  std::size_t made_ = 0;
};

asio::awaitable<void> use(pool& engines) {
  engine e = co_await engines.acquire(5s);
  e.run();
  engines.release(e);
}

int main() {
  asio::io_context io;
  pool engines(io);
  asio::co_spawn(io, use(engines), asio::detached);
  io.run();
}
