// Which functions there are at the moment.
#ifndef HOTSLOT_DAEMON_DEPLOYMENT_HPP
#define HOTSLOT_DAEMON_DEPLOYMENT_HPP

#include "front.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace hotslot::daemon {

/// The functions in force, which can be exchanged as a whole while calls run: those keep what they came
/// under.
///
/// Thread safety: a shared object is safe.
class deployment {
 public:
  deployment(config c, function_environment env, function_services services);

  std::shared_ptr<const front> current() const noexcept {
    std::lock_guard lock(current_mutex_);
    return current_;
  }

  /// Puts `next` in force: all of it, but what only a restart can change. Workers of a function are kept
  /// where nothing that they depend on has changed. Returns what is different, a line each; empty where
  /// nothing is. Throws `std::runtime_error` where a function cannot be had as configured, or after `close`;
  /// then nothing is changed.
  std::vector<std::string> change(config next);

  /// Ends the workers of the functions in force, for good.
  void close() noexcept;

 private:
  /// Throws `system_error` where a function cannot be isolated as it asks.
  void check(const config& c) const;
  std::shared_ptr<const front> make_front(const config& c, const front* before);
  std::shared_ptr<worker_pool> pool_for(const function_config& f);
  void replace_current(std::shared_ptr<const front> fresh);
  void announce(const function_config& f) const;
  void announce_isolation(const function_config& f) const;

  function_environment env_;
  function_services services_;
  std::mutex mutex_; ///< Changes come one after another.
  bool closed_ = false;
  config config_;
  std::map<std::string, std::weak_ptr<worker_pool>> pools_; ///< By their keys in hex.
  // No atomic<shared_ptr>: that of GCC 12 reads it without an order that its writers would see.
  mutable std::mutex current_mutex_;
  std::shared_ptr<const front> current_;
};

/// What there is for workers in total, by the configuration or as the machine has it.
resources total_of(const resource_limits& limits);

} // namespace hotslot::daemon

#endif
