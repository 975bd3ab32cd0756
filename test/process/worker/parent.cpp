// A server that is to be killed: starts a function, prints its process id, and serves on.
#include <hotslot/process/function_launcher.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <iostream>

int main(int, char** argv) {
  namespace process = hotslot::process;
  boost::asio::io_context io;
  process::function_spec spec;
  spec.command = {TEST_FUNCTION, "ignore-term"};
  process::function_slot kept;
  boost::asio::co_spawn(io, process::function_launcher(io.get_executor(), spec, argv[1])(),
                        [&](std::exception_ptr e, process::function_slot slot) {
                          kept = std::move(slot);
                          std::cout << (e ? -1 : kept.pid()) << std::endl;
                        });
  io.run();
}
