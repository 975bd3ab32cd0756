#include "config_rules.hpp"

#include <algorithm>
#include <array>

namespace hotslot::daemon {
namespace {

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

bool has_control(std::string_view text) { return std::any_of(text.begin(), text.end(), is_control); }

bool begins_name(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_'; }
bool in_name(char c) { return begins_name(c) || (c >= '0' && c <= '9'); }

// Set by the server for every worker: the function contract depends on them.
constexpr std::array<std::string_view, 10> reserved_variables{
    "FN_APP_ID",   "FN_APP_NAME", "FN_FN_ID",        "FN_FN_NAME",       "FN_FORMAT",
    "FN_LISTENER", "FN_MEMORY",   "FN_LOGFRAME_HDR", "FN_LOGFRAME_NAME", "FN_TYPE"};

// Which values were seen, and where.
class seen {
 public:
  explicit seen(json_problems& problems)
    : problems_(problems) {}

  void check(std::vector<std::string> value, const std::string& list, std::size_t index,
             std::string_view member, std::string_view what) {
    if (value.back().empty())
      return;
    const auto [first, fresh] = first_.emplace(std::move(value), index);
    if (!fresh)
      problems_.push_back({json_pointer(json_pointer(list, index), member),
                           std::string(what) + ' ' + json_pointer(list, first->second) + " has it already"});
  }

 private:
  std::map<std::vector<std::string>, std::size_t> first_;
  json_problems& problems_;
};

} // namespace

std::optional<std::string> check_name(std::string_view text) {
  if (text.empty())
    return "must not be empty";
  if (text.find('/') != std::string_view::npos)
    return "must not hold a slash";
  if (has_control(text))
    return "must not hold a control character";
  // A URL's path loses such segments on the way here.
  if (text == "." || text == "..")
    return "must not be \".\" or \"..\"";
  return std::nullopt;
}

std::optional<std::string> check_trigger(std::string_view text) {
  if (text.empty() || text.front() != '/')
    return "must begin with a slash";
  if (has_control(text))
    return "must not hold a control character";
  if (text.find_first_of("?#") != std::string_view::npos)
    return "must not hold '?' or '#'";
  return std::nullopt;
}

std::optional<std::string> check_variable(std::string_view text) {
  if (text.empty() || !begins_name(text.front()) || !std::all_of(text.begin(), text.end(), in_name))
    return "is no name of an environment variable: letters, digits and '_', not beginning with a digit";
  if (std::find(reserved_variables.begin(), reserved_variables.end(), text) != reserved_variables.end())
    return "is set by the server";
  return std::nullopt;
}

void refuse_repeated(const std::vector<function_config>& functions, const std::string& pointer,
                     json_problems& problems) {
  seen names(problems);
  seen triggers(problems);
  seen ids(problems);
  for (std::size_t i = 0; i < functions.size(); ++i) {
    const auto& f = functions[i];
    if (f.app.empty())
      continue;
    names.check({f.app, f.name}, pointer, i, "name", "this app and name:");
    triggers.check({f.app, f.trigger}, pointer, i, "trigger", "this app and trigger:");
    ids.check({f.id}, pointer, i, "id", "this id:");
  }
}

void refuse_shared_addresses(const config& c, json_problems& problems) {
  std::map<std::string, std::string> first;
  const auto check = [&](const std::vector<listener_config>& all, const std::string& member) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      const auto* tcp = std::get_if<tcp_endpoint>(&all[i].address);
      if (tcp && tcp->port() == 0)
        continue;
      const auto pointer = all.size() == 1 ? member : json_pointer(member, i);
      const auto [known, fresh] = first.emplace(to_string(all[i].address), pointer);
      if (!fresh)
        problems.push_back({pointer, "is the address of " + known->second + ", too: " + known->first});
    }
  };
  check(c.listen, "/listen");
  check(c.admin, "/admin");
}

void refuse_disagreeing_files(const config& c, json_problems& problems) {
  std::map<std::filesystem::path, std::pair<const log_target*, std::string>> files;
  const auto check = [&](const log_target& target, const std::string& pointer) {
    if (target.to != log_destination::file || target.file.empty())
      return;
    const auto [first, fresh] = files.try_emplace(target.file, &target, pointer);
    if (!fresh && *first->second.first != target)
      problems.push_back({json_pointer(pointer, "file"),
                          first->second.second + " writes this file, too, but rotates it differently"});
  };
  check(c.function_log.target, "/function_log");
  for (std::size_t i = 0; i < c.functions.size(); ++i)
    check(c.functions[i].log.target, json_pointer(json_pointer("/functions", i), "function_log"));
  if (c.access_log)
    check(c.access_log->target, "/access_log");
}

} // namespace hotslot::daemon
