// Tables of text.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace hotslot::ctl {

/// Rows of cells, of which the first is left-aligned, as are those whose heading ends in '<', which is not
/// shown; the others are numbers. Cells are made printable.
class table {
 public:
  explicit table(std::vector<std::string> headings);

  void add(std::vector<std::string> cells);
  std::size_t rows() const noexcept { return rows_.size() - 1; }

  /// The headings first, without a space at a line's end.
  std::vector<std::string> lines() const;

 private:
  std::string line(const std::vector<std::string>& cells) const;

  std::vector<bool> left_;
  std::vector<std::size_t> widths_;
  std::vector<std::vector<std::string>> rows_;
};

} // namespace hotslot::ctl
