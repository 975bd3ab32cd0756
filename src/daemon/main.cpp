#include "config/config.hpp"
#include "log/log.hpp"
#include "service/daemon.hpp"
#include "service/listener.hpp"
#include "service/options.hpp"

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

hd::config load(const hd::options& options) {
  hd::config config = hd::load_config(options.config_file);
  config.listen.address = options.listen.value_or(config.listen.address);
  config.admin.address = options.admin.value_or(config.admin.address);
  return config;
}

int check(const hd::options& options) {
  const hd::config config = load(options);
  hd::listener::check(config.listen);
  hd::listener::check(config.admin);
  std::cout << options.config_file.native() << ": ok" << std::endl;
  return 0;
}

int run(const hd::options& options) {
  const hd::service service;
  const hd::logger log(options.level);
  const std::size_t threads =
      options.threads != 0 ? options.threads : std::max(1u, std::thread::hardware_concurrency());
  return hd::serve([&] { return load(options); }, threads, log, std::cout, service);
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
    const auto& options = std::get<hd::options>(parsed);
    return options.check_config ? check(options) : run(options);
  } catch (const std::exception& e) {
    return fail(e.what());
  }
}
