#include "deployment.hpp"

#include <hotslot/machine.hpp>

#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace hotslot::daemon {
namespace {

std::string line_about(const function_config& f, std::string_view what) {
  std::string text = "function ";
  return text.append(f.app).append("/").append(f.name).append(what);
}

const function_config* find_same(const config& in, const function_config& f) {
  const auto it = std::find_if(in.functions.begin(), in.functions.end(),
                               [&](const auto& other) { return other.app == f.app && other.name == f.name; });
  return it == in.functions.end() ? nullptr : &*it;
}

bool differ(const function_config& a, const function_config& b) {
  return a.source != b.source || a.dir != b.dir || a.log != b.log ||
         identity_of(a.isolation) != identity_of(b.isolation);
}

void compare_functions(const config& before, const config& after, std::vector<std::string>& out) {
  for (const auto& f : before.functions)
    if (!find_same(after, f))
      out.push_back(line_about(f, " is gone"));
  for (const auto& f : after.functions) {
    const auto* old = find_same(before, f);
    if (!old)
      out.push_back(line_about(f, " is new"));
    else if (differ(*old, f))
      out.push_back(line_about(f, worker_pool::key_of(*old) == worker_pool::key_of(f)
                                      ? " has changed; its workers stay"
                                      : " has changed; it gets new workers"));
  }
}

// What stays as it is until the server is started again.
void keep_fixed(const config& before, config& after, std::vector<std::string>& out) {
  const auto keep = [&](auto config::*member, std::string_view name) {
    if (before.*member == after.*member)
      return;
    out.emplace_back(name).append(" has changed, which a restart would put in force");
    after.*member = before.*member;
  };
  keep(&config::listen, "listen");
  keep(&config::admin, "admin");
  keep(&config::socket_dir, "socket_dir");
  keep(&config::max_body_bytes, "max_body_bytes");
  keep(&config::max_header_bytes, "max_header_bytes");
  keep(&config::request_buffer, "request_buffer_bytes");
  keep(&config::eviction, "eviction");
  keep(&config::timeouts, "timeouts");
  keep(&config::tracing, "tracing");
  keep(&config::access_log, "access_log");
}

} // namespace

resources total_of(const resource_limits& limits) {
  const resources machine = usable_machine_resources();
  return {.memory_mb = limits.memory_mb.value_or(machine.memory_mb),
          .cpu_milli = limits.cpu_milli.value_or(machine.cpu_milli)};
}

deployment::deployment(config c, function_environment env, function_services services)
  : env_(std::move(env))
  , services_(std::move(services)) {
  check(c);
  auto functions = make_functions(c, nullptr);
  current_ = std::make_shared<const in_force>(std::move(c), std::move(functions));
  for (const auto& f : current_->settings.functions)
    announce(f);
}

void deployment::check(const config& c) const {
  for (const auto& f : c.functions)
    env_.isolation->check(worker_pool::spec_of(f), env_.socket_root);
}

front::functions_type deployment::make_functions(const config& c, const front* before) {
  front::functions_type functions;
  for (const auto& f : c.functions)
    functions.push_back(std::make_shared<function>(f, pool_for(f), services_,
                                                   env_.tracker.possible(needs_of(f)),
                                                   before ? before->named(f.app + "/" + f.name) : nullptr));
  return functions;
}

// A pool that only calls from before a change still keep is taken up again, if it comes to that.
std::shared_ptr<worker_pool> deployment::pool_for(const function_config& f) {
  std::weak_ptr<worker_pool>& known = pools_[worker_pool::key_of(f).hex()];
  std::shared_ptr<worker_pool> pool = known.lock();
  if (pool)
    return pool;
  pool = std::make_shared<worker_pool>(f, env_);
  known = pool;
  return pool;
}

std::vector<std::string> deployment::change(config next) {
  std::lock_guard lock(mutex_);
  if (closed_)
    throw std::runtime_error("the server is about to end");
  check(next);
  const auto before = current();
  std::vector<std::string> changes;
  keep_fixed(before->settings, next, changes);
  compare_functions(before->settings, next, changes);
  const resources total = total_of(next.resources);
  if (total != env_.tracker.total()) {
    changes.push_back("resources have changed");
    env_.tracker.set_total(total);
  }
  if (next.detached != before->settings.detached) {
    changes.push_back("detached has changed");
    services_.detached->set_limits(next.detached);
  }
  if (next.drain_grace != before->settings.drain_grace)
    changes.push_back("drain_grace_s has changed");
  auto functions = make_functions(next, &before->routes);
  const auto fresh = std::make_shared<const in_force>(std::move(next), std::move(functions));
  take_up(*fresh, before->settings);
  std::erase_if(pools_, [](const auto& known) { return known.second.expired(); });
  replace_current(fresh);
  return changes;
}

void deployment::take_up(const in_force& fresh, const config& before) const {
  for (const auto& f : fresh.routes.functions()) {
    const auto* old = find_same(before, f->config());
    if (!old || differ(*old, f->config()))
      f->pool()->reconfigure(f->config());
    if (!old)
      announce(f->config());
    else if (differ(*old, f->config()))
      announce_isolation(f->config());
  }
}

// What goes may end workers, which is not done under the lock.
void deployment::replace_current(std::shared_ptr<const in_force> fresh) {
  std::lock_guard lock(current_mutex_);
  current_.swap(fresh);
}

void deployment::close() noexcept {
  std::lock_guard lock(mutex_);
  closed_ = true;
  for (const auto& f : current()->routes.functions())
    f->pool()->close();
}

// For those who asked for more than there is, and those who did not know what to ask for.
void deployment::announce_isolation(const function_config& f) const {
  const auto by = env_.isolation->describe(worker_pool::spec_of(f), env_.socket_root);
  env_.log.info("isolation", {{"app", f.app},
                              {"fn", f.name},
                              {"user", by.user},
                              {"memory", by.memory},
                              {"processes", by.processes},
                              {"tmp", by.tmp},
                              {"sandbox", by.sandbox}});
  for (const auto& gap : by.gaps)
    env_.log.warn(gap, {{"app", f.app}, {"fn", f.name}});
}

void deployment::announce(const function_config& f) const {
  const resources total = env_.tracker.total();
  env_.log.info("function", {{"app", f.app}, {"fn", f.name}, {"id", f.id}, {"trigger", f.trigger}});
  announce_isolation(f);
  if (!env_.tracker.possible(needs_of(f)))
    env_.log.warn("function can never be started: it needs more than there is",
                  {{"app", f.app},
                   {"fn", f.name},
                   {"memory_mb", f.memory_mb},
                   {"of_memory_mb", total.memory_mb},
                   {"cpu_milli", f.cpu_milli},
                   {"of_cpu_milli", total.cpu_milli}});
}

} // namespace hotslot::daemon
