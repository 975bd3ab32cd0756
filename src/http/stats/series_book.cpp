#include "series_book.hpp"

#include "queue_counters.hpp"

#include <algorithm>
#include <numeric>
#include <span>
#include <tuple>
#include <utility>

namespace hotslot::http {
namespace {

// The first two are what there is at the moment.
constexpr auto detached_outcomes = std::span(detached_counters).subspan(2);

bool has_fallen(const queue_totals& from, const queue_totals& to) {
  return std::any_of(std::begin(counters), std::end(counters),
                     [&](const counter& c) { return to.*c.value < from.*c.value; });
}

template <class T>
void add(T& sum, const T& from, const T& to) {
  sum += to < from ? to : to - from;
}

void add(bounded_latencies& sum, const bounded_latencies& from, const bounded_latencies& to) {
  for (std::size_t i = 0; i < sum.below.size(); ++i)
    add(sum.below[i], from.below[i], to.below[i]);
  add(sum.count, from.count, to.count);
  add(sum.sum, from.sum, to.sum);
}

void add_present(detached_counts& to, const detached_counts& more) {
  for (const auto& c : std::span(detached_counters).first(2))
    to.*c.value += more.*c.value;
}

} // namespace

queue_counts::queue_counts(const named_queue_snapshot& q, const std::optional<queue_histograms>& h)
  : totals(q.queue.totals)
  , detached(q.detached)
  , rate_limited(q.rate_limited) {
  if (!h)
    return;
  for (std::size_t i = 0; i < wait_cause_count; ++i)
    waits[i] = bounded_latencies(h->waits[i]);
  runs = bounded_latencies(h->runs);
  starts = bounded_latencies(h->starts);
  immediate = h->immediate;
}

void queue_counts::add_growth(const queue_counts& from, const queue_counts& to) {
  static const queue_counts nothing;
  const queue_counts& since = has_fallen(from.totals, to.totals) ? nothing : from;
  for (const auto& c : counters)
    add(totals.*c.value, since.totals.*c.value, to.totals.*c.value);
  if (to.detached) {
    const auto before = since.detached.value_or(detached_counts());
    auto& sum = detached ? *detached : detached.emplace();
    for (const auto& c : detached_outcomes)
      add(sum.*c.value, before.*c.value, *to.detached.*c.value);
  }
  if (to.rate_limited)
    add(rate_limited ? *rate_limited : rate_limited.emplace(), since.rate_limited.value_or(0),
        *to.rate_limited);
  for (std::size_t i = 0; i < waits.size(); ++i)
    add(waits[i], since.waits[i], to.waits[i]);
  add(runs, since.runs, to.runs);
  add(starts, since.starts, to.starts);
  add(immediate, since.immediate, to.immediate);
}

series_book::division
series_book::divide(std::vector<named_queue_snapshot>& queues,
                    const std::function<queue_counts(const named_queue_snapshot&)>& count) {
  const std::lock_guard lock(mutex_);
  const std::size_t own = std::min(most_, queues.size());
  if (own < queues.size())
    rank(queues);
  division d;
  d.own.reserve(own);
  std::unordered_set<std::string> now_own;
  for (std::size_t i = 0; i < own; ++i) {
    const auto& q = queues[i];
    d.own.push_back(count(q));
    if (const auto before = seen_.find(q.key); before != seen_.end())
      others_.add_growth(before->second, d.own.back());
    now_own.insert(q.key);
  }
  d.others = count_others(std::span(queues).subspan(own), count);
  own_ = std::move(now_own);
  return d;
}

std::optional<queue_counts>
series_book::count_others(std::span<const named_queue_snapshot> others,
                          const std::function<queue_counts(const named_queue_snapshot&)>& count) {
  std::unordered_map<std::string, queue_counts> now_seen;
  detached_counts present;
  for (const auto& q : others) {
    const queue_counts now = count(q);
    if (const auto before = seen_.find(q.key); before != seen_.end())
      others_.add_growth(before->second, now);
    else if (!own_.contains(q.key))
      others_.add_growth({}, now);
    if (now.detached)
      add_present(present, *now.detached);
    now_seen.emplace(q.key, now);
  }
  seen_ = std::move(now_seen);
  has_others_ = has_others_ || !others.empty();
  if (!has_others_)
    return std::nullopt;
  queue_counts sum = others_;
  if (sum.detached)
    add_present(*sum.detached, present);
  return sum;
}

void series_book::rank(std::vector<named_queue_snapshot>& queues) const {
  using claim = std::tuple<bool, bool, std::uint64_t>;
  std::vector<claim> claims;
  claims.reserve(queues.size());
  for (const auto& q : queues)
    claims.emplace_back(q.failure.has_value(), own_.contains(q.key), q.queue.totals.acquired);
  std::vector<std::size_t> order(queues.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return claims[a] > claims[b]; });
  std::vector<named_queue_snapshot> ranked;
  ranked.reserve(queues.size());
  for (const std::size_t i : order)
    ranked.push_back(std::move(queues[i]));
  queues = std::move(ranked);
}

} // namespace hotslot::http
