// The configuration file: anything is either refused with reasons or keeps its own rules.
#include "daemon/config/config.hpp"
#include "daemon/config/config_rules.hpp"

#include "must.hpp"

#include <algorithm>
#include <set>

using namespace hotslot::daemon;
using hotslot::test::must;

namespace {

bool printable_lines(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](unsigned char c) { return (c < 0x20 && c != '\n') || c == 0x7f; });
}

void check_function(const function_config& f) {
  must(!check_name(f.app) && !check_name(f.name), "app and name are names");
  must(f.id.size() > 0 && f.app_id.size() == 26, "there are ids");
  must(f.trigger.empty() || !check_trigger(f.trigger), "the trigger is a path");
  must(!f.command.empty() && !f.command.front().empty(), "there is a program");
  must(f.dir.is_absolute(), "the directory is absolute");
  must(f.memory_mb > 0 && f.timeout.count() > 0 && f.wait_timeout.count() > 0, "limits are positive");
  must(f.launch.max_workers > 0, "there may be a worker");
  for (const auto& [name, value] : f.config)
    must(!check_variable(name) && value.find('\0') == value.npos, "the environment can be made");
}

void check_config(const config& c) {
  std::set<std::string> ids;
  for (const auto& f : c.functions) {
    check_function(f);
    must(ids.insert(f.id).second, "ids are unique");
  }
  must(!c.socket_dir || c.socket_dir->is_absolute(), "the directory of sockets is absolute");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    check_config(parse_config({reinterpret_cast<const char*>(data), size}, "/etc/hotslot.json"));
  } catch (const config_error& e) {
    must(!e.problems().empty(), "a refusal has its reasons");
    must(printable_lines(e.what()), "reasons can be printed");
  }
  return 0;
}
