// What this machine lends to keep function processes apart.
#ifndef HOTSLOT_PROCESS_ISOLATION_HOST_HPP
#define HOTSLOT_PROCESS_ISOLATION_HOST_HPP

#include <hotslot/process/function_spec.hpp>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace hotslot::process {

namespace detail {
struct isolation_means;
}

/// By what means the workers of one function are isolated, for people.
struct isolation_summary {
  std::string user;
  std::string memory;
  std::string processes;
  std::string tmp;
  std::string sandbox;
  /// What was asked for by default and cannot be had, and what follows from that. A sentence each.
  std::vector<std::string> gaps;
};

/// User ids, control groups and name spaces, as far as this process may use them: all of them as root, fewer
/// otherwise. One for a process, shared by all launchers.
///
/// It moves this process into a leaf of its control group, where it may (see docs/isolation.md), and kills
/// what a server that was killed has left in the groups and under the users that it takes over.
///
/// Thread safety: a shared object is safe.
class isolation_host {
 public:
  /// Takes what there is; that little is to be had is no error.
  isolation_host();
  ~isolation_host();
  isolation_host(const isolation_host&) = delete;
  isolation_host& operator=(const isolation_host&) = delete;

  /// Whether users of their own can be given to processes.
  bool has_users() const noexcept;

  /// Throws `system_error` with `errc::isolation_unavailable`, naming it, where something that `spec` asks
  /// for by name cannot be had. `root` as for `function_launcher`.
  void check(const function_spec& spec, const std::filesystem::path& root) const;

  /// What of its isolation a function gets here, for a log.
  isolation_summary describe(const function_spec& spec, const std::filesystem::path& root) const;

  /// The directory or the program of a function, where that is not there (yet); else empty.
  static std::filesystem::path missing_part(const function_spec& spec);

  detail::isolation_means& means() noexcept { return *means_; }

 private:
  std::unique_ptr<detail::isolation_means> means_;
};

} // namespace hotslot::process

#endif
