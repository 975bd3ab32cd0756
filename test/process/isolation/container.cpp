// What a container is made of.
#include "process/isolation/container.hpp"

#include "../worker/fixture.hpp"

#include <hotslot/process/contract.hpp>

#include <boost/json.hpp>

#include <fstream>
#include <set>
#include <string>

using namespace process_test;
using hotslot::process::user_ids;
namespace worker_parts = hotslot::process::detail;
namespace json = boost::json;

namespace {

json::value config_for(const fs::path& root, const json::object& bundle, const function_spec& spec,
                       std::vector<std::string> environment, const std::optional<user_ids>& user,
                       const std::vector<gid_t>& groups) {
  std::ofstream(root / "config.json") << json::serialize(bundle);
  worker_parts::spawn_request request{
      .command = {"/function"}, .environment = std::move(environment), .dir = ""};
  const fs::path directory = root / "hw-abcdef";
  worker_parts::put_container_around(request,
                                     {.spec = spec, .user = user, .groups = groups, .directory = directory});
  std::ifstream in(worker_parts::container_directory(directory) / "config.json");
  return json::parse(std::string(std::istreambuf_iterator<char>(in), {}));
}

} // namespace

// 14.28
TEST_CASE("a bundle keeps its variables, but those of the contract and of the configuration") {
  fixture f;
  auto spec = function("echo");
  spec.isolation.sandbox = process::sandbox_kind::oci;
  spec.isolation.bundle = f.root();
  spec.isolation.runtime = "/bin/true";
  spec.config = {{"HOME", "/configured"}, {"MINE", "1"}};
  const auto config = config_for(
      f.root(),
      {{"root", {{"path", "files"}}},
       {"process",
        {{"env", {"PATH=/its/own", "TMPDIR=/scratch", "HOME=/its", "FN_FORMAT=other", "KEPT=2"}}}}},
      spec, process::make_environment(spec, "/s", "/tmp"), user_ids{7, 8}, {8, 9});
  std::set<std::string> variables;
  const auto& environment = config.at("process").at("env").as_array();
  for (const auto& variable : environment)
    variables.insert(std::string(variable.as_string()));
  CHECK(variables == std::set<std::string>{"FN_APP_ID=app-id", "FN_APP_NAME=demo", "FN_FN_ID=fn-id",
                                           "FN_FN_NAME=echo", "FN_FORMAT=http-stream",
                                           "FN_LISTENER=unix:/s/lsnr.sock", "FN_MEMORY=128", "FN_TYPE=sync",
                                           "HOME=/configured", "KEPT=2", "LANG=C.UTF-8", "MINE=1",
                                           "PATH=/its/own", "TMPDIR=/scratch"});
  CHECK(environment.size() == variables.size());
  CHECK(config.at("process").at("user") == json::value{{"uid", 7}, {"gid", 8}, {"additionalGids", {8, 9}}});
}
