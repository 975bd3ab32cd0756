#include "stats_query.hpp"

#include "queue_counters.hpp"

#include "base/number.hpp"

#include <boost/url/params_encoded_view.hpp>
#include <boost/url/parse_query.hpp>
#include <boost/url/pct_string_view.hpp>

#include <algorithm>
#include <map>

namespace hotslot::http {
namespace {

using parameters = std::map<std::string, std::string, std::less<>>;

// Of the names that are known; one that is said twice would mean two things.
parameters parse_parameters(std::string_view query, std::initializer_list<std::string_view> known) {
  const std::string terminated(query); // Boost 1.81 reads on to a NUL
  const auto parsed = boost::urls::parse_query(terminated);
  if (!parsed)
    throw bad_query("the query is malformed");
  const boost::urls::encoding_opts plus_is_space(true);
  parameters found;
  for (const auto& p : *parsed) {
    const std::string key = p.key.decode(plus_is_space);
    if (std::find(known.begin(), known.end(), key) == known.end())
      continue;
    if (!found.emplace(key, p.value.decode(plus_is_space)).second)
      throw bad_query(key + " is given twice");
  }
  return found;
}

std::uint64_t parse_bounded(std::string_view name, std::string_view text, std::uint64_t least,
                            std::uint64_t most) {
  const auto n = base::parse_number<std::uint64_t>(text);
  if (!n || *n < least || *n > most)
    throw bad_query(std::string(name) + " has to be a whole number from " + std::to_string(least) + " to " +
                    std::to_string(most));
  return *n;
}

std::string all_orders() {
  std::string names;
  for (const auto& g : gauges)
    names.append(names.empty() ? "" : ", ").append(g.name);
  for (const auto& c : counters)
    names.append(", ").append(c.name);
  return names;
}

} // namespace

std::string_view target_query(std::string_view target) noexcept {
  const auto mark = target.find('?');
  return mark == target.npos ? std::string_view() : target.substr(mark + 1);
}

std::string decode_segment(std::string_view text) {
  const auto escaped = boost::urls::make_pct_string_view(boost::core::string_view(text.data(), text.size()));
  if (!escaped)
    throw bad_query("the path is malformed");
  return escaped->decode();
}

stats_query stats_query::parse(std::string_view query) {
  const parameters found = parse_parameters(query, {"key", "app", "top", "by", "with"});
  stats_query q;
  if (const auto it = found.find("key"); it != found.end())
    q.key_ = it->second;
  if (const auto it = found.find("app"); it != found.end())
    q.app_ = it->second;
  if (const auto it = found.find("top"); it != found.end()) {
    q.top_ = parse_bounded("top", it->second, 1, 1'000'000);
    q.by_ = measure_of("waiting");
  }
  if (const auto it = found.find("by"); it != found.end())
    q.by_ = measure_of(it->second);
  if (const auto it = found.find("with"); it != found.end()) {
    q.with_waits_ = it->second == "waits";
    if (!q.with_waits_)
      throw bad_query("with has to be waits");
  }
  return q;
}

stats_query::measure stats_query::measure_of(std::string_view name) {
  for (const auto& g : gauges)
    if (g.name == name)
      return g.of;
  for (const auto& c : counters)
    if (c.name == name)
      return [value = c.value](const queue_snapshot& q) { return q.totals.*value; };
  throw bad_query("by has to be one of " + all_orders());
}

void stats_query::apply(pool_snapshot& pool) const {
  if (key_ || app_)
    std::erase_if(pool.queues, [this](const named_queue_snapshot& q) {
      return (key_ && q.key != *key_) || (app_ && q.app != *app_);
    });
  if (by_)
    std::stable_sort(pool.queues.begin(), pool.queues.end(),
                     [this](const auto& a, const auto& b) { return by_(a.queue) > by_(b.queue); });
}

std::chrono::milliseconds parse_interval(std::string_view query) {
  const parameters found = parse_parameters(query, {"interval_ms"});
  const auto it = found.find("interval_ms");
  return std::chrono::milliseconds(it == found.end() ? 1'000
                                                     : parse_bounded("interval_ms", it->second, 100, 60'000));
}

} // namespace hotslot::http
