// Members of a document of somebody else's: what is not there, or of another kind, counts as nothing.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <string>
#include <string_view>

namespace hotslot::ctl {

inline const boost::json::object& object_in(const boost::json::object& in, std::string_view name) {
  static const boost::json::object nothing;
  const auto* v = in.if_contains(name);
  return v && v->is_object() ? v->get_object() : nothing;
}

inline const boost::json::array& array_in(const boost::json::object& in, std::string_view name) {
  static const boost::json::array nothing;
  const auto* v = in.if_contains(name);
  return v && v->is_array() ? v->get_array() : nothing;
}

inline std::string text_in(const boost::json::object& in, std::string_view name) {
  const auto* v = in.if_contains(name);
  return v && v->is_string() ? std::string(v->get_string()) : "";
}

template <class T>
T number_in(const boost::json::object& in, std::string_view name) {
  const auto* v = in.if_contains(name);
  boost::system::error_code inexact;
  return v && v->is_number() ? v->to_number<T>(inexact) : T();
}

} // namespace hotslot::ctl
