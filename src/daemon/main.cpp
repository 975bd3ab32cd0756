#include "config/config.hpp"
#include "log/last_lines.hpp"
#include "log/log.hpp"
#include "service/check.hpp"
#include "service/daemon.hpp"
#include "service/options.hpp"
#include "service/process_one.hpp"

#include "base/descriptors.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <csignal>
#include <exception>
#include <iostream>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

namespace hd = hotslot::daemon;

constexpr int bad_start = 2;

// They are served as the first is that the file has.
void put_in_place(const std::vector<hd::endpoint>& given, std::vector<hd::listener_config>& of) {
  if (given.empty())
    return;
  of.resize(1);
  of.resize(given.size(), hd::listener_config(of.front()));
  for (std::size_t i = 0; i < given.size(); ++i)
    of[i].address = given[i];
}

hd::config load(const hd::options& options) {
  hd::config config = hd::load_config(options.config_file);
  put_in_place(options.listen, config.listen);
  put_in_place(options.admin, config.admin);
  return config;
}

int check(const hd::options& options) {
  const hd::config config = load(options);
  for (const auto& warning : hd::check_start(config))
    std::cerr << "hotslotd: " << hotslot::base::printable(warning) << '\n';
  std::cout << options.config_file.native() << ": ok" << std::endl;
  return 0;
}

int run(const hd::options& options) {
  const hd::service service;
  const hd::logger log(options.level);
  hd::write_last_lines_before_a_crash();
  const std::size_t threads =
      options.threads != 0 ? options.threads : std::max(1u, std::thread::hardware_concurrency());
  return hd::serve([&] { return load(options); }, threads, log, service);
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
  hotslot::base::open_standard_descriptors(); // first of all: a library may open a file
  std::signal(SIGCHLD, SIG_DFL);              // ignored, how children end could not be known
  hotslot::base::raise_descriptor_limit();
  hd::leave_process_one();
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
