#include "admin.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_from.hpp>

#include <optional>
#include <stdexcept>
#include <utility>

namespace hotslot::daemon {
namespace {

constexpr std::string_view prefix = "/admin";
constexpr std::string_view invoke_route = "/invoke/";
constexpr std::string_view recycle_route = "/recycle/";

std::string_view admin_route(const http::request& request) {
  const std::string_view target(request.target().data(), request.target().size());
  return http::target_path(target).substr(prefix.size());
}

bool known(std::string_view route) {
  return route == "/reload" || route == "/drain" || route.starts_with(recycle_route) ||
         route.starts_with(invoke_route);
}

http::response make_json(http::status status, const boost::json::object& body) {
  return http::make_response(status, "application/json", boost::json::serialize(body) + "\n");
}

std::optional<http::response> refuse_request(const http::request& request) {
  if (!known(admin_route(request)))
    return http::make_error(http::status::not_found, "no such resource");
  if (request.method() != http::verb::post) {
    auto response =
        http::make_error(http::status::method_not_allowed, "what changes something is done by POST");
    response.set(http::field::allow, "POST");
    return response;
  }
  if (request.count(http::field::origin) != 0)
    return http::make_error(http::status::forbidden, "web pages may not do this");
  return std::nullopt;
}

} // namespace

class admin::running_call {
 public:
  explicit running_call(admin& of)
    : of_(of) {
    ++of_.calls_;
  }
  running_call(const running_call&) = delete;
  running_call& operator=(const running_call&) = delete;
  ~running_call() {
    if (--of_.calls_ == 0 && of_.actions_.draining())
      asio::post(of_.ended_.get_executor(), [&of = of_] { of.ended_.cancel(); });
  }

 private:
  admin& of_;
};

admin::admin(const asio::any_io_executor& control, const deployment& functions, server_actions actions,
             const logger& log)
  : functions_(functions)
  , actions_(std::move(actions))
  , log_(log)
  , ended_(control) {}

asio::awaitable<void> admin::async_drain(std::chrono::steady_clock::time_point until) {
  while (calls_ != 0 && std::chrono::steady_clock::now() < until) {
    ended_.expires_at(until);
    co_await ended_.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

bool admin::owns(std::string_view target) noexcept {
  const auto path = http::target_path(target);
  return path.starts_with(prefix) && path.substr(prefix.size()).starts_with('/');
}

std::optional<http::response> admin::refuse_early(const http::request& head) const {
  auto refused = refuse_request(head);
  const auto route = admin_route(head);
  return refused || !route.starts_with(invoke_route) ? std::move(refused)
                                                     : functions_.routes()->refuse_early(head, route);
}

asio::awaitable<http::response> admin::handle(http::request&& request, http::exchange& exchange) {
  if (auto refusal = refuse_request(request))
    co_return std::move(*refusal);
  const auto route = admin_route(request);
  if (route == "/reload")
    co_return co_await reload();
  if (route == "/drain")
    co_return co_await drain(exchange);
  if (route.starts_with(recycle_route))
    co_return recycle(route.substr(recycle_route.size()));
  co_return co_await invoke(std::move(request), exchange);
}

asio::awaitable<http::response> admin::reload() {
  try {
    const auto changes = co_await actions_.reload();
    boost::json::object body;
    body["changes"] = boost::json::value_from(changes);
    co_return make_json(http::status::ok, body);
  } catch (const std::exception& e) {
    co_return http::make_error(http::status::unprocessable_entity, e.what());
  }
}

// All of the answer is on its way before the server begins to end, for which it may have nothing to wait for.
// Who has gone without it, or as soon as it was there, has asked all the same.
asio::awaitable<http::response> admin::drain(http::exchange& exchange) {
  const auto answer = make_json(http::status::accepted, {{"draining", true}});
  try {
    co_await exchange.begin(answer);
    co_await exchange.write(answer.body());
  } catch (const boost::system::system_error&) {
  }
  actions_.drain();
  co_return http::response();
}

http::response admin::recycle(std::string_view name) {
  const auto front = functions_.routes();
  const auto* f = front->at_path(name);
  if (!f)
    return http::make_error(http::status::not_found, "no such function");
  const auto now = f->pool()->queue().snapshot();
  f->pool()->recycle();
  log_.info("recycling",
            {{"app", f->config().app}, {"fn", f->config().name}, {"idle", now.idle}, {"busy", now.busy}});
  return make_json(http::status::accepted, {{"idle", now.idle}, {"busy", now.busy}});
}

asio::awaitable<http::response> admin::invoke(http::request&& request, http::exchange& exchange) {
  const running_call running(*this); // before it is looked whether the server drains, which then waits for it
  if (actions_.draining())
    co_return http::make_error(http::status::service_unavailable, "the server is draining");
  const std::string target(admin_route(request));
  request.target(target);
  co_return co_await front::handle(functions_.routes(), std::move(request), exchange);
}

} // namespace hotslot::daemon
