#include "process/contract/function_socket.hpp"

#include "catch.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace function_socket_test {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using hotslot::process::detail::find_socket;
using kind = hotslot::process::detail::socket_finding::kind_type;
using stream = asio::local::stream_protocol;

struct folder {
  fs::path path;
  folder() {
    char name[] = "/tmp/hotslot-XXXXXX";
    path = ::mkdtemp(name);
  }
  folder(const folder&) = delete;
  ~folder() { fs::remove_all(path); }
};

struct fixture {
  asio::io_context io;
  folder own, other;
  fs::path place = own.path / "lsnr.sock";
  fs::path trap_path = other.path / "trap";
  stream::acceptor trap{io, trap_path.string()};
};

// 14.15
TEST_CASE_METHOD(fixture,
                 "what is connected to is the socket that was found, whatever its name leads to by then",
                 "[contract]") {
  const fs::path link = GENERATE("", "real.sock", "absolute");
  const fs::path real = link.empty() ? place : own.path / "real.sock";
  stream::acceptor function(io, real.string());
  if (!link.empty())
    fs::create_symlink(link == "absolute" ? real : link, place);
  const auto found = find_socket(own.path);
  REQUIRE(found.kind == kind::usable);
  fs::remove(real);
  fs::create_symlink(trap_path, real);
  stream::socket caller(io);
  caller.connect(found.address());
  boost::system::error_code ec;
  function.non_blocking(true), trap.non_blocking(true);
  function.accept(ec);
  CHECK_FALSE(ec);
  trap.accept(ec);
  CHECK(ec == asio::error::would_block);
}

// 14.15
TEST_CASE_METHOD(fixture, "a socket is looked for within its directory only", "[contract]") {
  CHECK(find_socket(own.path).kind == kind::nothing);
  SECTION("absolute") { fs::create_symlink(trap_path, place); }
  SECTION("upwards") { fs::create_symlink(fs::path("..") / other.path.filename() / "trap", place); }
  SECTION("by a folder") {
    fs::create_directory_symlink(other.path, own.path / "folder");
    fs::create_symlink("folder/trap", place);
  }
  SECTION("to nothing") { fs::create_symlink("nowhere", place); }
  SECTION("to itself") { fs::create_symlink("lsnr.sock", place); }
  SECTION("no socket") { fs::create_directory(place); }
  const auto found = find_socket(own.path);
  CHECK(found.kind == kind::bad);
  CHECK(found.reason.find("lsnr.sock") != std::string::npos);
}

} // namespace function_socket_test
