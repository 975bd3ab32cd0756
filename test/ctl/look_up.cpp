#include "ctl/look_up.hpp"

#include "catch.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/beast/core/error.hpp>

#include <future>
#include <memory>

namespace ctl_look_up {

using namespace std::chrono_literals;
namespace asio = boost::asio;
using results = asio::ip::tcp::resolver::results_type;

results found(hotslot::ctl::name_service names, std::chrono::milliseconds limit) {
  asio::io_context io;
  results all;
  std::exception_ptr failed;
  asio::co_spawn(io, hotslot::ctl::look_up(std::move(names), limit), [&](std::exception_ptr e, results r) {
    failed = e;
    all = std::move(r);
  });
  io.run();
  if (failed)
    std::rethrow_exception(failed);
  return all;
}

boost::system::error_code error_of(hotslot::ctl::name_service names, std::chrono::milliseconds limit) {
  try {
    found(std::move(names), limit);
  } catch (const boost::system::system_error& e) {
    return e.code();
  }
  return {};
}

TEST_CASE("a name is looked up") {
  const auto all = found(hotslot::ctl::system_names("127.0.0.1", "80"), 0ms);
  REQUIRE(all.size() == 1);
  CHECK(all.begin()->endpoint().port() == 80);
}

TEST_CASE("what the system says against a name is told") {
  CHECK(error_of([]() -> results { throw boost::system::system_error(asio::error::host_not_found); }, 0ms) ==
        asio::error::host_not_found);
}

TEST_CASE("a system that says nothing is not waited for") {
  const auto end = std::make_shared<std::promise<void>>();
  const auto never = end->get_future().share();
  CHECK(error_of(
            [never]() -> results {
              never.wait();
              return {};
            },
            1ms) == boost::beast::error::timeout);
  end->set_value(); // so that the thread ends
}

} // namespace ctl_look_up
