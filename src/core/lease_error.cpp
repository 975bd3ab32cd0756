#include <hotslot/lease_error.hpp>

#include <algorithm>
#include <string>
#include <utility>

namespace hotslot {
namespace {

std::string about(const launch_failure* f, std::chrono::nanoseconds ago) {
  std::string text = "acquire";
  if (f) {
    text += " (the last start failed ";
    text += std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(ago).count());
    text += " ms ago: ";
    text += f->message;
    text += ")";
  }
  return text;
}

std::chrono::nanoseconds age(const launch_failure* f, std::chrono::nanoseconds now) {
  return f ? std::max(now - f->at, std::chrono::nanoseconds()) : std::chrono::nanoseconds();
}

} // namespace

lease_error::lease_error(const error_code& why, std::shared_ptr<const launch_failure> failure,
                         std::chrono::nanoseconds now)
  : system_error(why, about(failure.get(), age(failure.get(), now)))
  , failure_(std::move(failure))
  , ago_(age(failure_.get(), now)) {}

} // namespace hotslot
