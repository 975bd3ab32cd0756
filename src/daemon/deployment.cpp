#include "deployment.hpp"

#include <hotslot/machine.hpp>

#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace hotslot::daemon {
namespace {

std::string about(const function_config& f, std::string_view what) {
  std::string text = "function ";
  return text.append(f.app).append("/").append(f.name).append(what);
}

const function_config* find(const config& in, const function_config& f) {
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
    if (!find(after, f))
      out.push_back(about(f, " is gone"));
  for (const auto& f : after.functions) {
    const auto* old = find(before, f);
    if (!old)
      out.push_back(about(f, " is new"));
    else if (differ(*old, f))
      out.push_back(about(f, worker_pool::key_of(*old) == worker_pool::key_of(f)
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
  , services_(std::move(services))
  , config_(std::move(c))
  , current_((check(config_), make_front(config_, nullptr))) {
  for (const auto& f : config_.functions)
    announce(f);
}

void deployment::check(const config& c) const {
  for (const auto& f : c.functions)
    env_.isolation->check(worker_pool::spec_of(f), env_.socket_root);
}

std::shared_ptr<const front> deployment::make_front(const config& c, const front* before) {
  front::functions_type functions;
  for (const auto& f : c.functions)
    functions.push_back(std::make_shared<function>(f, pool_for(f), services_,
                                                   env_.tracker.possible(needs_of(f)),
                                                   before ? before->named(f.app + "/" + f.name) : nullptr));
  return std::make_shared<const front>(std::move(functions));
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
  std::vector<std::string> changes;
  keep_fixed(config_, next, changes);
  compare_functions(config_, next, changes);
  const resources total = total_of(next.resources);
  if (total != env_.tracker.total()) {
    changes.push_back("resources have changed");
    env_.tracker.set_total(total);
  }
  if (next.detached != config_.detached) {
    changes.push_back("detached has changed");
    services_.detached->set_limits(next.detached);
  }
  const auto fresh = make_front(next, current().get());
  for (const auto& f : fresh->functions()) {
    const auto* old = find(config_, f->config());
    if (!old || differ(*old, f->config()))
      f->pool()->reconfigure(f->config());
    if (!old)
      announce(f->config());
    else if (differ(*old, f->config()))
      announce_isolation(f->config());
  }
  std::erase_if(pools_, [](const auto& known) { return known.second.expired(); });
  config_ = std::move(next);
  replace_current(fresh);
  return changes;
}

// What goes may end workers, which is not done under the lock.
void deployment::replace_current(std::shared_ptr<const front> fresh) {
  std::lock_guard lock(current_mutex_);
  current_.swap(fresh);
}

void deployment::close() noexcept {
  std::lock_guard lock(mutex_);
  closed_ = true;
  for (const auto& f : current()->functions())
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
