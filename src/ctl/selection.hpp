// Which functions are shown first, and which at all, as those who watch have it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hotslot::ctl {

/// As a query, to which `by` and `match` belong where they are not empty.
std::string selection_query(const std::string& by, const std::string& match);

/// What the server is asked for, and what is typed to change it: `s` takes the next order, `/` begins a text
/// that functions have to have, which Enter ends and Escape gives up.
class selection {
 public:
  /// Begins with these; without an order by need.
  selection(const std::string& by, std::string match);

  /// False where what was typed ends it all.
  bool type(std::string_view keys);

  std::string query() const;
  /// What is selected, and how that is changed.
  std::string describe() const;

 private:
  bool obey(char key);
  void edit(char key);

  std::vector<std::string> orders_;
  std::size_t order_ = 0;
  std::string match_;
  std::optional<std::string> typed_; ///< A text that is not yet in force.
};

} // namespace hotslot::ctl
