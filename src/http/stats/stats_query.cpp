#include "stats_query.hpp"

#include "queue_counters.hpp"

#include "base/number.hpp"
#include "base/url.hpp"

#include <boost/algorithm/string/predicate.hpp>

#include <algorithm>
#include <locale>
#include <map>

namespace hotslot::http {
namespace {

using parameters = std::map<std::string, std::string, std::less<>>;

// Of the names that are known; one that is said twice would mean two things.
parameters parse_parameters(std::string_view query, std::initializer_list<std::string_view> known) {
  if (!base::is_query(query))
    throw bad_query("the query is malformed");
  const auto decoded = [](std::string_view text) {
    return base::percent_decoded(text, base::plus_sign::space).value_or("");
  };
  parameters found;
  while (!query.empty()) {
    const auto pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    const std::string key = decoded(pair.substr(0, pair.find('=')));
    if (std::find(known.begin(), known.end(), key) == known.end())
      continue;
    const auto equals = std::min(pair.find('='), pair.size() - 1);
    if (!found.emplace(key, decoded(pair.substr(equals + 1))).second)
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
  std::string names = "need, errors";
  for (const auto& g : gauges)
    names.append(", ").append(g.name);
  for (const auto& c : counters)
    names.append(", ").append(c.name);
  return names;
}

template <class Measure>
auto largest_first(Measure of) {
  return [of](const named_queue_snapshot& a, const named_queue_snapshot& b) {
    return of(a.queue) > of(b.queue);
  };
}

bool contains(const std::string& text, const std::string& part) {
  return boost::algorithm::icontains(text, part, std::locale::classic());
}

} // namespace

std::string_view target_query(std::string_view target) noexcept {
  const auto mark = target.find('?');
  return mark == target.npos ? std::string_view() : target.substr(mark + 1);
}

std::string decode_segment(std::string_view text) {
  auto decoded = base::percent_decoded(text);
  if (!decoded)
    throw bad_query("the path is malformed");
  return std::move(*decoded);
}

stats_query stats_query::parse(std::string_view query) {
  const parameters found = parse_parameters(query, {"key", "app", "match", "top", "by", "with"});
  stats_query q;
  if (const auto it = found.find("key"); it != found.end())
    q.key_ = it->second;
  if (const auto it = found.find("app"); it != found.end())
    q.app_ = it->second;
  if (const auto it = found.find("match"); it != found.end())
    q.match_ = it->second;
  if (const auto it = found.find("top"); it != found.end()) {
    q.top_ = parse_bounded("top", it->second, 1, 1'000'000);
    q.by_ = order_of(q.by_name_ = "need");
  }
  if (const auto it = found.find("by"); it != found.end())
    q.by_ = order_of(q.by_name_ = it->second);
  if (const auto it = found.find("with"); it != found.end()) {
    q.with_waits_ = it->second == "waits";
    if (!q.with_waits_)
      throw bad_query("with has to be waits");
  }
  return q;
}

std::string stats_query::canonical() const {
  std::string text;
  const auto add = [&text](std::string_view name, const std::optional<std::string>& value) {
    if (value)
      text.append(name).append(base::percent_encoded(*value)).append("&");
  };
  add("key=", key_);
  add("app=", app_);
  add("match=", match_);
  add("by=", by_name_.empty() ? std::nullopt : std::optional(by_name_));
  add("top=", top_ == all_queues ? std::nullopt : std::optional(std::to_string(top_)));
  add("with=", with_waits_ ? std::optional<std::string>("waits") : std::nullopt);
  return text;
}

stats_query::order stats_query::order_of(std::string_view name) {
  if (name == "need")
    return needs_more;
  if (name == "errors")
    return [](const named_queue_snapshot& a, const named_queue_snapshot& b) {
      return errors_in(a) > errors_in(b);
    };
  for (const auto& g : gauges)
    if (g.name == name)
      return largest_first(g.of);
  for (const auto& c : counters)
    if (c.name == name)
      return largest_first([value = c.value](const queue_snapshot& q) { return q.totals.*value; });
  throw bad_query("by has to be one of " + all_orders());
}

bool stats_query::is_asked_for(const named_queue_snapshot& q) const {
  return (!key_ || q.key == *key_) && (!app_ || q.app == *app_);
}

bool stats_query::matches(const named_queue_snapshot& q) const {
  const auto has_it = [this](const std::string& text) { return contains(text, *match_); };
  return !match_ || has_it(q.app + '/' + q.name) || has_it(q.key) || has_it(q.id) || has_it(q.trigger);
}

stats_query::selection stats_query::apply(pool_snapshot& pool) const {
  auto& queues = pool.queues;
  if (key_ || app_)
    std::erase_if(queues, [this](const named_queue_snapshot& q) { return !is_asked_for(q); });
  auto end = queues.end();
  if (match_)
    end = std::stable_partition(queues.begin(), end, [this](const auto& q) { return matches(q); });
  if (by_)
    std::stable_sort(queues.begin(), end, by_);
  const auto matching = static_cast<std::size_t>(end - queues.begin());
  return {std::min(top_, matching), match_ ? std::optional(matching) : std::nullopt};
}

std::chrono::milliseconds parse_interval(std::string_view query) {
  const parameters found = parse_parameters(query, {"interval_ms"});
  const auto it = found.find("interval_ms");
  return std::chrono::milliseconds(it == found.end() ? 1'000
                                                     : parse_bounded("interval_ms", it->second, 100, 60'000));
}

} // namespace hotslot::http
