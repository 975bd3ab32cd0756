#include "history.hpp"

#include <algorithm>

namespace hotslot::stress {

namespace {

template <class T>
void append_to(std::vector<T>& to, const std::vector<T>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

} // namespace

void history::append(const history& other) {
  append_to(started, other.started);
  append_to(operations, other.operations);
  append_to(events, other.events);
  append_to(closings, other.closings);
}

void sort(history& h) {
  std::sort(h.operations.begin(), h.operations.end(),
            [](const operation& a, const operation& b) { return a.begun < b.begun; });
  std::sort(h.events.begin(), h.events.end(), [](const witness& a, const witness& b) { return a.at < b.at; });
}

} // namespace hotslot::stress
