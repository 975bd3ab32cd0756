#include "front.hpp"

#include "call.hpp"

#include "base/url.hpp"

#include <algorithm>
#include <utility>

namespace hotslot::daemon {
namespace {

constexpr std::string_view invoke_prefix = "/invoke/";
constexpr std::string_view trigger_prefix = "/t/";

using functions_by_path = std::map<std::string, function*, std::less<>>;

function* look_up(const functions_by_path& in, std::string_view name) {
  const auto it = in.find(name);
  return it == in.end() ? nullptr : it->second;
}

// Segment by segment, as whoever has looked at the path before has read it (RFC 3986, 2.2): an escaped slash
// is of a segment, and no name has one. What is not escaped properly names nothing.
function* look_up_path(const functions_by_path& in, std::string_view path) {
  if (path.find('%') == path.npos)
    return look_up(in, path);
  const auto decoded = base::percent_decoded(path);
  const auto slashes = [](std::string_view text) { return std::count(text.begin(), text.end(), '/'); };
  return decoded && slashes(*decoded) == slashes(path) ? look_up(in, *decoded) : nullptr;
}

} // namespace

front::front(functions_type functions)
  : functions_(std::move(functions)) {
  for (const auto& f : functions_) {
    const function_config& c = f->config();
    keyed_.emplace(f->pool()->key().hex(), f.get());
    invoked_.emplace(c.id, f.get());
    invoked_.emplace(c.app + "/" + c.name, f.get());
    if (!c.trigger.empty())
      triggered_.emplace(c.app + c.trigger, f.get());
  }
}

const function* front::with_key(std::string_view key) const {
  const auto it = keyed_.find(key);
  return it == keyed_.end() ? nullptr : it->second;
}

function* front::at_path(std::string_view path) const { return look_up_path(invoked_, path); }

const function* front::with_target(std::string_view target) const {
  return find(http::target_path(target)).fn;
}

front::target front::find(std::string_view path) const {
  if (path.starts_with(trigger_prefix))
    return {look_up_path(triggered_, path.substr(trigger_prefix.size())), true};
  if (path.starts_with(invoke_prefix))
    return {at_path(path.substr(invoke_prefix.size())), false};
  return {};
}

std::optional<http::response> front::refuse(const http::request& head, const target& found) {
  if (!found.fn)
    return http::make_error(http::status::not_found, "no such function or trigger");
  if (found.http_trigger || head.method() == http::verb::post)
    return std::nullopt;
  auto response = http::make_error(http::status::method_not_allowed, "functions are invoked by POST");
  response.set(http::field::allow, "POST");
  return response;
}

std::optional<http::response> front::refuse_early(const http::request& head, std::string_view path) const {
  const target found = find(path);
  auto refused = refuse(head, found);
  return refused ? std::move(refused) : refuse_call_early(*found.fn, head, found.http_trigger);
}

asio::awaitable<http::response> front::handle(std::shared_ptr<const front> self, http::request&& request,
                                              http::exchange& exchange) {
  const target found = self->find(http::target_path(request.target()));
  if (auto refused = refuse(request, found))
    co_return std::move(*refused);
  co_return co_await call(*found.fn, std::move(request), exchange, found.http_trigger);
}

} // namespace hotslot::daemon
