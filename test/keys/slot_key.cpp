#include "catch.hpp"

#include <hotslot/errc.hpp>
#include <hotslot/slot_key.hpp>

#include <boost/system/system_error.hpp>

#include <string>
#include <thread>
#include <vector>

using hotslot::call_identity;
using hotslot::key_digest;
using hotslot::make_slot_key;
using hotslot::slot_key;

namespace {

call_identity hello() {
  return {.app_name = "myapp",
          .path = "/hello",
          .image = "fnproject/hello:0.0.1",
          .timeout_s = 30,
          .idle_timeout_s = 30,
          .memory_mb = 128,
          .format = "http",
          .config = {}};
}

} // namespace

TEST_CASE("slot keys computed by Fn", "[slot_key]") {
  CHECK(make_slot_key({}, key_digest::sha1).hex() == "bb7a95e878c088a5ae0cb80872a702214a890908");
  auto call = hello();
  CHECK(make_slot_key(call, key_digest::sha1).hex() == "eab525a8e3edfc14c5ec63f5fa1e395f683063fd");
  call.config = {{"B", "2"}, {"A", "1"}, {"C", "3"}};
  CHECK(make_slot_key(call, key_digest::sha1).hex() == "a99514f23225681ba8f20e5193387138ba4f435e");
}

TEST_CASE("slot keys are SHA-256 unless asked otherwise", "[slot_key]") {
  // printf '\0\0\0000\0000\0000\0\0' | sha256sum, the fields of an empty call
  const std::string fields("\0\0\0"
                           "0\0"
                           "0\0"
                           "0\0"
                           "\0",
                           10);
  CHECK(make_slot_key({}).bytes().size() == 32);
  CHECK(make_slot_key({}).hex() == slot_key::of({"", "", "", "0", "0", "0", ""}).hex());
  CHECK(slot_key::of({"abc"}).hex() ==
        "dc1114cd074914bd872cc1f9a23ec910ea2203bc79779ab2e17da25782a624fc"); // printf 'abc\0' | sha256sum
  CHECK(fields.size() == 10);
}

TEST_CASE("each field of a call is part of its key", "[slot_key]") {
  const auto base = make_slot_key(hello());
  std::vector<call_identity> others(8, hello());
  others[0].app_name = "other";
  others[1].path = "/other";
  others[2].image = "other";
  others[3].timeout_s = 31;
  others[4].idle_timeout_s = 31;
  others[5].memory_mb = 129;
  others[6].format = "other";
  others[7].config = {{"A", ""}};
  for (const auto& o : others)
    CHECK(make_slot_key(o) != base);
}

TEST_CASE("weakness 18: a NUL in a field is refused", "[slot_key]") {
  auto call = hello();
  call.config = {{std::string("A\0001", 3), "2"}};
  try {
    make_slot_key(call);
    FAIL("accepted");
  } catch (const boost::system::system_error& e) {
    CHECK(e.code() == hotslot::errc::invalid_key_field);
  }
}

TEST_CASE("slot keys are computed from any thread", "[slot_key]") {
  const auto expected = make_slot_key(hello());
  std::vector<std::thread> threads;
  std::array<slot_key, 4> keys;
  for (auto& key : keys)
    threads.emplace_back([&key] { key = make_slot_key(hello()); });
  for (auto& t : threads)
    t.join();
  for (const auto& key : keys)
    CHECK(key == expected);
}
