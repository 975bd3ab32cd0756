#include "table.hpp"
#include "terminal_text.hpp"
#include "watch.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace hotslot::ctl {
namespace {

constexpr std::size_t lines_around_rows = 4; // title, totals, an empty one, headings

std::string rate(const std::optional<double>& r) { return r ? fmt::format("{:.1f}", *r) : "-"; }

std::string milliseconds(double ms) {
  return ms < 10 ? fmt::format("{:.1f}", ms) : fmt::format("{:.0f}", ms);
}

std::string totals_of(const pool_view& view, const call_rates& rates) {
  const auto& t = view.totals;
  return fmt::format("{} calls, {}/s; {} waiting; workers: {} idle, {} busy, {} starting; {} errors", t.calls,
                     rate(rates.of(t.name)), t.waiting, t.idle, t.busy, t.starting, t.errors);
}

std::vector<std::string> row_of(const function_view& f, const call_rates& rates) {
  const auto wait = [&](double function_view::percentiles::*p) {
    return f.wait_ms ? milliseconds((*f.wait_ms).*p) : "-";
  };
  return {f.name,
          f.condition,
          std::to_string(f.calls),
          rate(rates.of(f.name)),
          std::to_string(f.waiting),
          std::to_string(f.idle),
          std::to_string(f.busy),
          std::to_string(f.starting),
          wait(&function_view::percentiles::p50),
          wait(&function_view::percentiles::p90),
          wait(&function_view::percentiles::p99),
          std::to_string(f.errors),
          f.trouble};
}

} // namespace

std::size_t room_for_rows(std::size_t rows) noexcept { return rows - std::min(rows, lines_around_rows); }

std::vector<std::string> describe_pool(const pool_view& view, const call_rates& rates,
                                       const std::string& title, const std::string& trouble, std::size_t rows,
                                       const std::string& selected) {
  table t({"FUNCTION", "STATE<", "CALLS", "/S", "WAIT", "IDLE", "BUSY", "START", "P50", "P90", "P99 MS",
           "ERRORS", "WHY<"});
  const std::size_t room = room_for_rows(rows);
  const bool all = view.all() <= room;
  const std::size_t shown =
      std::min(view.functions.size(), all ? room : room - std::min<std::size_t>(room, 1));
  for (std::size_t i = 0; i < shown; ++i)
    t.add(row_of(view.functions[i], rates));
  std::vector<std::string> lines{printable(trouble.empty() ? title : title + ": " + trouble),
                                 totals_of(view, rates), printable(selected)};
  for (auto& line : t.lines())
    lines.push_back(std::move(line));
  if (!all)
    lines.push_back(fmt::format("and {} more", view.all() - shown));
  return lines;
}

} // namespace hotslot::ctl
