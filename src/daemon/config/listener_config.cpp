#include "listener_config.hpp"

#include <string>

namespace hotslot::daemon {
namespace {

void read_address(json_object& in, std::string_view member, const std::optional<std::string>& text,
                  endpoint& to) {
  if (!text)
    return;
  if (const auto parsed = parse_endpoint(*text))
    to = *parsed;
  else
    in.refuse(member, "must be " + std::string(endpoint_form));
}

void read_tls(json_object& in, const std::filesystem::path& folder, std::optional<http::tls_files>& to) {
  in.within("tls", [&](json_object& tls) {
    tls.require("certificate");
    tls.require("key");
    to = http::tls_files{.certificate = tls.path("certificate", folder).value_or(""),
                         .key = tls.path("key", folder).value_or(""),
                         .client_ca = tls.path("client_ca", folder).value_or("")};
  });
}

} // namespace

void read_listener(json_object& in, std::string_view member, const std::filesystem::path& folder,
                   listener_config& to) {
  const auto* v = in.find(member);
  if (!v)
    return;
  if (!v->is_object())
    return read_address(in, member, in.string(member), to.address);
  json_object listener(*v, in.pointer(member), in.problems());
  read_address(listener, "address", listener.string("address"), to.address);
  read_tls(listener, folder, to.tls);
  to.token_file = listener.path("token_file", folder);
  listener.refuse_unknown();
}

} // namespace hotslot::daemon
