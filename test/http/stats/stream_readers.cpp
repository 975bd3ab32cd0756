// A thousand readers of /stats/stream, of which a hundred never read.
//
//   stream-readers [EVENTS]      how many events each reader gets; 5 where it is not said
#include "../../joining_thread.hpp"

#include <hotslot/http/stats_server.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using clock_type = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::size_t readers = 900;
constexpr std::size_t idlers = 100;
constexpr std::size_t queues = 50; // an event of 30 KB
constexpr std::size_t allowed_growth_kb = 64 * 1024;
constexpr auto interval = 1s;

std::size_t resident_kb() {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word)
    if (word == "VmRSS:") {
      std::size_t kb = 0;
      status >> kb;
      return kb;
    }
  return 0;
}

hotslot::pool_snapshot pool() {
  hotslot::pool_snapshot all;
  for (std::size_t n = 0; n < queues; ++n)
    all.queues.push_back({.key = "key" + std::to_string(n),
                          .app = "app",
                          .name = "function",
                          .trigger = "/path",
                          .id = "",
                          .queue = {}});
  return all;
}

tcp::socket connect(asio::io_context& io, const tcp::endpoint& to) {
  tcp::socket socket(io);
  socket.connect(to);
  asio::write(socket, asio::buffer(std::string("GET /stats/stream HTTP/1.1\r\nHost: h\r\n\r\n")));
  return socket;
}

// Notes when its events end, which are the only ones with two line ends in a row.
class reader {
 public:
  reader(asio::io_context& io, const tcp::endpoint& to, std::size_t events)
    : wanted_(events)
    , socket_(connect(io, to)) {
    ends_.reserve(wanted_);
    read();
  }

  const std::vector<clock_type::time_point>& ends() const { return ends_; }

 private:
  void read() {
    socket_.async_read_some(asio::buffer(room_), [this](const auto& ec, std::size_t n) {
      if (ec)
        return;
      count(n);
      if (ends_.size() < wanted_)
        read();
      else
        socket_.close();
    });
  }

  void count(std::size_t n) {
    for (const char c : std::string_view(room_.data(), n)) {
      if (c == '\n' && last_ == '\n' && ends_.size() < wanted_)
        ends_.push_back(clock_type::now());
      last_ = c;
    }
  }

  std::size_t wanted_;
  tcp::socket socket_;
  std::array<char, 16 * 1024> room_{};
  char last_ = 0;
  std::vector<clock_type::time_point> ends_;
};

// How long after the beginning of its interval an event was read.
std::vector<clock_type::duration> delays_of(const std::vector<std::unique_ptr<reader>>& all) {
  std::vector<clock_type::duration> delays;
  for (const auto& r : all)
    for (std::size_t n = 1; n < r->ends().size(); ++n) // the first comes when one asks for it
      delays.push_back(r->ends()[n].time_since_epoch() % interval);
  std::sort(delays.begin(), delays.end());
  return delays;
}

// Whether each reader has had an event in each interval.
bool none_missed(const std::vector<std::unique_ptr<reader>>& all, std::size_t events) {
  return std::all_of(all.begin(), all.end(), [events](const auto& r) {
    if (r->ends().size() != events)
      return false;
    for (std::size_t n = 2; n < events; ++n)
      if (r->ends()[n].time_since_epoch() / interval != r->ends()[n - 1].time_since_epoch() / interval + 1)
        return false;
    return true;
  });
}

bool raise_descriptor_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  constexpr rlim_t needed = 2 * (readers + idlers) + 100;
  if (limit.rlim_cur >= needed)
    return true;
  limit.rlim_cur = needed;
  limit.rlim_max = std::max(limit.rlim_max, needed);
  return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

double milliseconds(clock_type::duration d) { return std::chrono::duration<double, std::milli>(d).count(); }

int run(std::size_t events) {
  asio::io_context server_io(1);
  hotslot::http::stats_server server(server_io.get_executor(), {.pool = pool},
                                     {.max_streams = readers + idlers},
                                     {.limits = {}, .single_threaded = true});
  const auto at = server.listen({asio::ip::address_v4::loopback(), 0});
  server.start();
  joining_thread server_thread([&] { server_io.run(); });

  asio::io_context io(1);
  std::vector<std::unique_ptr<reader>> all;
  for (std::size_t n = 0; n < readers; ++n)
    all.push_back(std::make_unique<reader>(io, at, events));
  const std::size_t before = resident_kb();
  std::vector<tcp::socket> idle;
  for (std::size_t n = 0; n < idlers; ++n)
    idle.push_back(connect(io, at));
  io.run();
  const std::size_t after = resident_kb();
  while (server.connections() != 0) // those that never read are dropped in the end
    std::this_thread::yield();
  server.stop();

  const auto delays = delays_of(all);
  const bool complete = none_missed(all, events);
  std::cout << readers << " readers, " << idlers << " that never read, " << events << " events: median delay "
            << milliseconds(delays[delays.size() / 2]) << " ms, longest " << milliseconds(delays.back())
            << " ms, memory " << before << " kB before, " << after << " kB after\n";
  if (!complete)
    std::cout << "a reader has missed an event\n";
  if (after > before + allowed_growth_kb)
    std::cout << "memory has grown by more than " << allowed_growth_kb << " kB\n";
  return complete && after <= before + allowed_growth_kb ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
  if (!raise_descriptor_limit()) {
    std::cout << "skipped: too few file descriptors\n";
    return 77;
  }
  const auto events = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 5;
  return run(std::max(events, 3ul));
}
