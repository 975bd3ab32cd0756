#include "confinement.hpp"

#include "process/spawn/system.hpp"

#include "bubblewrap.hpp"
#include "container.hpp"
#include "tmpfs.hpp"

#include <hotslot/process/errc.hpp>

#include <boost/system/system_error.hpp>

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

namespace hotslot::process::detail {
namespace {

namespace fs = std::filesystem;
using boost::system::system_error;

void give(const fs::path& file, const std::optional<user_ids>& to) {
  if (to && ::chown(file.c_str(), to->uid, to->gid) != 0)
    throw_errno(file.string());
}

std::string mount_options(std::uint64_t mb, const std::optional<user_ids>& user) {
  std::string text = "mode=0700";
  for (const auto& option : tmpfs_options(mb, user))
    text.append(",").append(option);
  return text;
}

} // namespace

confinement::confinement(std::shared_ptr<isolation_host> host, const confined_worker& worker)
  : confinement() { // whose destructor gives back what was taken before something failed
  host_ = std::move(host);
  spec_ = &worker.spec;
  root_ = worker.root;
  directory_ = worker.directory;
  const isolation_means* means = host_ ? &host_->means() : nullptr;
  chosen_ = choose_isolation(means, worker.spec, worker.root);
  take_user();
  if (chosen_.memory == limited_by::group || chosen_.processes == limited_by::group)
    group_ = means->groups->make(
        worker.id, {.memory_mb = chosen_.memory == limited_by::group ? worker.spec.memory_mb : 0,
                    .processes = worker.spec.isolation.max_processes});
  make_tmp();
  give(directory_, user_);
}

void confinement::take_user() {
  if (chosen_.own_user) {
    const auto uid = host_->means().users->acquire();
    if (!uid)
      throw system_error(errc::spawn_failed, "no user id is free");
    user_ = user_ids{*uid, static_cast<gid_t>(*uid)};
  } else {
    user_ = chosen_.given;
  }
}

// A sandbox shows it as /tmp, or makes one; a bundle has its own, or none.
void confinement::make_tmp() {
  if (spec_->isolation.tmp_mb == 0 || !spec_->isolation.bundle.empty())
    return;
  const bool in_sandbox = spec_->isolation.sandbox != sandbox_kind::none;
  if (chosen_.mounts_tmp || !in_sandbox) {
    tmp_made_ = directory_ / "tmp";
    std::error_code ec;
    if (!fs::create_directory(tmp_made_, ec) && ec)
      throw system_error(errc::spawn_failed, tmp_made_.string() + ": " + ec.message());
    if (!chosen_.mounts_tmp)
      give(tmp_made_, user_);
  }
  tmp_ = in_sandbox ? "/tmp" : tmp_made_;
}

std::vector<gid_t> confinement::groups() const {
  return chosen_.given ? spec_->isolation.given_groups : std::vector<gid_t>();
}

child_limits confinement::limits() const {
  const isolation& asked = spec_->isolation;
  child_limits to{.user = user_, .core_dumps = asked.core_dumps, .no_new_privs = asked.no_new_privs};
  if (group_)
    to.group = group_.entrance();
  to.groups = groups();
  if (chosen_.mounts_tmp) {
    to.tmp = tmp_made_;
    to.tmp_options = mount_options(asked.tmp_mb, user_);
  }
  if (asked.max_files != 0)
    to.files = asked.max_files;
  if (chosen_.processes == limited_by::rlimit)
    to.processes = asked.max_processes;
  if (chosen_.memory == limited_by::rlimit)
    to.data_bytes = (spec_->memory_mb + data_allowance_mb) << 20;
  return to;
}

void confinement::apply_to(spawn_request& request) const {
  switch (spec_->isolation.sandbox) {
  case sandbox_kind::oci:
    return put_container_around(request,
                                {.spec = *spec_, .user = user_, .groups = groups(), .directory = directory_});
  case sandbox_kind::bwrap:
    request.limits = limits();
    return put_bubblewrap_before(
        request, {.of = spec_->isolation, .root = root_, .directory = directory_, .tmp = tmp_made_});
  default:
    request.limits = limits();
  }
}

bool confinement::ran_out_of_memory(const ending& how, std::uint64_t parent_peak_mb) const {
  if (group_.ran_out_of_memory())
    return true;
  return spec_ && chosen_.memory == limited_by::rlimit && how.failed && how.peak_mb > parent_peak_mb &&
         how.peak_mb >= spec_->memory_mb;
}

void confinement::end() noexcept {
  const bool own = host_ && user_ && chosen_.own_user;
  if (spec_ && spec_->isolation.sandbox == sandbox_kind::oci)
    remove_container(container_directory(directory_));
  group_.remove();
  if (own)
    host_->means().users->release(user_->uid);
  user_.reset();
}

void confinement::swap(confinement& other) noexcept {
  std::swap(host_, other.host_);
  std::swap(spec_, other.spec_);
  std::swap(chosen_, other.chosen_);
  std::swap(user_, other.user_);
  std::swap(group_, other.group_);
  std::swap(root_, other.root_);
  std::swap(directory_, other.directory_);
  std::swap(tmp_made_, other.tmp_made_);
  std::swap(tmp_, other.tmp_);
}

} // namespace hotslot::process::detail
