#include "log_target.hpp"

#include "base/number.hpp"
#include "base/url.hpp"

#include <array>
#include <span>

namespace hotslot::daemon {
namespace {

constexpr std::array<std::string_view, 4> destinations{"log", "stdout", "file", "syslog"};

constexpr std::array<std::string_view, 10> facility_names{"user",   "daemon", "local0", "local1", "local2",
                                                          "local3", "local4", "local5", "local6", "local7"};
constexpr std::array facilities{syslog_facility::user,   syslog_facility::daemon, syslog_facility::local0,
                                syslog_facility::local1, syslog_facility::local2, syslog_facility::local3,
                                syslog_facility::local4, syslog_facility::local5, syslog_facility::local6,
                                syslog_facility::local7};
static_assert(facilities.size() == facility_names.size());

constexpr std::size_t max_unix_path = 107;

std::optional<syslog_transport> transport_of(std::string_view scheme) {
  if (scheme == "udp")
    return syslog_transport::udp;
  if (scheme == "tcp")
    return syslog_transport::tcp;
  if (scheme == "unix")
    return syslog_transport::unix_datagram;
  return std::nullopt;
}

bool is_port(std::string_view text) { return base::parse_number<std::uint16_t>(text).value_or(0) != 0; }

void read_file_target(json_object& in, const std::filesystem::path& folder, log_target& to) {
  if (to.file.empty())
    in.require("file");
  if (auto file = in.path("file", folder))
    to.file = std::move(*file);
  assign(to.max_bytes, in.integer("max_bytes", {0, std::uint64_t(1) << 40}));
  assign(to.keep, in.integer("keep", {0, 1000}));
}

void read_syslog(json_object& in, log_target& to) {
  const auto text = to.address.text.empty() ? in.required_string("address") : in.string("address");
  if (text) {
    if (auto address = parse_syslog_address(*text))
      to.address = std::move(*address);
    else
      in.refuse("address", "must be " + std::string(syslog_address_form));
  }
  if (const auto facility = in.choice("facility", facility_names))
    to.facility = facilities[*facility];
  assign(to.queue_bytes, in.integer("queue_bytes", {64u << 10, 1u << 30}));
}

} // namespace

std::optional<syslog_address> parse_syslog_address(std::string_view text) {
  const auto url = base::parse_url(text);
  const auto transport = url ? transport_of(url->scheme) : std::nullopt;
  if (!transport || !url->is_plain())
    return std::nullopt;
  syslog_address address{.transport = *transport,
                         .host = url->host(),
                         .port = std::string(url->port()),
                         .path = base::percent_decoded(url->path).value_or(""),
                         .text = std::string(text)};
  if (address.transport == syslog_transport::unix_datagram)
    return address.path.starts_with('/') && address.path.size() <= max_unix_path && !url->authority
               ? std::optional(std::move(address))
               : std::nullopt;
  if (address.host.empty() || !is_port(address.port) || !address.path.empty())
    return std::nullopt;
  return address;
}

void read_log_target(json_object& in, const std::filesystem::path& folder, log_destination first,
                     log_target& to) {
  const auto skipped = static_cast<std::size_t>(first);
  if (const auto chosen = in.choice("to", std::span(destinations).subspan(skipped)))
    to = {.to = static_cast<log_destination>(*chosen + skipped)};
  if (to.to == log_destination::file)
    read_file_target(in, folder, to);
  if (to.to == log_destination::syslog)
    read_syslog(in, to);
}

} // namespace hotslot::daemon
