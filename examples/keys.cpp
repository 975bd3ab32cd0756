// A pool for each key, made when the key is first asked for: the manager owns a launcher for each, with
// options of its own, and all of them share the memory of the machine.
#include <hotslot.hpp>

#include <boost/asio.hpp>

#include <algorithm>
#include <iostream>
#include <string>
#include <string_view>

namespace asio = boost::asio;
using namespace std::chrono_literals;

struct model {
  std::string name;
  std::size_t count_words(std::string_view text) const {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), ' ')) + 1;
  }
  void close() noexcept {}
};

asio::awaitable<model> load(const std::string& name) {
  if (name != "small" && name != "large")
    throw std::runtime_error("there is no model " + name);
  std::cout << "loading " << name << std::endl;
  co_return model{name};
}

hotslot::launcher_options options_of(const std::string& name) {
  return {.max_workers = 2,
          .idle_timeout = 1min,
          .starts = {.breaker_failures = 1}, // a model that is not there does not come
          .per_worker = {.memory_mb = name == "large" ? 800u : 300u}};
}

using models = hotslot::slot_queue_manager<model>;

asio::awaitable<void> ask(models& all, std::string name, std::string_view text) {
  auto lease = co_await all.acquire(name, 5s);
  std::cout << name << ": " << lease->count_words(text) << " words" << std::endl;
  lease.release();
}

asio::awaitable<void> run(models& all, const hotslot::resource_tracker& memory) {
  co_await ask(all, "small", "a word or two");
  co_await ask(all, "small", "and again");            // warm
  co_await ask(all, "large", "more words than that"); // for which the idle small one has to go
  std::cout << memory.taken().memory_mb << " MB of " << memory.total().memory_mb << " taken" << std::endl;
  try {
    co_await ask(all, "huge", "nobody reads this");
  } catch (const hotslot::lease_error& e) {
    std::cout << "huge: " << (e.last_failure() ? e.last_failure()->message : "?") << std::endl;
  }
  all.close();
}

int main() {
  asio::io_context io;
  hotslot::resource_tracker memory({.memory_mb = 1000});
  models all(io, hotslot::launch_each<model>(load, options_of, memory));
  asio::co_spawn(io, run(all, memory), asio::detached);
  io.run();
}
