#include "part.hpp"

#include <hotslot/process/function_launcher.hpp>
#include <hotslot/process/socket_root.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/system/system_error.hpp>

#include <stdlib.h>

#include <filesystem>

namespace asio = boost::asio;
namespace process = hotslot::process;

namespace {

asio::awaitable<void> start(std::filesystem::path root, bool& right) {
  process::function_spec spec;
  spec.fn_name = "short";
  spec.command = {"/bin/false"};
  try {
    co_await process::function_launcher(co_await asio::this_coro::executor, spec, root)();
  } catch (const boost::system::system_error& e) {
    right = e.code() == process::errc::exited_at_start;
  }
  std::filesystem::remove_all(root);
}

} // namespace

void use_part(asio::io_context& io, bool& right) {
  char root[] = "/tmp/hotslot-consumer-XXXXXX";
  if (::mkdtemp(root))
    asio::co_spawn(io, start(root, right), asio::detached);
}
