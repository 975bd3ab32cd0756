#include "tracing_config.hpp"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

namespace hotslot::daemon {

std::string collector_address::authority() const {
  const bool v6 = host.find(':') != std::string::npos;
  std::string text;
  text.append(v6 ? "[" : "").append(host).append(v6 ? "]:" : ":").append(port);
  return text;
}

std::optional<collector_address> parse_collector(std::string_view url) {
  const auto parsed = boost::urls::parse_uri(url);
  if (!parsed || parsed->scheme() != "http" || parsed->encoded_host_address().empty() ||
      parsed->has_userinfo() || parsed->has_query() || parsed->has_fragment())
    return std::nullopt;
  collector_address address{.host = parsed->host_address()};
  if (parsed->has_port() && !parsed->port().empty())
    address.port = parsed->port();
  std::string base(parsed->encoded_path());
  while (base.ends_with('/'))
    base.pop_back();
  address.path.insert(0, base);
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
