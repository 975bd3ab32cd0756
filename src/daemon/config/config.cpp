#include "config.hpp"

#include "config_rules.hpp"

#include "base/file.hpp"
#include "base/text.hpp"
#include <hotslot/slot_key.hpp>

#include <boost/json/serialize.hpp>

#include <stdexcept>

namespace hotslot::daemon {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::size_t max_file_bytes = 16u << 20;

constexpr json_range memory_range{1, 1u << 24}; // 16 TB
constexpr json_range cpu_range{1, 1'000'000};
constexpr json_range seconds_range{1, 3600};

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
  in.within("resources", [&](json_object& limits) {
    to.memory_mb = read_limit(limits, "memory_mb", memory_range);
    to.cpu_milli = read_limit(limits, "cpu_milli", cpu_range);
  });
}

void read_eviction(json_object& in, eviction_order& to) {
  constexpr std::string_view orders[] = {"oldest", "cheapest"};
  if (const auto order = in.choice("eviction", orders))
    to = static_cast<eviction_order>(*order);
}

void read_command(json_object& in, std::vector<std::string>& to) {
  const auto* v = in.require("command");
  if (!v)
    return;
  if (const auto* words = v->if_array(); words && words->empty())
    return in.refuse("command", "must not be empty");
  in.strings("command", [&](const std::string& word, const std::string&) { to.push_back(word); });
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
  assign(to.wait_timeout, in.integer("wait_timeout_s", seconds_range));
  assign(to.start_timeout, in.integer("start_timeout_ms", {1, 300'000}));
  assign(to.reply_buffer, in.integer("reply_buffer_bytes", {0, 1u << 30}));
  assign(to.stop_grace, in.integer("stop_grace_ms", {0, 60'000}));
}

function_config read_function(json_object& in, const fs::path& folder, const function_config& defaults) {
  function_config f = defaults;
  read_function_log(in, folder, f.log);
  read_identity(in, f);
  read_command(in, f.command);
  f.dir = in.path("dir", folder).value_or(folder);
  read_limits(in, f);
  read_isolation(in, folder, f.isolation);
  f.launch = read_launch(in);
  f.limits = read_call_limits(in);
  read_environment(in, f.config);
  in.refuse_unknown();
  return f;
}

void read_functions(json_object& in, const fs::path& folder, config& to) {
  const auto* v = in.require("functions");
  if (!v)
    return;
  function_config defaults;
  defaults.log = to.function_log;
  read_isolation(in, folder, defaults.isolation);
  const auto pointer = in.pointer("functions");
  const auto* functions = v->if_array();
  if (!functions)
    return in.refuse("functions", "must be an array, not " + std::string(kind_name(*v)));
  for (std::size_t i = 0; i < functions->size(); ++i) {
    json_object f((*functions)[i], json_pointer(pointer, i), in.problems());
    to.functions.push_back(f.valid() ? read_function(f, folder, defaults) : function_config{});
    to.functions.back().source = json::serialize((*functions)[i]);
  }
  refuse_repeated(to.functions, pointer, in.problems());
}

config read_config(json_object& in, const fs::path& folder) {
  config c;
  read_listeners(in, "listen", folder, c.listen);
  read_listeners(in, "admin", folder, c.admin);
  read_resources(in, c.resources);
  read_eviction(in, c.eviction);
  c.socket_dir = in.path("socket_dir", folder);
  assign(c.max_body_bytes, in.integer("max_body_bytes", {1, std::uint64_t(1) << 40}));
  assign(c.request_buffer, in.integer("request_buffer_bytes", {0, 1u << 30}));
  assign(c.max_buffered, in.integer("max_buffered_bytes", {1u << 16, std::uint64_t(1) << 40}));
  assign(c.max_metric_keys, in.integer("max_metric_keys", {0, 1'000'000}));
  assign(c.max_header_bytes, in.integer("max_header_bytes", {1024, 1u << 20}));
  assign(c.drain_delay, in.integer("drain_delay_s", {0, 3600}));
  assign(c.drain_grace, in.integer("drain_grace_s", {0, 3600}));
  c.underscores_in_headers = in.boolean("underscores_in_headers").value_or(c.underscores_in_headers);
  read_trusted_proxies(in, c.trusted_proxies);
  read_timeouts(in, c.timeouts);
  read_detached(in, c.detached);
  c.tracing = read_tracing(in);
  read_function_log(in, folder, c.function_log);
  c.access_log = read_access_log(in, folder);
  read_functions(in, folder, c);
  refuse_shared_addresses(c, in.problems());
  refuse_disagreeing_files(c, in.problems());
  in.refuse_unknown();
  return c;
}

std::string describe(const fs::path& file, const json_problems& problems) {
  // Pointers and messages quote the file, which may hold anything; a terminal should not have to act on it.
  std::string out;
  for (const auto& p : problems) {
    if (!out.empty())
      out.push_back('\n');
    out.append(file.native()).append(": ");
    if (!p.pointer.empty())
      out.append(base::printable(p.pointer)).append(": ");
    out.append(base::printable(p.message));
  }
  return out;
}

std::string read_whole(const fs::path& file) {
  try {
    return base::read_file(file, max_file_bytes);
  } catch (const std::runtime_error& e) {
    throw config_error(file, {{"", std::string("cannot be read: ") + e.what()}});
  }
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

config load_config(const fs::path& file) { return parse_config(read_whole(file), file); }

} // namespace hotslot::daemon
