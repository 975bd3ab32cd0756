// The stream of offered slots: a caller that is choosy looks at each offer and decides, instead of taking
// what it is given. An offer that is held is out of the others' reach; one that is dropped changes nothing.
#include <hotslot/slot_queue.hpp>

#include <boost/asio.hpp>

#include <iostream>
#include <map>
#include <vector>

namespace asio = boost::asio;

struct engine {
  std::string version;
  void close() noexcept { std::cout << "engine " << version << " closed" << std::endl; }
};
using pool = hotslot::slot_queue<engine>;

// What each offer is of, by its id. To look into the slot itself is to use it, which takes a lease.
using catalogue = std::map<std::uint64_t, std::string>;

// The newest engine of this version; outdated ones are ended on the way. Empty where the stream is cancelled.
asio::awaitable<hotslot::lease<engine>> choose(pool::dequeuer_type& stream, catalogue& versions,
                                               std::string wanted) {
  std::vector<pool::dequeuer_type::offer_type> others; // dropped at once, they would be offered at once again
  for (;;) {
    auto offer = co_await stream.next();
    if (!offer)
      co_return hotslot::lease<engine>();
    const std::string& version = versions[offer.id()];
    std::cout << "offered " << version << std::endl;
    if (version == "v1") {
      const bool ejected = offer.token().eject();
      std::cout << "ejected: " << ejected << ", still to be had: " << bool(offer.acquire()) << std::endl;
    } else if (version != wanted) {
      others.push_back(std::move(offer));
    } else if (auto lease = offer.acquire()) { // empty where somebody ejected it meanwhile
      co_return lease;
    }
  }
}

asio::awaitable<void> run(pool engines) {
  catalogue versions;
  for (const char* version : {"v2", "v1", "v3"}) // offered newest first
    versions[engines.queue_slot({version}).id()] = version;

  auto stream = engines.start_dequeuer();
  auto chosen = co_await choose(stream, versions, "v2");
  std::cout << "acquired " << chosen->version << std::endl;
  auto other = engines.try_acquire();
  std::cout << "dropped, so to be had by others: " << other->version << std::endl;

  // Nothing is idle now: the stream waits, until it is told not to.
  asio::post(engines.get_executor(), [&] { stream.cancel(); });
  auto none = co_await choose(stream, versions, "v2");
  std::cout << "after the cancellation: " << bool(none) << std::endl;
}

int main() {
  std::cout << std::boolalpha;
  asio::io_context io;
  asio::co_spawn(io, run(pool(io)), asio::detached);
  io.run();
}
