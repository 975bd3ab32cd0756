#include "tracing_config.hpp"

#include "base/url.hpp"

namespace hotslot::daemon {

std::string collector_address::authority() const {
  const bool v6 = host.find(':') != std::string::npos;
  std::string text;
  text.append(v6 ? "[" : "").append(host).append(v6 ? "]:" : ":").append(port);
  return text;
}

std::optional<collector_address> parse_collector(std::string_view text) {
  const auto url = base::parse_url(text);
  if (!url || url->scheme != "http" || !url->is_plain() || url->host().empty())
    return std::nullopt;
  collector_address address{.host = url->host()};
  if (!url->port().empty())
    address.port = url->port();
  std::string_view path = url->path;
  while (path.ends_with('/'))
    path.remove_suffix(1);
  address.path.insert(0, path);
  return address;
}

std::optional<tracing_config> read_tracing(json_object& in) {
  std::optional<tracing_config> c;
  in.within("tracing", [&](json_object& tracing) {
    c.emplace();
    if (const auto url = tracing.required_string("collector")) {
      if (auto address = parse_collector(*url))
        c->collector = std::move(*address);
      else
        tracing.refuse("collector", "must be a URL such as http://127.0.0.1:4318");
    }
    c->service_name = tracing.string("service_name").value_or(c->service_name);
    c->sample_ratio = tracing.fraction("sample_ratio").value_or(c->sample_ratio);
    assign(c->max_queued, tracing.integer("max_queued", {16, 1'000'000}));
  });
  return c;
}

} // namespace hotslot::daemon
