#include "bubblewrap.hpp"
#include "isolation_means.hpp"

#include <hotslot/process/errc.hpp>
#include <hotslot/process/isolation_host.hpp>

#include <boost/system/system_error.hpp>

#include <unistd.h>

namespace hotslot::process {
namespace {

namespace fs = std::filesystem;
using detail::limited_by;

[[noreturn]] void refuse(const function_spec& spec, const std::string& why) {
  throw boost::system::system_error(errc::isolation_unavailable,
                                    "function " + spec.app_name + '/' + spec.fn_name + ": " + why);
}

void check_user(const detail::isolation_means& means, const function_spec& spec, const fs::path& root) {
  const bool other = spec.isolation.user == user_policy::given && spec.isolation.given.uid != ::geteuid();
  if (other && !means.root)
    refuse(spec, "only root can run it as another user");
  if (spec.isolation.user != user_policy::own)
    return;
  if (!means.users)
    refuse(spec, "this server cannot give it a user of its own: " +
                     (means.root ? means.no_users : std::string("that takes root, and user ids")));
  if (spec.isolation.sandbox != sandbox_kind::oci && !detail::reachable_by_others(spec, root))
    refuse(spec, "a user of its own cannot get at its directory, its program or the socket directory");
}

void check_container(const function_spec& spec) {
  const isolation& asked = spec.isolation;
  if (asked.sandbox != sandbox_kind::oci)
    return;
  if (asked.rootfs.empty() == asked.bundle.empty())
    refuse(spec, "a container has either a root file system or a bundle");
  const fs::path& files = asked.rootfs.empty() ? asked.bundle : asked.rootfs;
  std::error_code ec;
  if (!fs::is_directory(files, ec))
    refuse(spec, files.string() + " is no directory");
  if (detail::sandbox_program(asked).empty())
    refuse(spec, "there is no " + asked.runtime.string() + " to run its container");
}

// As whom its sandbox would be made. An own user is as good as any that nobody has.
std::optional<user_ids> sandbox_user(const detail::isolation_choice& chosen) {
  return chosen.own_user ? detail::user_block::nobodys : chosen.given;
}

void check_bubble(const detail::isolation_means& means, const function_spec& spec, const fs::path& root) {
  if (spec.isolation.sandbox != sandbox_kind::bwrap)
    return;
  if (detail::is_hidden_place(spec.dir))
    refuse(spec, "its directory, " + spec.dir.string() + ", is one that the sandbox hides");
  if (detail::sandbox_program(spec.isolation).empty())
    refuse(spec, "bubblewrap is not installed");
  const auto user = sandbox_user(detail::choose_isolation(&means, spec, root));
  if (const auto why = detail::why_no_bubblewrap(spec.isolation, user); !why.empty())
    refuse(spec, "bubblewrap can make no sandbox here: " + why);
}

std::string user_text(const detail::isolation_choice& chosen) {
  if (chosen.given)
    return std::to_string(chosen.given->uid);
  return chosen.own_user ? "own" : "the server's";
}

std::string limit_text(limited_by means, const std::string& what) {
  switch (means) {
  case limited_by::group:
    return what + " by control group";
  case limited_by::rlimit:
    return what + " by rlimit";
  case limited_by::container:
    return what + " by the container";
  default:
    return "unlimited";
  }
}

std::string memory_text(const detail::isolation_choice& chosen, const function_spec& spec) {
  if (!spec.isolation.limit_memory)
    return "unlimited";
  const bool by_rlimit = chosen.memory == limited_by::rlimit;
  return limit_text(chosen.memory,
                    std::to_string(spec.memory_mb + (by_rlimit ? data_allowance_mb : 0)) + " MB");
}

std::string processes_text(const detail::isolation_choice& chosen, const isolation& asked) {
  return asked.max_processes == 0 ? "unlimited"
                                  : limit_text(chosen.processes, std::to_string(asked.max_processes));
}

std::string tmp_text(const detail::isolation_choice& chosen, const isolation& asked) {
  if (asked.tmp_mb == 0)
    return "none";
  return chosen.tmp_is_bounded ? std::to_string(asked.tmp_mb) + " MB" : "unlimited";
}

std::string why_no_own_user(const detail::isolation_means& means) {
  return means.users ? "a user of its own could not get at its directory, its program or the socket directory"
                     : "no user ids can be had: " + means.no_users;
}

std::string sandbox_text(const isolation& asked) {
  switch (asked.sandbox) {
  case sandbox_kind::bwrap:
    return "bwrap";
  case sandbox_kind::oci:
    return "oci";
  default:
    return "none";
  }
}

} // namespace

isolation_host::isolation_host()
  : means_(std::make_unique<detail::isolation_means>(detail::isolation_means::find())) {}

isolation_host::~isolation_host() = default;

bool isolation_host::has_users() const noexcept { return means_->users != nullptr; }

void isolation_host::check(const function_spec& spec, const fs::path& root) const {
  check_user(*means_, spec, root);
  check_container(spec);
  check_bubble(*means_, spec, root);
}

fs::path isolation_host::missing_part(const function_spec& spec) { return detail::missing_part(spec); }

isolation_summary isolation_host::describe(const function_spec& spec, const fs::path& root) const {
  const isolation& asked = spec.isolation;
  const auto chosen = detail::choose_isolation(means_.get(), spec, root);
  const bool bundle = asked.sandbox == sandbox_kind::oci && !asked.bundle.empty();
  const std::string as_bundle = "as the bundle has it";
  isolation_summary out{.user = bundle && !chosen.own_user && !chosen.given ? as_bundle : user_text(chosen),
                        .memory = bundle ? as_bundle : memory_text(chosen, spec),
                        .processes = bundle ? as_bundle : processes_text(chosen, asked),
                        .tmp = bundle ? as_bundle : tmp_text(chosen, asked),
                        .sandbox = sandbox_text(asked),
                        .gaps = {}};
  if (const auto missing = detail::missing_part(spec); !missing.empty())
    out.gaps.push_back("cannot be started as long as there is no " + missing.string());
  if (means_->root && asked.user == user_policy::automatic && !chosen.own_user && !bundle)
    out.gaps.push_back("runs as the server's user, root: " + why_no_own_user(*means_) +
                       "; name a user, or say \"user\": \"server\" if that is what you want");
  if (asked.max_processes != 0 && chosen.processes == limited_by::nothing)
    out.gaps.push_back("may make any number of processes: there is no control group and no user of its own");
  if (chosen.memory == limited_by::rlimit)
    out.gaps.push_back("may take any amount of shared memory: there is no control group");
  if (asked.tmp_mb != 0 && !chosen.tmp_is_bounded)
    out.gaps.push_back(
        "may fill the disk of its temporary directory: its size is not limited without root or "
        "a sandbox");
  return out;
}

} // namespace hotslot::process
