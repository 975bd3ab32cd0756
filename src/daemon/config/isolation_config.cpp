#include "isolation_config.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

namespace hotslot::daemon {
namespace {

using process::sandbox_kind;
using process::user_ids;
using process::user_policy;

constexpr json_range uid_range{0, 0xfffffffe};
constexpr json_range count_range{0, 1u << 22};
constexpr std::uint32_t least_files =
    16; ///< A program and its libraries are loaded, and a few calls accepted.
constexpr std::uint32_t least_bubble_processes = 8; ///< Some of them are bubblewrap's.

struct account {
  user_ids ids;
  std::vector<gid_t> groups;
};

std::vector<gid_t> groups_of(const passwd& user) {
  int n = 64;
  std::vector<gid_t> groups(static_cast<std::size_t>(n));
  if (::getgrouplist(user.pw_name, user.pw_gid, groups.data(), &n) < 0) { // which says how many there are
    groups.resize(static_cast<std::size_t>(n));
    ::getgrouplist(user.pw_name, user.pw_gid, groups.data(), &n);
  }
  groups.resize(std::min(groups.size(), static_cast<std::size_t>(n)));
  return groups;
}

template <class Lookup>
std::optional<account> look_up_by(Lookup lookup) {
  std::vector<char> buffer(1 << 16);
  passwd entry{};
  passwd* found = nullptr;
  lookup(&entry, buffer.data(), buffer.size(), &found);
  if (!found)
    return std::nullopt;
  return account{.ids = {found->pw_uid, found->pw_gid}, .groups = groups_of(*found)};
}

std::optional<account> account_named(const std::string& name) {
  return look_up_by([&](passwd* entry, char* buffer, std::size_t size, passwd** found) {
    return ::getpwnam_r(name.c_str(), entry, buffer, size, found);
  });
}

// An id that no account has is as good; its group is of the same number.
account account_of(uid_t uid) {
  const auto known = look_up_by([&](passwd* entry, char* buffer, std::size_t size, passwd** found) {
    return ::getpwuid_r(uid, entry, buffer, size, found);
  });
  return known.value_or(account{.ids = {uid, static_cast<gid_t>(uid)}, .groups = {}});
}

void give(process::isolation& to, account known) {
  to.user = user_policy::given;
  to.given = known.ids;
  to.given_groups = std::move(known.groups);
}

void read_named_user(json_object& in, const std::string& name, process::isolation& to) {
  if (name == "auto")
    to.user = user_policy::automatic;
  else if (name == "own")
    to.user = user_policy::own;
  else if (name == "server")
    to.user = user_policy::same;
  else if (auto known = account_named(name))
    give(to, std::move(*known));
  else
    in.refuse("user", "must be \"auto\", \"own\", \"server\", or a user of this machine by name or number");
}

void read_user(json_object& in, process::isolation& to) {
  const auto* v = in.find("user");
  if (!v)
    return;
  if (v->is_string())
    return read_named_user(in, std::string(v->get_string()), to);
  if (const auto uid = read_integer(*v, uid_range, in.pointer("user"), in.problems()))
    give(to, account_of(static_cast<uid_t>(*uid)));
}

void read_sandbox(json_object& in, const std::filesystem::path& folder, process::isolation& to) {
  constexpr std::array<std::string_view, 3> kinds{"none", "bwrap", "oci"};
  if (const auto kind = in.choice("sandbox", kinds))
    to.sandbox = static_cast<sandbox_kind>(*kind);
  to.network = in.boolean("network").value_or(to.network);
  to.rootfs = in.path("rootfs", folder).value_or(to.rootfs);
  to.bundle = in.path("bundle", folder).value_or(to.bundle);
  if (const auto runtime = in.string("runtime"))
    to.runtime = *runtime;
  if (to.sandbox == sandbox_kind::none && !to.network)
    in.refuse("network", "takes a sandbox");
  if (to.sandbox == sandbox_kind::oci && to.rootfs.empty() == to.bundle.empty())
    in.refuse("sandbox", "takes either a \"rootfs\" or a \"bundle\" for \"oci\"");
}

// The member that made it so is named.
void refuse_too_few(json_object& in, const process::isolation& to) {
  if (to.max_files != 0 && to.max_files < least_files && in.find("max_files"))
    in.refuse("max_files",
              "must be 0, or at least " + std::to_string(least_files) + ": nothing runs with fewer");
  if (to.max_processes != 0 && to.max_processes < least_bubble_processes && to.sandbox == sandbox_kind::bwrap)
    in.refuse(in.find("max_processes") ? "max_processes" : "sandbox",
              "takes \"max_processes\" of 0, or at least " + std::to_string(least_bubble_processes) +
                  ": bubblewrap needs some itself");
}

} // namespace

void read_isolation(json_object& in, const std::filesystem::path& folder, process::isolation& to) {
  in.within("isolation", [&](json_object& isolation) {
    read_user(isolation, to);
    to.no_new_privs = isolation.boolean("no_new_privs").value_or(to.no_new_privs);
    to.core_dumps = isolation.boolean("core_dumps").value_or(to.core_dumps);
    assign(to.max_files, isolation.integer("max_files", count_range));
    assign(to.max_processes, isolation.integer("max_processes", count_range));
    to.limit_memory = isolation.boolean("limit_memory").value_or(to.limit_memory);
    assign(to.tmp_mb, isolation.integer("tmp_mb", count_range));
    read_sandbox(isolation, folder, to);
    refuse_too_few(isolation, to);
  });
}

std::string identity_of(const process::isolation& i) {
  const boost::json::array groups(i.given_groups.begin(), i.given_groups.end());
  const boost::json::array all{static_cast<int>(i.user),
                               i.given.uid,
                               i.given.gid,
                               groups,
                               i.no_new_privs,
                               i.core_dumps,
                               i.max_files,
                               i.max_processes,
                               i.limit_memory,
                               i.tmp_mb,
                               static_cast<int>(i.sandbox),
                               i.network,
                               i.rootfs.native(),
                               i.bundle.native(),
                               i.runtime.native()};
  return boost::json::serialize(all);
}

} // namespace hotslot::daemon
