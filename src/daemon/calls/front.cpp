#include "front.hpp"

#include "call.hpp"

#include <boost/url/pct_string_view.hpp>

#include <utility>

namespace hotslot::daemon {
namespace {

constexpr std::string_view invoke_prefix = "/invoke/";
constexpr std::string_view trigger_prefix = "/t/";

// As it is where it is not escaped properly: then it names nothing.
std::string decoded(std::string_view path) {
  const auto escaped = boost::urls::make_pct_string_view(path);
  return escaped ? escaped->decode() : std::string(path);
}

function* look_up(const std::map<std::string, function*, std::less<>>& in, std::string_view name) {
  const auto it = name.find('%') == std::string_view::npos ? in.find(name) : in.find(decoded(name));
  return it == in.end() ? nullptr : it->second;
}

http::response refuse(http::status status, std::string reason) {
  return make_response({status, std::move(reason)}, make_call_id());
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

function* front::named(std::string_view name) const { return look_up(invoked_, name); }
const function* front::with_target(std::string_view target) const {
  return find(http::target_path(target)).fn;
}

front::target front::find(std::string_view path) const {
  if (path.starts_with(trigger_prefix))
    return {look_up(triggered_, path.substr(trigger_prefix.size())), true};
  if (path.starts_with(invoke_prefix))
    return {named(path.substr(invoke_prefix.size())), false};
  return {};
}

asio::awaitable<http::response> front::handle(std::shared_ptr<const front> self, http::request&& request,
                                              http::exchange& exchange) {
  const std::string_view path = http::target_path(request.target());
  const target found = self->find(path);
  if (!found.fn)
    co_return refuse(http::status::not_found, "no such function or trigger");
  if (!found.http_trigger && request.method() != http::verb::post) {
    auto response = refuse(http::status::method_not_allowed, "functions are invoked by POST");
    response.set(http::field::allow, "POST");
    co_return response;
  }
  co_return co_await call(*found.fn, std::move(request), exchange, found.http_trigger);
}

} // namespace hotslot::daemon
