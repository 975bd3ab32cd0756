#include "output.hpp"

#include <hotslot/process/contract.hpp>

#include <algorithm>
#include <utility>

namespace hotslot::process::detail {

void recent_calls::begin(std::string_view id, const places& written) {
  const std::lock_guard lock(mutex_);
  make_room();
  call& c = at(++last_);
  c.id.assign(id);
  c.begin = written;
  c.bytes = 0;
}

std::uint64_t recent_calls::find(std::size_t stream, std::uint64_t place, std::uint64_t from,
                                 std::string& id) const {
  const std::lock_guard lock(mutex_);
  const std::uint64_t oldest = std::max(from, first_);
  std::uint64_t n = last_;
  while (n > oldest && at(n).begin[stream] > place)
    --n;
  if (n != from)
    id = at(n).id;
  return n;
}

std::optional<std::uint64_t> recent_calls::find(std::string_view id) const {
  const std::lock_guard lock(mutex_);
  for (std::uint64_t n = last_; n != 0 && n >= first_; --n)
    if (at(n).id == id)
      return n;
  return std::nullopt;
}

std::uint64_t recent_calls::charge(std::uint64_t number, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  call& c = at(std::max(number, first_));
  return std::exchange(c.bytes, c.bytes + bytes);
}

void recent_calls::forget_before(std::size_t stream, std::uint64_t place) {
  const std::lock_guard lock(mutex_);
  read_[stream] = place;
}

// Of what comes, nothing is from before the next call.
bool recent_calls::is_over(std::uint64_t number) const {
  const places& next = at(number + 1).begin;
  return std::equal(next.begin(), next.end(), read_.begin(), [](auto end, auto read) { return end <= read; });
}

void recent_calls::make_room() {
  if (last_ - first_ + 1 < ring_.size())
    return;
  if (!is_over(first_) && ring_.size() < at_most)
    grow();
  else
    ++first_;
}

void recent_calls::grow() {
  std::vector<call> larger(2 * ring_.size());
  for (std::uint64_t n = first_; n <= last_; ++n)
    larger[n & (larger.size() - 1)] = std::move(at(n));
  ring_ = std::move(larger);
}

bool attributed_lines::take_frame(std::string_view line) {
  if (!line.starts_with(log_frame_name) || !line.substr(log_frame_name.size()).starts_with('='))
    return false;
  const std::string_view id = line.substr(log_frame_name.size() + 1);
  const auto call = calls_.find(id);
  if (!call || *call < call_)
    return false;
  call_ = *call;
  id_ = id;
  frame_seen_ = true;
  return true;
}

} // namespace hotslot::process::detail
