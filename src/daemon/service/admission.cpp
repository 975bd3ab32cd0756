#include "admission.hpp"

#include "base/url.hpp"

#include <boost/algorithm/string/case_conv.hpp>
#include <boost/asio/ip/address.hpp>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <locale>
#include <utility>

namespace hotslot::daemon {
namespace {

std::string lower(std::string_view text) {
  return boost::algorithm::to_lower_copy(std::string(text), std::locale::classic());
}

std::string name_of_machine() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? lower(name.data()) : "";
}

bool is_address(const std::string& host) {
  boost::system::error_code ec;
  boost::asio::ip::make_address(host, ec);
  return !ec;
}

bool is_reading(const http::request& head) {
  return head.method() == http::verb::get || head.method() == http::verb::head;
}

} // namespace

bool is_probe(std::string_view target) noexcept {
  const auto path = http::target_path(target);
  return path == "/healthz" || path == "/readyz";
}

admission::admission(const listener_config& at, std::shared_ptr<const http::bearer_tokens> tokens,
                     bool guarded)
  : at_(at)
  , tokens_(std::move(tokens))
  , checks_host_(!tokens_ && !guarded)
  , machine_(name_of_machine()) {}

std::optional<http::response> admission::refuse(http::request& head) const {
  if (at_.probes && is_reading(head) && is_probe(head.target()))
    return std::nullopt;
  if (checks_host_ && !knows_host(head[http::field::host])) {
    by_host_.fetch_add(1, std::memory_order_relaxed);
    return http::make_error(
        http::status::misdirected_request,
        "this address is not known by that name; hosts in the configuration has those that it is");
  }
  auto refused = tokens_ ? tokens_->admit(head) : std::nullopt;
  if (refused)
    by_token_.fetch_add(1, std::memory_order_relaxed);
  return refused;
}

bool admission::knows_host(std::string_view authority) const {
  const auto parsed = base::parse_authority(authority);
  const std::string host = lower(parsed ? parsed->host : authority);
  const bool is_of_a_domain = host.find('.') != host.npos;
  return !is_of_a_domain || host.ends_with(".localhost") || is_address(host) || host == machine_ ||
         std::find(at_.hosts.begin(), at_.hosts.end(), host) != at_.hosts.end();
}

} // namespace hotslot::daemon
