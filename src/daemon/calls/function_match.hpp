// Which functions of two configurations are the same.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace hotslot::daemon {

struct function_match {
  std::vector<std::optional<std::size_t>>
      before;                    ///< For each that there is now, its place among those before.
  std::vector<std::size_t> gone; ///< Those before that are no more.
};

/// By app and name. Takes n log n comparisons: there may be thousands.
template <class Function>
function_match match_functions(const std::vector<Function>& before, const std::vector<Function>& now) {
  using text = decltype(Function::app);
  using name = std::pair<std::reference_wrapper<const text>, std::reference_wrapper<const text>>;
  struct in_order {
    bool operator()(const name& a, const name& b) const {
      if (a.second.get() < b.second.get())
        return true;
      return !(b.second.get() < a.second.get()) && a.first.get() < b.first.get();
    }
  };
  std::map<name, std::size_t, in_order> left;
  for (std::size_t i = 0; i < before.size(); ++i)
    left.emplace(name(before[i].app, before[i].name), i);
  function_match match;
  for (const auto& f : now) {
    const auto found = left.find(name(f.app, f.name));
    match.before.push_back(found == left.end() ? std::nullopt : std::optional(found->second));
    if (found != left.end())
      left.erase(found);
  }
  for (const auto& [name, i] : left)
    match.gone.push_back(i);
  return match;
}

} // namespace hotslot::daemon
