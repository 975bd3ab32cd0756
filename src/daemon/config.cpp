#include "config.hpp"

#include "config_rules.hpp"

#include <hotslot/core/slot_key.hpp>

#include <cerrno>
#include <fstream>
#include <sstream>
#include <system_error>

namespace hotslot::daemon {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::size_t max_file_bytes = 16u << 20;

constexpr json_range memory_range{1, 1u << 24}; // 16 TB
constexpr json_range cpu_range{1, 1'000'000};
constexpr json_range seconds_range{1, 3600};

template <class T>
void assign(T& to, const std::optional<std::uint64_t>& n) {
  if (n)
    to = T(*n);
}

// A path of the configuration is meant from the folder of its file, wherever the server was started.
std::optional<fs::path> read_path(json_object& in, std::string_view member, const fs::path& folder) {
  auto text = in.string(member);
  if (!text)
    return std::nullopt;
  if (text->empty()) {
    in.refuse(member, "must not be empty");
    return std::nullopt;
  }
  auto path = (folder / *text).lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

std::optional<std::string> checked(json_object& in, std::string_view member, std::optional<std::string> text,
                                   rule check) {
  if (!text)
    return std::nullopt;
  if (auto wrong = check(*text)) {
    in.refuse(member, std::move(*wrong));
    return std::nullopt;
  }
  return text;
}

void read_endpoint(json_object& in, std::string_view member, endpoint& to) {
  const auto text = in.string(member);
  if (!text)
    return;
  if (const auto parsed = parse_endpoint(*text))
    to = *parsed;
  else
    in.refuse(member, "must be " + std::string(endpoint_form));
}

std::optional<std::uint64_t> read_limit(json_object& in, std::string_view member, json_range range) {
  const auto* v = in.find(member);
  if (!v || (v->is_string() && v->get_string() == "auto"))
    return std::nullopt;
  if (v->is_string()) {
    in.refuse(member, "must be \"auto\" or a whole number from " + std::to_string(range.min) + " to " +
                          std::to_string(range.max));
    return std::nullopt;
  }
  return read_integer(*v, range, in.pointer(member), in.problems());
}

void read_resources(json_object& in, resource_limits& to) {
  const auto* v = in.find("resources");
  if (!v)
    return;
  json_object limits(*v, in.pointer("resources"), in.problems());
  to.memory_mb = read_limit(limits, "memory_mb", memory_range);
  to.cpu_milli = read_limit(limits, "cpu_milli", cpu_range);
  limits.refuse_unknown();
}

void read_command(json_object& in, std::vector<std::string>& to) {
  const auto* v = in.require("command");
  if (!v)
    return;
  const auto* words = v->if_array();
  if (!words)
    return in.refuse("command", "must be an array of strings, not " + std::string(kind_name(*v)));
  if (words->empty())
    return in.refuse("command", "must not be empty");
  for (std::size_t i = 0; i < words->size(); ++i)
    if (auto word = read_string((*words)[i], json_pointer(in.pointer("command"), i), in.problems()))
      to.push_back(std::move(*word));
  if (!to.empty() && to.front().empty())
    in.problems().push_back({json_pointer(in.pointer("command"), 0), "must name a program"});
}

void read_environment(json_object& in, std::map<std::string, std::string>& to) {
  const auto* v = in.find("config");
  if (!v)
    return;
  json_object variables(*v, in.pointer("config"), in.problems());
  if (!variables.valid())
    return;
  for (const auto& member : v->get_object()) {
    const std::string name(member.key());
    if (auto wrong = check_variable(name))
      variables.refuse(name, std::move(*wrong));
    else if (auto value = variables.string(name))
      to.emplace(name, std::move(*value));
  }
}

void read_identity(json_object& in, function_config& to) {
  const auto app = checked(in, "app", in.required_string("app"), check_name);
  const auto name = checked(in, "name", in.required_string("name"), check_name);
  const auto id = checked(in, "id", in.string("id"), check_name);
  to.app = app.value_or("");
  to.name = name.value_or("");
  if (app)
    to.app_id = default_id({*app});
  if (id)
    to.id = *id;
  else if (app && name)
    to.id = default_id({*app, *name});
  to.trigger = checked(in, "trigger", in.string("trigger"), check_trigger).value_or("");
}

void read_limits(json_object& in, function_config& to) {
  assign(to.memory_mb, in.integer("memory_mb", memory_range));
  assign(to.cpu_milli, in.integer("cpu_milli", {0, cpu_range.max}));
  assign(to.timeout, in.integer("timeout_s", {1, 300}));
  assign(to.idle_timeout, in.integer("idle_timeout_s", {0, 3600}));
  assign(to.wait_timeout, in.integer("wait_timeout_s", seconds_range));
  assign(to.start_timeout, in.integer("start_timeout_ms", {1, 300'000}));
  assign(to.stop_grace, in.integer("stop_grace_ms", {0, 60'000}));
  assign(to.max_workers, in.integer("max_workers", {1, 1024}));
}

function_config read_function(json_object& in, const fs::path& folder) {
  function_config f;
  read_identity(in, f);
  read_command(in, f.command);
  f.dir = read_path(in, "dir", folder).value_or(folder);
  read_limits(in, f);
  read_environment(in, f.config);
  in.refuse_unknown();
  return f;
}

void read_functions(json_object& in, const fs::path& folder, config& to) {
  const auto* v = in.require("functions");
  if (!v)
    return;
  const auto pointer = in.pointer("functions");
  const auto* functions = v->if_array();
  if (!functions)
    return in.refuse("functions", "must be an array, not " + std::string(kind_name(*v)));
  for (std::size_t i = 0; i < functions->size(); ++i) {
    json_object f((*functions)[i], json_pointer(pointer, i), in.problems());
    to.functions.push_back(f.valid() ? read_function(f, folder) : function_config{});
  }
  refuse_repeated(to.functions, pointer, in.problems());
}

config read_config(json_object& in, const fs::path& folder) {
  config c;
  read_endpoint(in, "listen", c.listen);
  read_endpoint(in, "admin", c.admin);
  read_resources(in, c.resources);
  c.socket_dir = read_path(in, "socket_dir", folder);
  assign(c.max_body_bytes, in.integer("max_body_bytes", {1, std::uint64_t(1) << 40}));
  assign(c.max_header_bytes, in.integer("max_header_bytes", {1024, 1u << 20}));
  assign(c.drain_grace, in.integer("drain_grace_s", {0, 3600}));
  read_functions(in, folder, c);
  in.refuse_unknown();
  return c;
}

// Pointers and messages quote the file, which may hold anything; a terminal should not have to act on it.
std::string printable(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f)
      out.push_back(c);
    else
      out.append("\\u00").append({"0123456789abcdef"[(c >> 4) & 15], "0123456789abcdef"[c & 15]});
  }
  return out;
}

std::string describe(const fs::path& file, const json_problems& problems) {
  std::string out;
  for (const auto& p : problems) {
    if (!out.empty())
      out.push_back('\n');
    out.append(file.native()).append(": ");
    if (!p.pointer.empty())
      out.append(printable(p.pointer)).append(": ");
    out.append(printable(p.message));
  }
  return out;
}

std::string read_file(const fs::path& file) {
  const auto refuse = [&](std::string why) { throw config_error(file, {{"", "cannot be read: " + why}}); };
  std::error_code ignored;
  if (fs::is_directory(file, ignored))
    refuse("it is a directory");
  std::ifstream in(file, std::ios::binary);
  if (!in)
    refuse(std::generic_category().message(errno));
  std::string text(max_file_bytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad())
    refuse(std::generic_category().message(errno));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > max_file_bytes)
    refuse("it is longer than " + std::to_string(max_file_bytes) + " bytes");
  return text;
}

} // namespace

config_error::config_error(const fs::path& file, json_problems problems)
  : std::runtime_error(describe(file, problems))
  , problems_(std::move(problems)) {}

std::string default_id(std::initializer_list<std::string_view> names) {
  return slot_key::of(names).hex().substr(0, 26);
}

config parse_config(std::string_view text, const fs::path& file) {
  json_problems problems;
  const auto document = parse_json(text, problems);
  if (!document)
    throw config_error(file, std::move(problems));
  json_object root(*document, "", problems);
  auto parsed = root.valid() ? read_config(root, fs::absolute(file).parent_path()) : config{};
  if (!problems.empty())
    throw config_error(file, std::move(problems));
  return parsed;
}

config load_config(const fs::path& file) { return parse_config(read_file(file), file); }

} // namespace hotslot::daemon
