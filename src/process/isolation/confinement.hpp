// What keeps one worker apart, from before its process is made until nothing of it is left.
#pragma once

#include "control_group.hpp"
#include "isolation_means.hpp"
#include "process/spawn/spawn.hpp"

#include <hotslot/process/function_spec.hpp>
#include <hotslot/process/isolation_host.hpp>

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

namespace hotslot::process::detail {

/// Whose worker it is.
struct confined_worker {
  const function_spec& spec;
  const std::filesystem::path& root;      ///< Of all workers' directories.
  const std::filesystem::path& directory; ///< The worker's own.
  std::uint64_t id;
};

class confinement {
 public:
  confinement() = default;
  /// Takes a user, makes a group and a directory for temporary files, gives the worker's directory to its
  /// user. `host` may be null. Throws `system_error`.
  confinement(std::shared_ptr<isolation_host> host, const confined_worker& worker);
  confinement(confinement&& other) noexcept { swap(other); }
  confinement& operator=(confinement&& other) noexcept {
    swap(other);
    return *this;
  }
  ~confinement() { end(); }

  /// Sets the limits, and puts a sandbox in front of the command.
  void apply_to(spawn_request& request) const;

  /// Whom its processes belong to; nothing where that is the server's user.
  const std::optional<user_ids>& user() const noexcept { return user_; }
  /// What the function sees as its directory for temporary files; empty where it gets none.
  const std::filesystem::path& tmp() const noexcept { return tmp_; }

  /// Whether a worker that ended like that did so for want of memory.
  bool ran_out_of_memory(const ending& how, std::uint64_t parent_peak_mb) const;

  /// Kills what is left of the worker wherever it went, and gives back what it had. Blocks for milliseconds.
  void end() noexcept;

 private:
  void swap(confinement& other) noexcept;
  void take_user();
  void make_tmp();
  std::vector<gid_t> groups() const;
  child_limits limits() const;

  std::shared_ptr<isolation_host> host_;
  const function_spec* spec_ = nullptr;
  isolation_choice chosen_ = {};
  std::optional<user_ids> user_;
  control_group group_;
  std::filesystem::path root_;
  std::filesystem::path directory_;
  std::filesystem::path tmp_made_; ///< Empty where a sandbox sees to it.
  std::filesystem::path tmp_;
};

} // namespace hotslot::process::detail
