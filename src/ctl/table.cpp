#include "table.hpp"

#include "terminal_text.hpp"

#include <algorithm>
#include <utility>

namespace hotslot::ctl {
table::table(std::vector<std::string> headings)
  : widths_(headings.size(), 0) {
  for (auto& h : headings) {
    left_.push_back(left_.empty() || h.ends_with('<'));
    if (h.ends_with('<'))
      h.pop_back();
  }
  add(std::move(headings));
}

void table::add(std::vector<std::string> cells) {
  for (std::size_t i = 0; i < cells.size(); ++i) {
    cells[i] = printable(cells[i]);
    widths_[i] = std::max(widths_[i], width(cells[i]));
  }
  rows_.push_back(std::move(cells));
}

std::vector<std::string> table::lines() const {
  std::vector<std::string> out;
  out.reserve(rows_.size());
  for (const auto& row : rows_)
    out.push_back(line(row));
  return out;
}

std::string table::line(const std::vector<std::string>& cells) const {
  std::string out;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::string blank(widths_[i] - width(cells[i]), ' ');
    out.append(i == 0 ? "" : "  ");
    out.append(left_[i] ? cells[i] + blank : blank + cells[i]);
  }
  out.resize(out.find_last_not_of(' ') + 1);
  return out;
}

} // namespace hotslot::ctl
