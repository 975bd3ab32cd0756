// Answers with what it was sent, after ?ms= of the trigger's URL, else SLOW_MS of its configuration, else 200
// ms.
#include "common/function_server.hpp"

#include <charconv>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <thread>

namespace {

using std::chrono::milliseconds;

std::optional<milliseconds> to_milliseconds(std::string_view text) {
  unsigned ms = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), ms);
  if (ec != std::errc())
    return std::nullopt;
  return milliseconds(ms);
}

std::optional<milliseconds> asked_for(std::string_view url) {
  for (std::string_view mark : {"?ms=", "&ms="})
    if (const auto at = url.find(mark); at != std::string_view::npos)
      return to_milliseconds(url.substr(at + mark.size()));
  return std::nullopt;
}

std::optional<milliseconds> configured() {
  const char* const text = std::getenv("SLOW_MS");
  return text ? to_milliseconds(text) : std::nullopt;
}

} // namespace

int main() {
  return function_server::serve([](const function_server::request& r) {
    const auto asked = asked_for(r["Fn-Http-Request-Url"]);
    std::this_thread::sleep_for(asked ? *asked : configured().value_or(milliseconds(200)));
    return function_server::echo(r);
  });
}
