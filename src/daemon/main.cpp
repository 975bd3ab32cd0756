#include "config.hpp"
#include "daemon.hpp"
#include "listener.hpp"
#include "log.hpp"
#include "options.hpp"

#include <algorithm>
#include <exception>
#include <iostream>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>

namespace {

namespace hd = hotslot::daemon;

constexpr int bad_start = 2;

int run(const hd::options& options) {
  const auto load = [&] {
    hd::config config = hd::load_config(options.config_file);
    config.listen.address = options.listen.value_or(config.listen.address);
    config.admin.address = options.admin.value_or(config.admin.address);
    return config;
  };
  const hd::config config = load();
  if (options.check_config) {
    hd::listener::check(config.listen);
    hd::listener::check(config.admin);
    std::cout << options.config_file.native() << ": ok" << std::endl;
    return 0;
  }
  const hd::service service;
  const hd::logger log(options.level);
  const std::size_t threads =
      options.threads != 0 ? options.threads : std::max(1u, std::thread::hardware_concurrency());
  return hd::serve(config, load, threads, log, std::cout, service);
}

// Before there is a log: a line for each problem, which the journal is to take for errors.
int fail(std::string_view what) {
  const bool journal = hd::format_of_standard_error() == hd::log_format::journal;
  std::istringstream lines{std::string(what)};
  std::string_view name = "hotslotd: ";
  for (std::string line; std::getline(lines, line); name = "")
    std::cerr << (journal ? "<3>" : "") << name << line << '\n';
  return bad_start;
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
    return fail(e.what());
  }
}
