#include "isolation_config.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <pwd.h>

#include <array>
#include <optional>
#include <vector>

namespace hotslot::daemon {
namespace {

using process::sandbox_kind;
using process::user_ids;
using process::user_policy;

constexpr json_range uid_range{0, 0xfffffffe};
constexpr json_range count_range{0, 1u << 22};

template <class Lookup>
std::optional<user_ids> look_up_by(Lookup lookup) {
  std::vector<char> buffer(1 << 16);
  passwd entry{};
  passwd* found = nullptr;
  lookup(&entry, buffer.data(), buffer.size(), &found);
  return found ? std::optional(user_ids{found->pw_uid, found->pw_gid}) : std::nullopt;
}

std::optional<user_ids> ids_by_name(const std::string& name) {
  return look_up_by([&](passwd* entry, char* buffer, std::size_t size, passwd** found) {
    return ::getpwnam_r(name.c_str(), entry, buffer, size, found);
  });
}

// An id that no account has is as good; its group is of the same number.
user_ids ids_of(uid_t uid) {
  const auto known = look_up_by([&](passwd* entry, char* buffer, std::size_t size, passwd** found) {
    return ::getpwuid_r(uid, entry, buffer, size, found);
  });
  return known.value_or(user_ids{uid, static_cast<gid_t>(uid)});
}

void read_named_user(json_object& in, const std::string& name, process::isolation& to) {
  if (name == "auto")
    to.user = user_policy::automatic;
  else if (name == "own")
    to.user = user_policy::own;
  else if (name == "server")
    to.user = user_policy::same;
  else if (const auto known = ids_by_name(name)) {
    to.user = user_policy::given;
    to.given = *known;
  } else {
    in.refuse("user", "must be \"auto\", \"own\", \"server\", or a user of this machine by name or number");
  }
}

void read_user(json_object& in, process::isolation& to) {
  const auto* v = in.find("user");
  if (!v)
    return;
  if (v->is_string())
    return read_named_user(in, std::string(v->get_string()), to);
  if (const auto uid = read_integer(*v, uid_range, in.pointer("user"), in.problems())) {
    to.user = user_policy::given;
    to.given = ids_of(static_cast<uid_t>(*uid));
  }
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
  });
}

std::string identity_of(const process::isolation& i) {
  const boost::json::array all{static_cast<int>(i.user),
                               i.given.uid,
                               i.given.gid,
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
