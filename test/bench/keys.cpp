// Slot keys, and queues by their keys.
#include "allocations.hpp"
#include "worker.hpp"

#include <hotslot/slot_key.hpp>
#include <hotslot/slot_queue_manager.hpp>

#include <boost/unordered/unordered_flat_map.hpp>
#include <openssl/evp.h>

#include <mutex>
#include <random>
#include <string>
#include <vector>

namespace hotslot::bench {
namespace {

using manager = basic_slot_queue_manager<worker, slot_key, asio::io_context::executor_type>;

constexpr std::size_t key_count = 100'000;

std::vector<slot_key> make_keys() {
  std::vector<slot_key> keys;
  for (std::size_t i = 0; i < key_count; ++i)
    keys.push_back(slot_key::of({"app", std::to_string(i)}));
  return keys;
}

// Which key the next call has: one of all, or always the same.
template <bool All>
struct next_key {
  std::minstd_rand random;

  std::size_t operator()() { return All ? random() % key_count : key_count / 2; }
};

template <bool All>
void lookup_checkout(benchmark::State& state) {
  asio::io_context io(1);
  manager m(io.get_executor());
  const auto keys = make_keys();
  for (const auto& key : keys)
    m.get(key).value.queue_slot({1});
  next_key<All> next;
  {
    const counted_allocations counted(state);
    for (auto _ : state) {
      auto lease = m.try_acquire(keys[next()]);
      benchmark::DoNotOptimize(lease->number);
      lease.release();
    }
  }
  m.close();
}
BENCHMARK(lookup_checkout<false>)->Name("lookup_checkout");
BENCHMARK(lookup_checkout<true>)->Name("lookup_checkout/random_key");

// The same map under the same lock, and the same check-out from queues that are found without a look-up.
template <bool All>
void floor_lookup(benchmark::State& state) {
  const auto keys = make_keys();
  boost::unordered_flat_map<slot_key, std::uint64_t, std::hash<slot_key>> map;
  for (const auto& key : keys)
    map.emplace(key, 1);
  std::mutex mutex;
  next_key<All> next;
  for (auto _ : state) {
    std::lock_guard lock(mutex);
    benchmark::DoNotOptimize(map.find(keys[next()])->second);
  }
}
BENCHMARK(floor_lookup<false>)->Name("floor_lookup");
BENCHMARK(floor_lookup<true>)->Name("floor_lookup/random_key");

void checkout_of_many(benchmark::State& state) {
  asio::io_context io(1);
  std::vector<queue> queues;
  for (std::size_t i = 0; i < key_count; ++i) {
    queues.emplace_back(io);
    queues.back().queue_slot({1});
  }
  next_key<true> next;
  for (auto _ : state) {
    auto lease = queues[next()].try_acquire();
    benchmark::DoNotOptimize(lease->number);
    lease.release();
  }
  for (auto& q : queues)
    q.close();
}
BENCHMARK(checkout_of_many)->Name("checkout_try/of_100000_queues");

call_identity some_call() {
  return {.app_name = "shop",
          .path = "/checkout",
          .image = "registry/shop/checkout:1.4",
          .timeout_s = 30,
          .idle_timeout_s = 30,
          .memory_mb = 128,
          .format = "http",
          .config = {{"DB_HOST", "db.internal"},
                     {"DB_NAME", "shop"},
                     {"REGION", "eu-1"},
                     {"LOG_LEVEL", "info"},
                     {"CURRENCY", "EUR"}}};
}

void key(benchmark::State& state) {
  const auto call = some_call();
  const counted_allocations counted(state);
  for (auto _ : state)
    benchmark::DoNotOptimize(make_slot_key(call));
}
BENCHMARK(key);

std::string bytes_of(const call_identity& call) {
  std::string text;
  const auto add = [&](std::string_view field) { text.append(field).push_back('\0'); };
  add(call.app_name);
  add(call.path);
  add(call.image);
  add(std::to_string(call.timeout_s));
  add(std::to_string(call.idle_timeout_s));
  add(std::to_string(call.memory_mb));
  add(call.format);
  for (const auto& [name, value] : call.config) {
    add(name);
    add(value);
  }
  return text;
}

void floor_key(benchmark::State& state) {
  const std::string text = bytes_of(some_call());
  EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  for (auto _ : state) {
    EVP_DigestInit_ex2(context, sha256, nullptr);
    EVP_DigestUpdate(context, text.data(), text.size());
    EVP_DigestFinal_ex(context, digest, &size);
    benchmark::DoNotOptimize(digest);
  }
  EVP_MD_CTX_free(context);
  EVP_MD_free(sha256);
}
BENCHMARK(floor_key);

// One iteration is the stats of all queues.
void snapshot(benchmark::State& state) {
  asio::io_context io(1);
  manager m(io.get_executor());
  constexpr std::size_t queues = 10'000;
  for (std::size_t i = 0; i < queues; ++i)
    m.get(slot_key::of({std::to_string(i)})).value.queue_slot({1});
  for (auto _ : state)
    benchmark::DoNotOptimize(m.snapshot());
  state.counters["per_queue"] =
      benchmark::Counter(queues, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
  m.close();
}
BENCHMARK(snapshot);

} // namespace
} // namespace hotslot::bench
