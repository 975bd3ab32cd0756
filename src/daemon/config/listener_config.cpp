#include "listener_config.hpp"

#include "base/url.hpp"

#include <boost/algorithm/string/case_conv.hpp>

#include <grp.h>

#include <charconv>
#include <locale>
#include <string>
#include <variant>

namespace hotslot::daemon {
namespace {

constexpr std::uint64_t connections_range = 1'000'000;

void read_address(const std::string& text, const std::string& pointer, json_problems& problems,
                  const std::filesystem::path& folder, endpoint& to) {
  auto parsed = parse_endpoint(text);
  if (!parsed)
    return problems.push_back({pointer, "must be " + std::string(endpoint_form)});
  if (auto* path = std::get_if<std::filesystem::path>(&*parsed))
    *path = (folder / *path).lexically_normal();
  to = std::move(*parsed);
}

std::optional<std::uint32_t> group_named(const std::string& name) {
  std::vector<char> buffer(1 << 16);
  group entry{};
  group* found = nullptr;
  ::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  return found ? std::optional<std::uint32_t>(found->gr_gid) : std::nullopt;
}

void read_access(json_object& in, const endpoint& of, socket_access& to) {
  const auto mode = in.string("mode");
  const auto group = in.string("group");
  if (!std::holds_alternative<std::filesystem::path>(of)) {
    for (const std::string_view member : {"mode", "group"})
      if (in.find(member))
        in.refuse(member, "only unix sockets have one");
    return;
  }
  if (mode) {
    unsigned value = 0;
    const auto [end, ec] = std::from_chars(mode->data(), mode->data() + mode->size(), value, 8);
    if (ec != std::errc() || end != mode->data() + mode->size() || value > 0777 || mode->size() < 3 ||
        mode->size() > 4)
      in.refuse("mode", "must be three octal digits in a string, as \"660\"");
    else
      to.mode = value;
  }
  if (group && !(to.group = group_named(*group)))
    in.refuse("group", "there is no group of that name");
}

http::certificate_files read_certificate(json_object& in, const std::filesystem::path& folder) {
  in.require("certificate");
  in.require("key");
  return {.certificate = in.path("certificate", folder).value_or(""),
          .key = in.path("key", folder).value_or("")};
}

void read_more_certificates(json_object& in, const std::filesystem::path& folder,
                            std::vector<http::certificate_files>& to) {
  const auto* v = in.find("more");
  if (!v)
    return;
  const auto* list = v->if_array();
  if (!list)
    return in.refuse("more", "must be an array, not " + std::string(kind_name(*v)));
  for (std::size_t i = 0; i < list->size(); ++i) {
    json_object one((*list)[i], json_pointer(in.pointer("more"), i), in.problems());
    if (!one.valid())
      continue;
    to.push_back(read_certificate(one, folder));
    one.refuse_unknown();
  }
}

void read_tls(json_object& in, const std::filesystem::path& folder, std::optional<http::tls_files>& to) {
  in.within("tls", [&](json_object& tls) {
    auto first = read_certificate(tls, folder);
    to = http::tls_files{.certificate = std::move(first.certificate),
                         .key = std::move(first.key),
                         .client_ca = tls.path("client_ca", folder).value_or("")};
    read_more_certificates(tls, folder, to->more);
  });
}

void read_hosts(json_object& in, std::vector<std::string>& to) {
  in.strings("hosts", [&](const std::string& name, const std::string& pointer) {
    const auto parsed = base::parse_authority(name);
    if (!parsed || parsed->host.empty() || parsed->host.size() != name.size())
      in.problems().push_back({pointer, "must be a name as in a URL, without a port"});
    else
      to.push_back(boost::algorithm::to_lower_copy(name, std::locale::classic()));
  });
}

void read_object(json_object& in, const std::filesystem::path& folder, listener_config& to) {
  if (const auto text = in.string("address"))
    read_address(*text, in.pointer("address"), in.problems(), folder, to.address);
  read_access(in, to.address, to.access);
  read_tls(in, folder, to.tls);
  to.token_file = in.path("token_file", folder);
  read_hosts(in, to.hosts);
  to.probes = in.boolean("probes").value_or(to.probes);
  to.max_connections = in.integer("max_connections", {1, connections_range});
  assign(to.max_connections_per_address, in.integer("max_connections_per_address", {0, connections_range}));
  to.backlog = in.integer("backlog", {1, 65'535});
  in.refuse_unknown();
}

void read_listener(const boost::json::value& v, const std::string& pointer, json_problems& problems,
                   const std::filesystem::path& folder, listener_config& to) {
  if (v.is_object()) {
    json_object in(v, pointer, problems);
    return read_object(in, folder, to);
  }
  if (const auto text = read_string(v, pointer, problems))
    read_address(*text, pointer, problems, folder, to.address);
}

// Where there are several, none has the default's address.
void require_address(const boost::json::value& v, const std::string& pointer, json_problems& problems) {
  if (const auto* object = v.if_object(); object && !object->contains("address"))
    problems.push_back({json_pointer(pointer, "address"), "this member is required"});
}

} // namespace

void read_listeners(json_object& in, std::string_view member, const std::filesystem::path& folder,
                    std::vector<listener_config>& to) {
  const auto* v = in.find(member);
  if (!v)
    return;
  const auto* list = v->if_array();
  if (!list)
    return read_listener(*v, in.pointer(member), in.problems(), folder, to.front());
  if (list->empty())
    return in.refuse(member, "must not be empty");
  to.resize(list->size(), listener_config(to.front()));
  for (std::size_t i = 0; i < list->size(); ++i) {
    const auto pointer = json_pointer(in.pointer(member), i);
    require_address((*list)[i], pointer, in.problems());
    read_listener((*list)[i], pointer, in.problems(), folder, to[i]);
  }
}

} // namespace hotslot::daemon
