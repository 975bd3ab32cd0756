#include "time_text.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>

namespace hotslot::base {
namespace {

using namespace std::chrono;

constexpr std::array<const char*, 7> week_days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<const char*, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct date_and_time {
  explicit date_and_time(system_clock::time_point t)
    : at(floor<milliseconds>(t))
    , day(floor<days>(at))
    , date(day)
    , time(at - day) {}

  unsigned day_of_month() const { return static_cast<unsigned>(date.day()); }
  const char* month() const { return months[static_cast<unsigned>(date.month()) - 1]; }
  int year() const { return static_cast<int>(date.year()); }

  sys_time<milliseconds> at;
  sys_days day;
  year_month_day date;
  hh_mm_ss<milliseconds> time;
};

std::string format(const char* how, auto... parts) {
  std::array<char, 64> text;
  const int n = std::snprintf(text.data(), text.size(), how, parts...);
  return {text.data(), static_cast<std::size_t>(n)};
}

} // namespace

// For every call, so into a text whose places are there already.
std::string rfc3339_time(system_clock::time_point t) {
  const date_and_time when(t);
  std::string text = "0000-00-00T00:00:00.000Z";
  const auto write = [&](std::size_t at, std::size_t width, auto number) {
    for (auto rest = static_cast<unsigned>(number); width != 0; rest /= 10)
      text[at + --width] = static_cast<char>('0' + rest % 10);
  };
  write(0, 4, when.year());
  write(5, 2, static_cast<unsigned>(when.date.month()));
  write(8, 2, when.day_of_month());
  write(11, 2, when.time.hours().count());
  write(14, 2, when.time.minutes().count());
  write(17, 2, when.time.seconds().count());
  write(20, 3, when.time.subseconds().count());
  return text;
}

std::string http_date(system_clock::time_point t) {
  const date_and_time when(t);
  return format("%s, %02u %s %04d %02d:%02d:%02d GMT", week_days[weekday(when.day).c_encoding()],
                when.day_of_month(), when.month(), when.year(), static_cast<int>(when.time.hours().count()),
                static_cast<int>(when.time.minutes().count()), static_cast<int>(when.time.seconds().count()));
}

// What is written again as it was, was right.
std::optional<system_clock::time_point> parse_http_date(std::string_view text) {
  std::array<char, 4> week_day{}, month{};
  unsigned day = 0;
  int year = 0, hour = 0, minute = 0, second = 0;
  if (std::sscanf(std::string(text).c_str(), "%3[A-Za-z], %2u %3[A-Za-z] %4d %2d:%2d:%2d GMT",
                  week_day.data(), &day, month.data(), &year, &hour, &minute, &second) != 7)
    return std::nullopt;
  const auto known = std::find(months.begin(), months.end(), std::string_view(month.data()));
  const auto date =
      std::chrono::year(year) / static_cast<int>(known - months.begin() + 1) / static_cast<int>(day);
  if (!date.ok())
    return std::nullopt;
  const system_clock::time_point t = sys_days(date) + hours(hour) + minutes(minute) + seconds(second);
  return http_date(t) == text ? std::optional(t) : std::nullopt;
}

std::string common_log_time(system_clock::time_point t) {
  const date_and_time when(t);
  return format("[%02u/%s/%04d:%02d:%02d:%02d +0000]", when.day_of_month(), when.month(), when.year(),
                static_cast<int>(when.time.hours().count()), static_cast<int>(when.time.minutes().count()),
                static_cast<int>(when.time.seconds().count()));
}

} // namespace hotslot::base
