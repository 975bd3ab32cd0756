#include "options.hpp"

#include <hotslot/version.hpp>

#include <CLI/CLI.hpp>

namespace hotslot::daemon {
namespace {

void add_endpoints(CLI::App& app, const std::string& flag, std::vector<endpoint>& to,
                   const std::string& what) {
  const auto read = [&to, flag](const std::vector<std::string>& all) {
    for (const auto& text : all) {
      auto parsed = parse_endpoint(text);
      if (!parsed)
        throw CLI::ValidationError(flag, "must be " + std::string(endpoint_form) + ", not '" + text + "'");
      if (auto* path = std::get_if<std::filesystem::path>(&*parsed))
        *path = std::filesystem::absolute(*path).lexically_normal();
      to.push_back(std::move(*parsed));
    }
  };
  app.add_option_function<std::vector<std::string>>(flag, read, what)
      ->type_name("ADDRESS")
      ->allow_extra_args(false);
}

CLI::Option* add_level(CLI::App& app, log_level& to) {
  const auto read = [&to](const std::string& text) {
    const auto level = parse_log_level(text);
    if (!level)
      throw CLI::ValidationError(
          "--log-level", "must be trace, debug, info, warn, error, critical or off, not '" + text + "'");
    to = *level;
  };
  return app
      .add_option_function<std::string>("--log-level", read,
                                        "trace, debug, info (the default), warn, error, critical or off")
      ->type_name("LEVEL");
}

void declare(CLI::App& app, options& to) {
  app.set_help_flag("--help", "Print this help and exit");
  app.set_version_flag("--version", "hotslotd " HOTSLOT_VERSION, "Print the version and exit");
  app.add_option("--config", to.config_file, "The configuration, a JSON file")->required()->type_name("FILE");
  add_endpoints(app, "--listen", to.listen,
                "Serve the functions here, whatever the configuration says: ADDR:PORT or unix:PATH");
  add_endpoints(app, "--admin", to.admin, "Serve stats and metrics here, whatever the configuration says");
  app.add_option("--threads", to.threads, "Threads (default: one for each processor)")
      ->check(CLI::Range(1, 1024))
      ->type_name("N");
  add_level(app, to.level);
  app.add_flag("--check-config", to.check_config, "Check the configuration and exit");
}

} // namespace

std::variant<options, early_exit> parse_options(int argc, const char* const* argv) {
  options parsed;
  CLI::App app("Runs functions as processes and keeps them hot.", "hotslotd");
  declare(app, parsed);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return base::leave(app, e);
  }
  return parsed;
}

} // namespace hotslot::daemon
