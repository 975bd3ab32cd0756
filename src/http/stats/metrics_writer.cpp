#include "metrics_writer.hpp"

#include "text.hpp"

#include "base/number.hpp"

#include <iterator>
#include <utility>

namespace hotslot::http {
namespace {

using namespace std::chrono_literals;

struct bound {
  std::chrono::microseconds at;
  std::string_view text; ///< In seconds, in the form that OpenMetrics calls canonical.
};

constexpr bound bounds[] = {
    {1ms, "0.001"},  {2500us, "0.0025"}, {5ms, "0.005"},  {10ms, "0.01"}, {25ms, "0.025"},
    {50ms, "0.05"},  {100ms, "0.1"},     {250ms, "0.25"}, {500ms, "0.5"}, {1s, "1.0"},
    {2500ms, "2.5"}, {5s, "5.0"},        {10s, "10.0"},   {30s, "30.0"},  {60s, "60.0"},
};

static_assert(std::size(bounds) == bounded_latencies::bound_count);

std::string_view name_of(metric_type type) {
  switch (type) {
  case metric_type::gauge:
    return "gauge";
  case metric_type::counter:
    return "counter";
  case metric_type::histogram:
    break;
  }
  return "histogram";
}

} // namespace

bounded_latencies::bounded_latencies(const latency_histogram& h) noexcept
  : count(h.count())
  , sum(h.sum()) {
  if (count == 0)
    return;
  std::uint64_t so_far = 0;
  std::size_t next = 0;
  for (std::size_t i = 0; i < bound_count; ++i) {
    for (; next < latency_histogram::bucket_count && latency_histogram::upper_bound(next) <= bounds[i].at;
         ++next)
      so_far += h.count_in(next);
    below[i] = so_far;
  }
}

void metrics_writer::declare(std::string_view name, metric_type type, std::string_view help) {
  name_ = name;
  type_ = type;
  line("HELP", help);
  line("TYPE", name_of(type));
  if (format_ == metrics_format::openmetrics && name.ends_with("_seconds"))
    line("UNIT", "seconds");
}

// The plain format has the name of a counter's samples here, OpenMetrics that of the family.
void metrics_writer::line(std::string_view keyword, std::string_view text) {
  const bool suffix = type_ == metric_type::counter && format_ == metrics_format::prometheus;
  for (auto part : {std::string_view("# "), keyword, std::string_view(" "), name_,
                    std::string_view(suffix ? "_total " : " "), text, std::string_view("\n")})
    out_ += part;
}

void metrics_writer::begin_sample(std::string_view labels, std::string_view more) {
  out_ += name_;
  if (type_ == metric_type::counter)
    out_ += "_total";
  out_ += labels;
  out_ += more;
  out_ += labels.empty() ? " " : "} ";
}

void metrics_writer::sample(std::string_view labels, std::string_view more, std::uint64_t value) {
  begin_sample(labels, more);
  base::append_number(out_, value);
  out_ += '\n';
}

void metrics_writer::sample(std::string_view labels, std::string_view more, std::chrono::nanoseconds value) {
  begin_sample(labels, more);
  append_seconds(out_, value);
  out_ += '\n';
}

void metrics_writer::bucket(std::string_view labels, std::string_view more, std::string_view bound,
                            std::uint64_t count) {
  for (auto part : {name_, std::string_view("_bucket"), labels, more, std::string_view(",le=\""), bound,
                    std::string_view("\"} ")})
    out_ += part;
  base::append_number(out_, count);
  out_ += '\n';
}

void metrics_writer::histogram(std::string_view labels, std::string_view more, const bounded_latencies& h) {
  for (std::size_t i = 0; i < bounded_latencies::bound_count; ++i)
    bucket(labels, more, bounds[i].text, h.below[i]);
  bucket(labels, more, "+Inf", h.count);
  for (auto part : {name_, std::string_view("_sum"), labels, more, std::string_view("} ")})
    out_ += part;
  append_seconds(out_, h.sum);
  for (auto part :
       {std::string_view("\n"), name_, std::string_view("_count"), labels, more, std::string_view("} ")})
    out_ += part;
  base::append_number(out_, h.count);
  out_ += '\n';
}

std::string metrics_writer::finish() && {
  if (format_ == metrics_format::openmetrics)
    out_ += "# EOF\n";
  return std::move(out_);
}

} // namespace hotslot::http
