#include "keyboard.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <utility>

#include <unistd.h>

namespace hotslot::ctl {

namespace asio = boost::asio;

// It is only waited for: what Asio reads from would become non-blocking, and so would what is written to, and
// the shell's terminal, which are the same.
asio::awaitable<void> read_keys(bool there, std::function<bool(std::string_view)> take) {
  const auto executor = co_await asio::this_coro::executor;
  if (there) {
    asio::posix::stream_descriptor input(executor, ::dup(STDIN_FILENO));
    for (;;) {
      co_await input.async_wait(asio::posix::stream_descriptor::wait_read, asio::use_awaitable);
      std::array<char, 256> typed;
      const auto n = ::read(input.native_handle(), typed.data(), typed.size());
      if (n <= 0)
        break;
      if (!take({typed.data(), static_cast<std::size_t>(n)}))
        co_return;
    }
  }
  asio::steady_timer never(executor, asio::steady_timer::time_point::max());
  co_await never.async_wait(asio::use_awaitable);
}

} // namespace hotslot::ctl
