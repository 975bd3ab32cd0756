#include "json_reader.hpp"

#include "json_duplicates.hpp"

#include <boost/json/parser.hpp>
#include <boost/json/serialize.hpp>
#include <boost/system/error_code.hpp>

#include <algorithm>
#include <cmath>

namespace hotslot::daemon {
namespace {

namespace json = boost::json;

std::string position(std::string_view text, std::size_t offset) {
  const auto before = text.substr(0, offset);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const auto start = before.rfind('\n') + 1; // npos + 1 is 0: the first line
  return "line " + std::to_string(line) + ", column " + std::to_string(offset - start + 1);
}

} // namespace

std::string json_pointer(std::string_view parent, std::string_view member) {
  std::string out(parent);
  out.push_back('/');
  for (char c : member) {
    if (c == '~')
      out.append("~0");
    else if (c == '/')
      out.append("~1");
    else
      out.push_back(c);
  }
  return out;
}

std::string json_pointer(std::string_view parent, std::size_t index) {
  return json_pointer(parent, std::to_string(index));
}

std::optional<json::value> parse_json(std::string_view text, json_problems& problems) {
  constexpr std::string_view byte_order_mark =
      "\xef\xbb\xbf"; // which editors put there, and RFC 8259 lets pass over
  if (text.starts_with(byte_order_mark))
    text.remove_prefix(byte_order_mark.size());
  json::parser parser;
  boost::system::error_code failed;
  const auto parsed = parser.write_some(text.data(), text.size(), failed);
  if (!failed && parsed < text.size())
    failed = json::error::extra_data;
  if (failed) {
    problems.push_back({"", "malformed JSON at " + position(text, parsed) + ": " + failed.message()});
    return std::nullopt;
  }
  for (auto& pointer : json_duplicates(text))
    problems.push_back({std::move(pointer), "this member appears more than once"});
  return parser.release();
}

std::string_view kind_name(const json::value& v) {
  switch (v.kind()) {
  case json::kind::null:
    return "null";
  case json::kind::bool_:
    return "a boolean";
  case json::kind::int64:
  case json::kind::uint64:
  case json::kind::double_:
    return "a number";
  case json::kind::string:
    return "a string";
  case json::kind::array:
    return "an array";
  case json::kind::object:
    return "an object";
  }
  return "nothing";
}

std::optional<std::uint64_t> read_integer(const json::value& v, json_range range, const std::string& pointer,
                                          json_problems& problems) {
  const auto refuse = [&](std::string_view instead) {
    problems.push_back({pointer, "must be a whole number from " + std::to_string(range.min) + " to " +
                                     std::to_string(range.max) + ", not " + std::string(instead)});
    return std::nullopt;
  };
  if (!v.is_number())
    return refuse(kind_name(v));
  if (v.is_double() && std::trunc(v.get_double()) != v.get_double())
    return refuse("a fraction");
  boost::system::error_code not_exact; // 30.0 is a whole number, too
  const auto n = v.to_number<std::uint64_t>(not_exact);
  if (not_exact || n < range.min || n > range.max)
    return refuse(json::serialize(v));
  return n;
}

std::optional<std::string> read_string(const json::value& v, const std::string& pointer,
                                       json_problems& problems) {
  if (!v.is_string()) {
    problems.push_back({pointer, "must be a string, not " + std::string(kind_name(v))});
    return std::nullopt;
  }
  const auto& s = v.get_string();
  if (s.find('\0') != json::string::npos) {
    problems.push_back({pointer, "must not hold a NUL character"});
    return std::nullopt;
  }
  return std::string(s);
}

json_object::json_object(const json::value& v, std::string pointer, json_problems& problems)
  : object_(v.if_object())
  , pointer_(std::move(pointer))
  , problems_(problems) {
  if (!object_)
    problems_.push_back({pointer_, "must be an object, not " + std::string(kind_name(v))});
}

const json::value* json_object::find(std::string_view member) {
  known_.push_back(member);
  return object_ ? object_->if_contains(member) : nullptr;
}

const json::value* json_object::require(std::string_view member) {
  const auto* v = find(member);
  if (!v && object_)
    refuse(member, "this member is required");
  return v;
}

void json_object::strings(
    std::string_view member,
    const std::function<void(const std::string& text, const std::string& pointer)>& take) {
  const auto* v = find(member);
  if (!v)
    return;
  const auto* list = v->if_array();
  if (!list)
    return refuse(member, "must be an array of strings, not " + std::string(kind_name(*v)));
  for (std::size_t i = 0; i < list->size(); ++i) {
    const auto at = json_pointer(pointer(member), i);
    if (const auto text = read_string((*list)[i], at, problems_))
      take(*text, at);
  }
}

std::optional<std::uint64_t> json_object::integer(std::string_view member, json_range range) {
  const auto* v = find(member);
  return v ? read_integer(*v, range, pointer(member), problems_) : std::nullopt;
}

std::optional<std::string> json_object::string(std::string_view member) {
  const auto* v = find(member);
  return v ? read_string(*v, pointer(member), problems_) : std::nullopt;
}

std::optional<std::filesystem::path> json_object::path(std::string_view member,
                                                       const std::filesystem::path& folder) {
  const auto text = string(member);
  if (!text)
    return std::nullopt;
  if (text->empty()) {
    refuse(member, "must not be empty");
    return std::nullopt;
  }
  auto path = (folder / *text).lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

std::optional<bool> json_object::boolean(std::string_view member) {
  const auto* v = find(member);
  if (!v)
    return std::nullopt;
  if (v->is_bool())
    return v->get_bool();
  refuse(member, "must be true or false, not " + std::string(kind_name(*v)));
  return std::nullopt;
}

std::optional<double> json_object::fraction(std::string_view member) {
  const auto* v = find(member);
  if (!v)
    return std::nullopt;
  if (v->is_number()) {
    if (const auto x = v->to_number<double>(); x >= 0 && x <= 1)
      return x;
    refuse(member, "must be a number from 0 to 1");
  } else {
    refuse(member, "must be a number from 0 to 1, not " + std::string(kind_name(*v)));
  }
  return std::nullopt;
}

std::optional<std::size_t> json_object::choice(std::string_view member,
                                               std::span<const std::string_view> names) {
  const auto text = string(member);
  if (!text)
    return std::nullopt;
  const auto it = std::find(names.begin(), names.end(), std::string_view(*text));
  if (it != names.end())
    return static_cast<std::size_t>(it - names.begin());
  std::string known;
  for (const auto name : names)
    known.append(known.empty() ? "\"" : ", \"").append(name).append("\"");
  refuse(member, "must be one of " + known);
  return std::nullopt;
}

std::optional<std::string> json_object::required_string(std::string_view member) {
  const auto* v = require(member);
  return v ? read_string(*v, pointer(member), problems_) : std::nullopt;
}

void json_object::refuse(std::string_view member, std::string message) {
  problems_.push_back({pointer(member), std::move(message)});
}

void json_object::refuse_unknown() {
  if (!object_)
    return;
  for (const auto& [name, value] : *object_)
    if (std::find(known_.begin(), known_.end(), std::string_view(name)) == known_.end())
      refuse(name, "unknown member");
}

} // namespace hotslot::daemon
