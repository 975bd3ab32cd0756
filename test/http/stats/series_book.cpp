#include "http/stats/series_book.hpp"

#include "catch.hpp"
#include "seed.hpp"

#include <map>
#include <random>

using namespace hotslot;
using namespace hotslot::http;
using namespace std::chrono_literals;

namespace series_book_test {

named_queue_snapshot queue(const std::string& key, std::uint64_t acquired) {
  named_queue_snapshot q;
  q.key = key;
  q.queue.totals.acquired = acquired;
  return q;
}

// What /metrics says of calls that were acquired, by key.
std::map<std::string, std::uint64_t> say(series_book& book, std::vector<named_queue_snapshot> queues) {
  const auto d = book.divide(queues, [](const auto& q) { return queue_counts(q); });
  std::map<std::string, std::uint64_t> said;
  for (std::size_t i = 0; i < d.own.size(); ++i)
    said[queues[i].key] = d.own[i].totals.acquired;
  if (d.others)
    said["other"] = d.others->totals.acquired;
  return said;
}

using counts = std::map<std::string, std::uint64_t>;

} // namespace series_book_test

TEST_CASE("queues that are used most have series of their own, and keep them") {
  using namespace series_book_test;
  series_book book(2);
  CHECK(say(book, {queue("a", 3), queue("b", 1), queue("c", 2)}) == counts{{"a", 3}, {"c", 2}, {"other", 1}});
  CHECK(say(book, {queue("a", 3), queue("b", 100), queue("c", 2)}) ==
        counts{{"a", 3}, {"c", 2}, {"other", 100}});
}

TEST_CASE("one whose starts fail has them though nobody was served") {
  using namespace series_book_test;
  series_book book(2);
  auto failing = queue("f", 0);
  say(book, {queue("a", 3), queue("b", 1), queue("c", 2), failing});
  failing.failure = failure_view{.ago = 1s, .message = "no"};
  CHECK(say(book, {queue("a", 4), queue("b", 1), queue("c", 2), failing}) ==
        counts{{"a", 4}, {"f", 0}, {"other", 1}}); // c makes room, and counts there from now on
  CHECK(say(book, {queue("a", 4), queue("b", 1), queue("c", 9), failing}) ==
        counts{{"a", 4}, {"f", 0}, {"other", 8}});
  failing.failure.reset();
  CHECK(say(book, {queue("a", 4), queue("b", 1), queue("c", 9), failing}) ==
        counts{{"a", 4}, {"f", 0}, {"other", 8}});
}

TEST_CASE("the sum of the others does not fall when one of them leaves, and not by one that is there anew") {
  using namespace series_book_test;
  series_book book(1);
  CHECK(say(book, {queue("a", 9), queue("b", 5), queue("c", 2)}) == counts{{"a", 9}, {"other", 7}});
  CHECK(say(book, {queue("a", 9), queue("c", 3)}) == counts{{"a", 9}, {"other", 8}});
  CHECK(say(book, {queue("a", 9), queue("c", 1)}) == counts{{"a", 9}, {"other", 9}});
  SECTION("nor when nobody is left there") {
    CHECK(say(book, {queue("a", 10)}) == counts{{"a", 10}, {"other", 9}});
  }
  SECTION("nor when one gets series of its own") {
    CHECK(say(book, {queue("c", 4)}) == counts{{"c", 4}, {"other", 12}});
    CHECK(say(book, {queue("c", 5)}) == counts{{"c", 5}, {"other", 12}});
  }
}

TEST_CASE("whatever queues do, no count falls, and all growth is counted once") {
  using namespace series_book_test;
  const auto seed = random_seed();
  CAPTURE(seed);
  std::mt19937 random(seed);
  series_book book(5);
  std::map<std::string, std::uint64_t> there;
  counts before;
  std::uint64_t grown = 0;
  std::uint64_t said_growth = 0;
  for (int round = 0; round < 300; ++round) {
    std::vector<named_queue_snapshot> queues;
    for (int i = 0; i < 12; ++i) {
      const std::string key(1, static_cast<char>('a' + i));
      const auto dice = random() % 20;
      if (dice == 0 && there.erase(key) > 0)
        continue;
      const bool is_new = !there.contains(key);
      if (is_new && dice > 2)
        continue;
      const std::uint64_t more = random() % 50;
      there[key] += more;
      grown += more;
      queues.push_back(queue(key, there[key]));
      if (dice == 1)
        queues.back().failure = failure_view{.ago = 1s, .message = "no"};
      if (is_new)
        before.erase(key); // another queue of that name
    }
    const auto now = say(book, queues);
    for (const auto& [key, count] : now) {
      const auto last = before.find(key);
      if (last != before.end()) {
        CHECK(count >= last->second);
        said_growth += count - last->second;
      } else if (key == "other") {
        said_growth += count;
      }
    }
    before = now;
  }
  CHECK(said_growth <= grown);
  CHECK(said_growth > grown / 2); // what was counted before a series begins has no growth in it
}
