#include "deployment.hpp"

#include "function_match.hpp"

#include "daemon/config/config_rules.hpp"

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

bool differ(const function_config& a, const function_config& b) {
  return a.source != b.source || a.dir != b.dir || a.log != b.log ||
         identity_of(a.isolation) != identity_of(b.isolation);
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
  keep(&config::max_buffered, "max_buffered_bytes");
  keep(&config::max_metric_keys, "max_metric_keys");
  keep(&config::underscores_in_headers, "underscores_in_headers");
  keep(&config::trusted_proxies, "trusted_proxies");
  keep(&config::eviction, "eviction");
  keep(&config::timeouts, "timeouts");
  keep(&config::tracing, "tracing");
  keep(&config::access_log, "access_log");
}

// Of an access log that stays as it is, the file speaks of the one that there would be.
void refuse_disagreement_with_kept(const config& c) {
  json_problems problems;
  refuse_disagreeing_files(c, problems);
  if (!problems.empty())
    throw std::runtime_error("with the access_log that is in force until a restart: " +
                             problems.front().pointer + ": " + problems.front().message);
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
  front::functions_type functions;
  for (const auto& f : c.functions)
    functions.push_back(make_function(f, env_.tracker.total(), nullptr));
  current_ = std::make_shared<const in_force>(std::move(c), std::move(functions));
  for (const auto& f : current_->settings.functions)
    announce(f);
}

void deployment::check(const config& c) const {
  for (const auto& f : c.functions)
    env_.isolation->check(worker_pool::spec_of(f), env_.socket_root);
}

std::shared_ptr<function> deployment::make_function(const function_config& f, const resources& total,
                                                    const function* before) {
  return std::make_shared<function>(f, pool_for(f), services_, needs_of(f).fits_in(total), before);
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

prepared_change deployment::prepare(config next) {
  check(next);
  const auto before = current();
  prepared_change change;
  change.total = total_of(next.resources);
  keep_fixed(before->settings, next, change.lines);
  refuse_disagreement_with_kept(next);
  if (change.total != env_.tracker.total())
    change.lines.push_back("resources have changed");
  if (next.detached != before->settings.detached)
    change.lines.push_back("detached has changed");
  if (next.drain_delay != before->settings.drain_delay)
    change.lines.push_back("drain_delay_s has changed");
  if (next.drain_grace != before->settings.drain_grace)
    change.lines.push_back("drain_grace_s has changed");
  std::erase_if(pools_, [](const auto& known) { return known.second.expired(); });
  prepare_functions(*before, std::move(next), change);
  return change;
}

void deployment::prepare_functions(const in_force& before, config next, prepared_change& to) {
  const auto match = match_functions(before.settings.functions, next.functions);
  for (const auto i : match.gone)
    to.lines.push_back(line_about(before.settings.functions[i], " is gone"));
  front::functions_type functions;
  for (std::size_t i = 0; i < next.functions.size(); ++i) {
    const auto& f = next.functions[i];
    const function* old = match.before[i] ? before.routes.functions()[*match.before[i]].get() : nullptr;
    functions.push_back(make_function(f, to.total, old));
    if (old && !differ(old->config(), f))
      continue;
    const auto& pool = functions.back()->pool();
    to.lines.push_back(line_about(f, !old                  ? " is new"
                                     : pool == old->pool() ? " has changed; its workers stay"
                                                           : " has changed; it gets new workers"));
    to.pools.emplace_back(pool, pool->settings_for(f));
    (old ? to.changed : to.fresh).push_back(functions.back());
  }
  to.next = std::make_shared<const in_force>(std::move(next), std::move(functions));
}

// What was in force before may end workers, which is done by who has the change, under no lock.
bool deployment::put_in_force(prepared_change& change) noexcept {
  const std::lock_guard lock(closing_);
  if (closed_)
    return false;
  env_.tracker.set_total(change.total);
  services_.detached->set_limits(change.next->settings.detached);
  for (auto& [pool, settings] : change.pools)
    pool->take_up(std::move(settings));
  const std::lock_guard exchange(current_mutex_);
  current_.swap(change.next);
  return true;
}

void deployment::announce(const prepared_change& change) const {
  for (const auto& f : change.fresh)
    announce(f->config());
  for (const auto& f : change.changed)
    announce_isolation(f->config());
}

void deployment::close() noexcept {
  const std::lock_guard lock(closing_);
  closed_ = true;
  services_.unheard->close();
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
