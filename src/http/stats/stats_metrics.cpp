#include <hotslot/http/stats_metrics.hpp>

#include "metrics_writer.hpp"
#include "queue_counters.hpp"
#include "series_book.hpp"
#include "text.hpp"

#include <algorithm>
#include <optional>
#include <span>
#include <variant>
#include <vector>

namespace hotslot::http {
namespace {

struct counter_family {
  std::string_view name;
  std::string_view help;
  std::span<const counter> all;
};

constexpr std::span all_counters(counters);
constexpr counter_family counter_families[] = {
    {"hotslot_slots_acquired", "Slots handed to callers.", all_counters.subspan(0, 1)},
    {"hotslot_calls_unserved", "Waits that ended without a slot, by reason.", all_counters.subspan(1, 6)},
    {"hotslot_workers_launched", "Workers started.", all_counters.subspan(7, 1)},
    {"hotslot_launch_failures", "Worker starts that failed.", all_counters.subspan(8, 1)},
    {"hotslot_slots_ejected", "Slots closed, by reason.", all_counters.subspan(9, 11)},
    {"hotslot_slots_detached", "Slots that their callers have taken out of the queue.",
     all_counters.subspan(20, 1)},
    {"hotslot_leases_leaked", "Leases that were out for too long, where that is looked at.",
     all_counters.subspan(21, 1)},
};

// "{app=…,fn=…,key=…" of every queue, back to back: rendered once, used by every series.
class label_table {
 public:
  void add(std::string_view app, std::string_view fn, std::string_view key) {
    text_ += "{app=";
    append_label_value(text_, app);
    text_ += ",fn=";
    append_label_value(text_, fn);
    text_ += ",key=";
    append_label_value(text_, key);
    ends_.push_back(text_.size());
  }

  std::string_view operator[](std::size_t i) const {
    const std::size_t begin = i == 0 ? 0 : ends_[i - 1];
    return std::string_view(text_).substr(begin, ends_[i] - begin);
  }

 private:
  std::string text_;
  std::vector<std::size_t> ends_;
};

void append_gauges(metrics_writer& out, std::span<const queue_snapshot> queues, const label_table& labels) {
  for (const auto& g : gauges) {
    out.declare(g.metric, metric_type::gauge, g.help);
    for (std::size_t i = 0; i < queues.size(); ++i)
      out.sample(labels[i], "", g.of(queues[i]));
  }
}

void append_averages(metrics_writer& out, std::span<const queue_snapshot> queues, const label_table& labels) {
  out.declare("hotslot_queue_latency_seconds", metric_type::gauge, "Weighted average time spent in a state.");
  for (std::size_t i = 0; i < queues.size(); ++i)
    for (const auto& s : counted_states)
      out.sample(labels[i], s.label, queues[i].latency(s.state));
}

void append_counters(metrics_writer& out, std::span<const queue_counts> counts, const label_table& labels) {
  for (const auto& f : counter_families) {
    out.declare(f.name, metric_type::counter, f.help);
    for (std::size_t i = 0; i < counts.size(); ++i)
      for (const auto& c : f.all)
        out.sample(labels[i], c.label, counts[i].totals.*c.value);
  }
}

struct wait_label {
  wait_cause cause;
  std::string_view text;
};

constexpr wait_label wait_labels[] = {
    {wait_cause::call, ",cause=\"call\""},
    {wait_cause::start, ",cause=\"start\""},
    {wait_cause::resources, ",cause=\"resources\""},
};

void append_if_any(metrics_writer& out, std::string_view labels, std::string_view more,
                   const bounded_latencies& h) {
  if (h.count > 0)
    out.histogram(labels, more, h);
}

void append_histograms(metrics_writer& out, std::span<const queue_counts> all, const label_table& labels) {
  out.declare("hotslot_wait_seconds", metric_type::histogram,
              "Time that callers waited, by what they waited for.");
  for (std::size_t i = 0; i < all.size(); ++i)
    for (const auto& w : wait_labels)
      append_if_any(out, labels[i], w.text, all[i].waits[static_cast<std::size_t>(w.cause)]);
  out.declare("hotslot_run_seconds", metric_type::histogram,
              "Time from a slot's acquisition to its release.");
  for (std::size_t i = 0; i < all.size(); ++i)
    append_if_any(out, labels[i], "", all[i].runs);
  out.declare("hotslot_start_seconds", metric_type::histogram, "Time that starts of workers took.");
  for (std::size_t i = 0; i < all.size(); ++i)
    append_if_any(out, labels[i], "", all[i].starts);
  out.declare("hotslot_acquired_immediately", metric_type::counter, "Acquisitions that found an idle slot.");
  for (std::size_t i = 0; i < all.size(); ++i)
    out.sample(labels[i], "", all[i].immediate);
}

void append_detached(metrics_writer& out, std::span<const detached_counter> all,
                     std::span<const queue_counts> counts, const label_table& labels) {
  for (std::size_t i = 0; i < counts.size(); ++i)
    if (counts[i].detached)
      for (const auto& s : all)
        out.sample(labels[i], s.label, *counts[i].detached.*s.value);
}

// A family that no queue has is left out.
void append_calls(metrics_writer& out, std::span<const queue_counts> counts, const label_table& labels) {
  const auto is_detached = [](const queue_counts& c) { return c.detached.has_value(); };
  if (std::any_of(counts.begin(), counts.end(), is_detached)) {
    out.declare("hotslot_detached_pending", metric_type::gauge, "Detached calls that wait or run.");
    append_detached(out, std::span(detached_counters).first(2), counts, labels);
    out.declare("hotslot_detached_calls", metric_type::counter, "Detached calls, by what became of them.");
    append_detached(out, std::span(detached_counters).subspan(2), counts, labels);
  }
  const auto is_limited = [](const queue_counts& c) { return c.rate_limited.has_value(); };
  if (std::none_of(counts.begin(), counts.end(), is_limited))
    return;
  out.declare("hotslot_calls_rate_limited", metric_type::counter, "Calls refused by a rate limit.");
  for (std::size_t i = 0; i < counts.size(); ++i)
    if (counts[i].rate_limited)
      out.sample(labels[i], "", *counts[i].rate_limited);
}

void append_spans(metrics_writer& out, const span_counts& spans) {
  out.declare("hotslot_spans_queued", metric_type::gauge, "Spans that wait for the collector.");
  out.sample("", "", spans.queued);
  out.declare("hotslot_spans_exported", metric_type::counter, "Spans that the collector has taken.");
  out.sample("", "", spans.exported);
  out.declare("hotslot_spans_dropped", metric_type::counter, "Spans that the collector did not get.");
  out.sample("", "", spans.dropped);
}

// Nothing where nothing was recorded, so that it need not be copied.
std::optional<queue_histograms> histograms_of(const named_queue_snapshot& q,
                                              const decltype(stats_source::histograms)& source) {
  const auto& t = q.queue.totals;
  const bool unused = t.acquired == 0 && t.timed_out == 0 && t.launched == 0;
  return unused || !source ? std::nullopt : source(q.key);
}

// What the starts of a queue, or of several, have come to.
struct start_trouble {
  std::uint64_t breakers_open = 0;
  std::uint64_t failures_in_a_row = 0;

  void add(const std::optional<failure_view>& f) {
    if (!f)
      return;
    breakers_open += f->breaker_open;
    failures_in_a_row = std::max<std::uint64_t>(failures_in_a_row, f->in_a_row);
  }
};

void append_trouble(metrics_writer& out, std::span<const start_trouble> all, const label_table& labels) {
  out.declare("hotslot_queue_start_failures_in_a_row", metric_type::gauge,
              "Starts that have failed since one succeeded; of several queues, the most.");
  for (std::size_t i = 0; i < all.size(); ++i)
    out.sample(labels[i], "", all[i].failures_in_a_row);
  out.declare("hotslot_queue_breaker_open", metric_type::gauge,
              "1 while calls that find no worker are refused at once; of several queues, how many do.");
  for (std::size_t i = 0; i < all.size(); ++i)
    out.sample(labels[i], "", all[i].breakers_open);
}

void append_head(metrics_writer& out, std::string_view version, std::size_t queues) {
  std::string label = "{version=";
  append_label_value(label, version);
  out.declare("hotslot_build_info", metric_type::gauge, "Always 1; the version is a label.");
  out.sample(label, "", std::uint64_t{1});
  out.declare("hotslot_queues", metric_type::gauge, "Slot queues.");
  out.sample("", "", std::uint64_t{queues});
}

void append_more(metrics_writer& out, const metric_family& f) {
  out.declare(f.name, f.kind == metric_kind::counter ? metric_type::counter : metric_type::gauge, f.help);
  for (const auto& sample : f.samples) {
    std::string labels;
    for (const auto& [name, value] : sample.labels) {
      labels.append(labels.empty() ? "{" : ",").append(name).append("=");
      append_label_value(labels, value);
    }
    std::visit([&](const auto& value) { out.sample(labels, "", value); }, sample.value);
  }
}

} // namespace

std::string_view content_type(metrics_format format) noexcept {
  return format == metrics_format::openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                               : "text/plain; version=0.0.4; charset=utf-8";
}

metric_keys::metric_keys(std::size_t most)
  : book_(std::make_unique<series_book>(most)) {}

metric_keys::~metric_keys() = default;

std::string render_metrics(pool_snapshot pool, const decltype(stats_source::histograms)& histograms,
                           metric_keys& keys, const metrics_options& options) {
  auto [counts, other_counts] = keys.book_->divide(
      pool.queues, [&](const auto& q) { return queue_counts(q, histograms_of(q, histograms)); });
  const std::size_t own = counts.size();
  label_table labels;
  std::vector<queue_snapshot> queues;
  std::vector<start_trouble> trouble;
  for (const auto& q : std::span(pool.queues).first(own)) {
    labels.add(q.app, q.name, q.key);
    queues.push_back(q.queue);
    trouble.emplace_back().add(q.failure);
  }
  if (other_counts) {
    labels.add("other", "other", "other");
    queue_snapshot& others = queues.emplace_back();
    start_trouble& their_trouble = trouble.emplace_back();
    for (const auto& q : std::span(pool.queues).subspan(own)) {
      accumulate(others, q.queue);
      their_trouble.add(q.failure);
    }
    counts.push_back(std::move(*other_counts));
  }

  constexpr std::size_t bytes_per_queue = 10 * 1024;
  metrics_writer out(options.format);
  out.reserve(queues.size() * bytes_per_queue);
  append_head(out, options.version, pool.queues.size());
  append_gauges(out, queues, labels);
  append_trouble(out, trouble, labels);
  append_averages(out, std::span(queues).first(own), labels); // averages have no sum
  append_counters(out, counts, labels);
  append_calls(out, counts, labels);
  if (pool.spans)
    append_spans(out, *pool.spans);
  if (histograms)
    append_histograms(out, counts, labels);
  for (const auto& f : options.more)
    append_more(out, f);
  return std::move(out).finish();
}

} // namespace hotslot::http
