#include "table.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <utility>

namespace hotslot::ctl {
namespace {

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }

} // namespace

std::size_t width(std::string_view text) noexcept {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins_character));
}

std::string clip(std::string_view text, std::size_t columns) {
  if (width(text) <= columns)
    return std::string(text);
  if (columns == 0)
    return "";
  std::size_t end = 0;
  for (std::size_t seen = 0; end < text.size(); ++end)
    if (begins_character(text[end]) && ++seen == columns)
      break;
  return std::string(text.substr(0, end)) + "…";
}

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
    cells[i] = base::printable(cells[i]);
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
