#include "client.hpp"
#include "commands.hpp"
#include "failure.hpp"
#include "keyboard.hpp"
#include "options.hpp"
#include "race.hpp"
#include "terminal_text.hpp"
#include "watch.hpp"

#include "base/descriptors.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <csignal>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>

#include <unistd.h>

namespace {

namespace hc = hotslot::ctl;
namespace asio = boost::asio;

// Until the user has seen enough. Stopped, as by Ctrl-Z, it gives the terminal back for the time being.
asio::awaitable<void> obey_signals(hc::watcher& watcher, hc::screen& screen) {
  asio::signal_set signals(co_await asio::this_coro::executor, SIGINT, SIGTERM, SIGHUP);
  signals.add(SIGTSTP);
  signals.add(SIGWINCH);
  for (;;) {
    const int signal = co_await signals.async_wait(asio::use_awaitable);
    if (signal != SIGTSTP && signal != SIGWINCH)
      co_return;
    if (signal == SIGTSTP) {
      screen.leave();
      ::kill(::getpid(), SIGSTOP);
      screen.enter();
    }
    watcher.show_again();
  }
}

asio::awaitable<void> watch(hc::client& server, const hc::options& how) {
  using namespace asio::experimental::awaitable_operators;
  hc::screen screen;
  hc::watcher watcher(server, how, screen);
  std::exception_ptr failed;
  auto keys = hc::read_keys(screen.has_keys(), [&](std::string_view typed) { return watcher.type(typed); });
  auto figures = hc::caught(watcher.run(), failed);
  const auto first = co_await (std::move(figures) || obey_signals(watcher, screen) || std::move(keys));
  if (first.index() == 0 && failed)
    std::rethrow_exception(failed);
}

void run(const hc::options& what) {
  hc::client server(what);
  asio::io_context io(1);
  std::exception_ptr failed;
  asio::co_spawn(io, what.what == hc::command::watch ? watch(server, what) : hc::run_command(server, what),
                 [&failed](std::exception_ptr e) { failed = e; });
  io.run();
  if (failed)
    std::rethrow_exception(failed);
}

std::string on_standard_error(std::string_view text) {
  return hc::printable(text, "\n", hc::charset_of(STDERR_FILENO));
}

// Whoever is on the way reads it, and can do what its owner may.
void warn_of_open_token(const hc::options& what) {
  if (!what.token_file.empty() && !what.admin.tls && !what.admin.is_loopback())
    std::cerr << "hotslotctl: "
              << on_standard_error("the token goes to " + what.admin.url() + " for all on the way to read")
              << std::endl;
}

int fail(hc::exit_code code, std::string_view what) {
  std::cerr << "hotslotctl: " << on_standard_error(what) << std::endl;
  return static_cast<int>(code);
}

} // namespace

int main(int argc, char** argv) {
  hotslot::base::open_standard_descriptors(); // a socket in place of standard output would be sent what is
                                              // printed
  try {
    const auto parsed = hc::parse_options(argc, argv);
    if (const auto* exit = std::get_if<hc::early_exit>(&parsed)) {
      std::cout << exit->out << std::flush;
      std::cerr << on_standard_error(exit->err);
      return exit->code;
    }
    warn_of_open_token(std::get<hc::options>(parsed));
    run(std::get<hc::options>(parsed));
    return static_cast<int>(hc::exit_code::done);
  } catch (const hc::failure& e) {
    return fail(e.code(), e.what());
  } catch (const std::exception& e) {
    return fail(hc::exit_code::refused, e.what());
  }
}
