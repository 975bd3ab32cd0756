#include "config.hpp"
#include "daemon.hpp"
#include "log.hpp"
#include "options.hpp"

#include <algorithm>
#include <exception>
#include <iostream>
#include <thread>

namespace {

namespace hd = hotslot::daemon;

constexpr int bad_start = 2;

int run(const hd::options& options) {
  hd::config config = hd::load_config(options.config_file);
  config.listen = options.listen.value_or(config.listen);
  config.admin = options.admin.value_or(config.admin);
  if (options.check_config) {
    std::cout << options.config_file.native() << ": ok" << std::endl;
    return 0;
  }
  const hd::logger log(options.level);
  const std::size_t threads =
      options.threads != 0 ? options.threads : std::max(1u, std::thread::hardware_concurrency());
  return hd::serve(config, threads, log, std::cout);
}

} // namespace

int main(int argc, char** argv) {
  try {
    const auto parsed = hd::parse_options(argc, argv);
    if (const auto* exit = std::get_if<hd::early_exit>(&parsed)) {
      std::cout << exit->out;
      std::cerr << exit->err;
      return exit->code;
    }
    return run(std::get<hd::options>(parsed));
  } catch (const std::exception& e) {
    std::cerr << "hotslotd: " << e.what() << std::endl;
    return bad_start;
  }
}
