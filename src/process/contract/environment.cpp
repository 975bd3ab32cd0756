#include <hotslot/process/contract.hpp>

#include <boost/system/system_error.hpp>

#include <map>

namespace hotslot::process {
namespace {

using variables = std::map<std::string, std::string>;

void check_name(const std::string& name) {
  if (name.empty() || name.find_first_of(std::string_view("=\0", 2)) != std::string::npos)
    throw boost::system::system_error(errc::invalid_spec, "configuration name '" + name + "'");
}

void check_value(const std::string& name, const std::string& value) {
  if (value.find('\0') != std::string::npos)
    throw boost::system::system_error(errc::invalid_spec, "NUL byte in the value of " + name);
}

variables contract_variables(const function_spec& spec, const std::filesystem::path& socket_dir) {
  variables set = {
      {"FN_APP_ID", spec.app_id},
      {"FN_APP_NAME", spec.app_name},
      {"FN_FN_ID", spec.fn_id},
      {"FN_FN_NAME", spec.fn_name},
      {"FN_FORMAT", "http-stream"},
      {"FN_LISTENER", "unix:" + (socket_dir / socket_name).string()},
      {"FN_MEMORY", std::to_string(spec.memory_mb)},
      {"FN_TYPE", "sync"},
  };
  if (spec.log_frames) {
    set.emplace("FN_LOGFRAME_NAME", log_frame_name);
    set.emplace("FN_LOGFRAME_HDR", "Fn-Call-Id");
  }
  return set;
}

variables default_variables(const function_spec& spec, const std::filesystem::path& tmp) {
  variables all{
      {"HOME", spec.dir.empty() ? "/" : std::filesystem::absolute(spec.dir).string()},
      {"LANG", "C.UTF-8"},
      {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
  };
  if (!tmp.empty())
    all.emplace("TMPDIR", tmp.string());
  return all;
}

} // namespace

bool is_default_variable(const function_spec& spec, std::string_view name) {
  return default_variables(spec, "/tmp").contains(std::string(name)) &&
         !spec.config.contains(std::string(name));
}

std::vector<std::string> make_environment(const function_spec& spec, const std::filesystem::path& socket_dir,
                                          const std::filesystem::path& tmp) {
  variables all = contract_variables(spec, socket_dir);
  all.insert(spec.config.begin(), spec.config.end());
  all.merge(default_variables(spec, tmp));

  std::vector<std::string> environment;
  environment.reserve(all.size());
  for (const auto& [name, value] : all) {
    check_name(name);
    check_value(name, value);
    environment.push_back(name + '=' + value);
  }
  return environment;
}

} // namespace hotslot::process
