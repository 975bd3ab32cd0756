// Reading JSON strictly: each refusal names the place by its JSON pointer, and all of them are reported at
// once.
#pragma once

#include <boost/json/value.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hotslot::daemon {

struct json_problem {
  std::string pointer; ///< RFC 6901; empty is the whole document.
  std::string message;

  friend bool operator==(const json_problem&, const json_problem&) = default;
};

using json_problems = std::vector<json_problem>;

/// `parent` with one more reference token, escaped.
std::string json_pointer(std::string_view parent, std::string_view member);
std::string json_pointer(std::string_view parent, std::size_t index);

/// Nothing where `text` is no JSON. A member that appears twice is a problem too: parsers differ in which
/// one they take, Boost.JSON silently takes the last.
std::optional<boost::json::value> parse_json(std::string_view text, json_problems& problems);

/// "a string", "an array", …
std::string_view kind_name(const boost::json::value& v);

struct json_range {
  std::uint64_t min;
  std::uint64_t max;
};

/// Each of them tells what is wrong with `v` and answers nothing, or answers its value.
std::optional<std::uint64_t> read_integer(const boost::json::value& v, json_range range,
                                          const std::string& pointer, json_problems& problems);
std::optional<std::string> read_string(const boost::json::value& v, const std::string& pointer,
                                       json_problems& problems);

/// One object: its members are asked for by name, and what was not asked for is refused at the end.
class json_object {
 public:
  /// A value that is no object is a problem; it then has no members.
  json_object(const boost::json::value& v, std::string pointer, json_problems& problems);
  json_object(const json_object&) = delete;
  json_object& operator=(const json_object&) = delete;

  bool valid() const noexcept { return object_ != nullptr; }
  const std::string& pointer() const noexcept { return pointer_; }
  std::string pointer(std::string_view member) const { return json_pointer(pointer_, member); }
  json_problems& problems() noexcept { return problems_; }

  const boost::json::value* find(std::string_view member);
  const boost::json::value* require(std::string_view member);

  /// Where the member is there, `read(object)` reads it, and what it does not ask for is refused.
  template <class Read>
  void within(std::string_view member, Read read) {
    const auto* v = find(member);
    if (!v)
      return;
    json_object inner(*v, pointer(member), problems_);
    if (!inner.valid())
      return;
    read(inner);
    inner.refuse_unknown();
  }

  /// The member where it is there and right; its absence is no problem.
  std::optional<std::uint64_t> integer(std::string_view member, json_range range);
  std::optional<std::string> string(std::string_view member);
  std::optional<bool> boolean(std::string_view member);
  /// Calls `take(text, pointer)` for each string of an array; what is none is refused.
  void strings(std::string_view member,
               const std::function<void(const std::string& text, const std::string& pointer)>& take);
  /// A number from 0 to 1.
  std::optional<double> fraction(std::string_view member);
  /// Absolute; one that is not is meant from `folder`, wherever the server was started.
  std::optional<std::filesystem::path> path(std::string_view member, const std::filesystem::path& folder);
  /// Which of `names` it is.
  std::optional<std::size_t> choice(std::string_view member, std::span<const std::string_view> names);
  std::optional<std::string> required_string(std::string_view member);

  void refuse(std::string_view member, std::string message);
  void refuse_unknown();

 private:
  const boost::json::object* object_;
  std::string pointer_;
  json_problems& problems_;
  std::vector<std::string_view> known_;
};

/// Where there is a value.
template <class T>
void assign(T& to, const std::optional<std::uint64_t>& n) {
  if (n)
    to = T(*n);
}

} // namespace hotslot::daemon
