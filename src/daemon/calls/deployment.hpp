// What is in force, and how something else comes to be.
#pragma once

#include "front.hpp"

#include "daemon/config/config.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace hotslot::daemon {

/// A configuration and the functions that it makes: the one truth about what hotslotd does. Immutable, and
/// exchanged as a whole, so that whoever has it sees one configuration only.
struct in_force {
  in_force(config c, front::functions_type functions)
    : settings(std::move(c))
    , routes(std::move(functions)) {}

  const config settings;
  const front routes;
};

/// Another configuration, resolved and checked, before and after it is put in force.
struct prepared_change {
  std::shared_ptr<const in_force> next; ///< Afterwards: what was in force before.
  std::vector<std::string> lines;       ///< What is different, a line each; empty where nothing is.
  resources total;
  std::vector<std::pair<std::shared_ptr<worker_pool>, worker_pool::settings>>
      pools; ///< That stay, but change.
  std::vector<std::shared_ptr<const function>> fresh, changed;
};

/// Exchanges what is in force as a whole, while calls run: those keep what they came under.
///
/// Thread safety: a shared object is safe; changes come one after another. Nobody waits while one is
/// prepared.
class deployment {
 public:
  /// Throws `std::runtime_error` where a function cannot be had as configured.
  deployment(config c, function_environment env, function_services services);

  std::shared_ptr<const in_force> current() const noexcept {
    std::lock_guard lock(current_mutex_);
    return current_;
  }

  /// Does all that may fail of putting `next` in force: all of it, but what only a restart can change.
  /// Workers of a function are kept where nothing that they depend on has changed. Throws
  /// `std::runtime_error` where a function cannot be had as configured; then nothing is changed.
  prepared_change prepare(config next);

  /// False after `close`: nothing is changed then.
  bool put_in_force(prepared_change& change) noexcept;

  /// Tells the log of the functions that are new or changed.
  void announce(const prepared_change& change) const;

  /// The same, as far as requests need it.
  std::shared_ptr<const front> routes() const noexcept {
    auto force = current();
    const front* const part = &force->routes;
    return {std::move(force), part};
  }

  /// What all workers share.
  const resource_tracker& tracker() const noexcept { return env_.tracker; }

  /// Ends the workers of the functions in force, for good.
  void close() noexcept;

 private:
  /// Throws `system_error` where a function cannot be isolated as it asks.
  void check(const config& c) const;
  std::shared_ptr<function> make_function(const function_config& f, const resources& total,
                                          const function* before);
  std::shared_ptr<worker_pool> pool_for(const function_config& f);
  void prepare_functions(const in_force& before, config next, prepared_change& to);
  void announce(const function_config& f) const;
  void announce_isolation(const function_config& f) const;

  function_environment env_;
  function_services services_;
  std::map<std::string, std::weak_ptr<worker_pool>> pools_; ///< By their keys in hex. For `prepare`.
  std::mutex closing_; ///< A change is put in force before the end, or not.
  bool closed_ = false;
  // No atomic<shared_ptr>: that of GCC 12 reads it without an order that its writers would see.
  mutable std::mutex current_mutex_;
  std::shared_ptr<const in_force> current_;
};

/// What there is for workers in total, by the configuration or as the machine has it.
resources total_of(const resource_limits& limits);

} // namespace hotslot::daemon
