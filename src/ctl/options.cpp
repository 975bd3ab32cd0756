#include "options.hpp"

#include "base/http_text.hpp"

#include <hotslot/version.hpp>

#include <CLI/CLI.hpp>

#include <map>
#include <string_view>

namespace hotslot::ctl {
namespace {

constexpr const char* default_address = "http://127.0.0.1:8081";

std::chrono::milliseconds milliseconds_of(double seconds) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000 + 0.5));
}

std::pair<std::string, std::string> parse_header(const std::string& text) {
  const auto colon = text.find(':');
  const auto first = text.find_first_not_of(' ', colon == text.npos ? colon : colon + 1);
  std::string name = text.substr(0, colon);
  std::string value = first == text.npos ? "" : text.substr(first);
  if (colon == text.npos || !base::is_token(name) || !base::is_field_value(value))
    throw CLI::ValidationError("--header", "must be 'NAME: VALUE', not '" + text + "'");
  return {std::move(name), std::move(value)};
}

void check_function(const std::string& text) {
  const auto slash = text.find('/');
  if (text.empty() || slash == 0 || slash + 1 == text.size() || text.find('/', slash + 1) != text.npos)
    throw CLI::ValidationError("APP/FN", "must be a function's app and name, or its id, not '" + text + "'");
}

void declare_connection(CLI::App& app, options& to, std::string& address) {
  app.add_option("--admin", address,
                 "The admin address, or unix:PATH (default: " + std::string(default_address) + ")")
      ->envname("HOTSLOT_ADMIN")
      ->type_name("URL");
  app.add_option("--token-file", to.token_file, "A file whose first token is shown to the server")
      ->envname("HOTSLOT_TOKEN_FILE")
      ->type_name("FILE");
  app.add_option("--cacert", to.authority, "Who signs the server's certificate (default: the system's list)")
      ->type_name("FILE");
  app.add_option("--cert", to.certificate, "The certificate to be known by")->type_name("FILE");
  app.add_option("--key", to.key, "Its key")->type_name("FILE");
  app.add_option_function<double>(
         "--timeout", [&to](double seconds) { to.timeout = milliseconds_of(seconds); },
         "For a connection, and for an answer (default: 10; call: none for the answer)")
      ->check(CLI::Range(0.001, 86'400.0))
      ->type_name("SECONDS");
  app.add_flag("--json", to.json, "Print JSON");
}

class command_line {
 public:
  command_line()
    : app_("Shows and operates a hotslotd by its admin address.", "hotslotctl") {
    app_.set_help_flag("-h,--help", "Print this help and exit");
    app_.set_version_flag("--version", "hotslotctl " HOTSLOT_VERSION, "Print the version and exit");
    app_.require_subcommand(0, 1);
    app_.fallthrough(); // so that what is for all commands may come behind one, too
    declare_connection(app_, parsed_, address_);
    declare_commands();
  }

  std::variant<options, early_exit> parse(int argc, const char* const* argv) {
    app_.parse(argc, argv);
    if (app_.get_subcommands().empty())
      throw CLI::RequiredError("A subcommand");
    if (app_.got_subcommand("help"))
      return explain();
    for (const auto& [name, value] : commands_)
      if (app_.got_subcommand(name))
        parsed_.what = value;
    const auto address = parse_address(address_);
    if (!address)
      throw CLI::ValidationError("--admin",
                                 "must be " + std::string(address_form) + ", not '" + address_ + "'");
    if (parsed_.certificate.empty() != parsed_.key.empty())
      throw CLI::ValidationError("--cert, --key", "are to be given both, or none");
    parsed_.admin = *address;
    return parsed_;
  }

  const CLI::App& app() const noexcept { return app_; }

 private:
  CLI::App* add(command what, const std::string& name, const std::string& about) {
    commands_.emplace(name, what);
    auto* sub = app_.add_subcommand(name, about);
    sub->set_help_flag("-h,--help", "Print this help and exit");
    return sub;
  }

  void take_function(CLI::App* sub, bool required) {
    sub->add_option_function<std::string>(
           "APP/FN",
           [this](const std::string& text) {
             check_function(text);
             parsed_.function = text;
           },
           "A function, or its id")
        ->required(required)
        ->type_name("");
  }

  void declare_commands() {
    declare_selection(add(command::list, "list", "The functions"));
    take_function(add(command::stats, "stats", "Figures of the server, or of one function"), false);
    declare_watch(add(command::watch, "watch", "Figures again and again, until Ctrl-C"));
    declare_call(add(command::call, "call", "Call a function; exit code 1 where its reply is an error"));
    add(command::drain, "drain", "Take no more calls, finish those that run, and end the server");
    take_function(add(command::recycle, "recycle", "Replace a function's workers when they are idle"), true);
    add(command::reload, "reload", "Put the configuration file in force again");
    declare_help(app_.add_subcommand("help", "Print this help, or that of a command"));
  }

  void declare_help(CLI::App* sub) {
    sub->set_help_flag("-h,--help", "Print this help and exit");
    sub->add_option("COMMAND", explained_, "One of these")->type_name("");
  }

  // As if --help had been given to it.
  early_exit explain() const {
    if (explained_.empty())
      return {0, app_.get_formatter()->make_help(&app_, app_.get_name(), CLI::AppFormatMode::Normal), ""};
    if (!commands_.contains(explained_))
      throw CLI::ValidationError("help", "there is no command '" + explained_ + "'");
    return {0, app_.get_subcommand(explained_)->help(app_.get_name()), ""};
  }

  void declare_selection(CLI::App* sub) {
    sub->add_option("--by", parsed_.by, "What comes first: need, errors, waiting, busy, acquired, ...")
        ->type_name("ORDER");
    sub->add_option("--match", parsed_.match, "Only those that have it in their name, key, id or trigger")
        ->type_name("TEXT");
  }

  void declare_watch(CLI::App* sub) {
    declare_selection(sub);
    sub->add_option_function<double>(
           "--interval", [this](double seconds) { parsed_.interval = milliseconds_of(seconds); },
           "Between figures (default: 1)")
        ->check(CLI::Range(0.1, 60.0))
        ->type_name("SECONDS");
  }

  void declare_call(CLI::App* sub) {
    take_function(sub, true);
    sub->add_option("-d,--data", parsed_.data, "The body, or that of a file; @- is standard input")
        ->type_name("DATA|@FILE");
    sub->add_option_function<std::vector<std::string>>(
           "-H,--header",
           [this](const std::vector<std::string>& lines) {
             for (const auto& line : lines)
               parsed_.headers.push_back(parse_header(line));
           },
           "To be sent along")
        ->allow_extra_args(false)
        ->type_name("'NAME: VALUE'");
    sub->add_flag("-i,--include", parsed_.include, "Print status and headers, too");
  }

  CLI::App app_;
  options parsed_;
  std::string address_ = default_address;
  std::string explained_; ///< By help.
  std::map<std::string, command> commands_;
};

} // namespace

std::variant<options, early_exit> parse_options(int argc, const char* const* argv) {
  command_line line;
  try {
    return line.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return base::leave(line.app(), e);
  }
}

} // namespace hotslot::ctl
