#include "json_duplicates.hpp"

#include "json_reader.hpp"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/system/error_code.hpp>

#include <set>

namespace hotslot::daemon {
namespace {

namespace json = boost::json;

// One object or array on the way down to where the parser is.
struct level {
  bool is_object;
  std::size_t index = 0;   ///< Of the element, in an array.
  std::string member = {}; ///< In an object.
  std::set<std::string> seen = {};
};

// What basic_parser asks of its handler, in its order.
struct handler {
  static constexpr std::size_t max_object_size = std::size_t(-1);
  static constexpr std::size_t max_array_size = std::size_t(-1);
  static constexpr std::size_t max_key_size = std::size_t(-1);
  static constexpr std::size_t max_string_size = std::size_t(-1);

  std::vector<level> path;
  std::string key;
  std::vector<std::string> found;

  std::string pointer() const {
    std::string out;
    for (const auto& l : path)
      out = l.is_object ? json_pointer(out, l.member) : json_pointer(out, l.index);
    return out;
  }

  bool value_done() {
    if (!path.empty() && !path.back().is_object)
      ++path.back().index;
    return true;
  }

  bool enter(bool is_object) {
    path.push_back({is_object});
    return true;
  }

  bool leave() {
    path.pop_back();
    return value_done();
  }

  bool on_document_begin(boost::system::error_code&) { return true; }
  bool on_document_end(boost::system::error_code&) { return true; }
  bool on_object_begin(boost::system::error_code&) { return enter(true); }
  bool on_object_end(std::size_t, boost::system::error_code&) { return leave(); }
  bool on_array_begin(boost::system::error_code&) { return enter(false); }
  bool on_array_end(std::size_t, boost::system::error_code&) { return leave(); }

  bool on_key_part(json::string_view s, std::size_t, boost::system::error_code&) {
    key.append(s.data(), s.size());
    return true;
  }

  bool on_key(json::string_view s, std::size_t, boost::system::error_code&) {
    key.append(s.data(), s.size());
    auto& object = path.back();
    object.member = std::exchange(key, {});
    if (!object.seen.insert(object.member).second)
      found.push_back(pointer());
    return true;
  }

  bool on_string_part(json::string_view, std::size_t, boost::system::error_code&) { return true; }
  bool on_string(json::string_view, std::size_t, boost::system::error_code&) { return value_done(); }
  bool on_number_part(json::string_view, boost::system::error_code&) { return true; }
  bool on_int64(std::int64_t, json::string_view, boost::system::error_code&) { return value_done(); }
  bool on_uint64(std::uint64_t, json::string_view, boost::system::error_code&) { return value_done(); }
  bool on_double(double, json::string_view, boost::system::error_code&) { return value_done(); }
  bool on_bool(bool, boost::system::error_code&) { return value_done(); }
  bool on_null(boost::system::error_code&) { return value_done(); }
  bool on_comment_part(json::string_view, boost::system::error_code&) { return true; }
  bool on_comment(json::string_view, boost::system::error_code&) { return true; }
};

} // namespace

std::vector<std::string> json_duplicates(std::string_view text) {
  json::basic_parser<handler> parser{json::parse_options()};
  boost::system::error_code ignored;
  parser.write_some(false, text.data(), text.size(), ignored);
  return std::move(parser.handler().found);
}

} // namespace hotslot::daemon
