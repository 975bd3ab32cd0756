#include "log_config.hpp"

namespace hotslot::daemon {

void read_function_log(json_object& in, const std::filesystem::path& folder, function_log_config& to) {
  in.within("function_log", [&](json_object& log) {
    read_log_target(log, folder, log_destination::log, to.target);
    assign(to.max_bytes_per_call, log.integer("max_bytes_per_call", {1, std::uint64_t(1) << 40}));
    to.frames = log.boolean("frames").value_or(to.frames);
  });
}

std::optional<access_log_config> read_access_log(json_object& in, const std::filesystem::path& folder) {
  std::optional<access_log_config> c;
  in.within("access_log", [&](json_object& log) {
    c.emplace();
    constexpr std::string_view formats[] = {"common", "json"};
    if (const auto format = log.choice("format", formats))
      c->format = static_cast<access_format>(*format);
    read_log_target(log, folder, log_destination::standard_output, c->target);
  });
  return c;
}

} // namespace hotslot::daemon
