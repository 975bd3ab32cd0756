#include "selection.hpp"

#include "base/url.hpp"

#include <algorithm>
#include <utility>

namespace hotslot::ctl {
namespace {

constexpr std::size_t longest_text = 200;
constexpr char escape = '\x1b';
constexpr char control_u = '\x15';

void erase_last_character(std::string& text) {
  while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xc0) == 0x80)
    text.pop_back();
  if (!text.empty())
    text.pop_back();
}

} // namespace

std::string selection_query(const std::string& by, const std::string& match) {
  std::string query;
  if (!by.empty())
    query.append("by=").append(base::percent_encoded(by));
  if (!match.empty())
    query.append(query.empty() ? "" : "&").append("match=").append(base::percent_encoded(match));
  return query;
}

selection::selection(const std::string& by, std::string match)
  : orders_{"need", "errors", "waiting", "busy", "acquired"}
  , match_(std::move(match)) {
  if (by.empty())
    return;
  const auto known = std::find(orders_.begin(), orders_.end(), by);
  order_ = static_cast<std::size_t>(known - orders_.begin());
  if (known == orders_.end())
    orders_.push_back(by);
}

// What an arrow or the like sends comes in one piece, and begins as Escape does.
bool selection::type(std::string_view keys) {
  if (keys.starts_with(escape)) {
    if (keys.size() == 1)
      typed_.reset();
    return true;
  }
  return std::all_of(keys.begin(), keys.end(), [this](char key) { return obey(key); });
}

bool selection::obey(char key) {
  if (typed_)
    edit(key);
  else if (key == 's' || key == 'S')
    order_ = (order_ + 1) % orders_.size();
  else if (key == '/')
    typed_ = match_;
  return typed_ || (key != 'q' && key != 'Q');
}

void selection::edit(char key) {
  if (key == '\n' || key == '\r') {
    match_ = std::move(*typed_);
    typed_.reset();
  } else if (key == '\x7f' || key == '\b')
    erase_last_character(*typed_);
  else if (key == control_u)
    typed_->clear();
  else if (static_cast<unsigned char>(key) >= 0x20 && typed_->size() < longest_text)
    typed_->push_back(key);
}

std::string selection::query() const { return selection_query(orders_[order_], match_); }

std::string selection::describe() const {
  if (typed_)
    return "filter: " + *typed_ + "_";
  return "by " + orders_[order_] + (match_.empty() ? "" : ", those with '" + match_ + "'") +
         " (s: next order, /: filter, q: end)";
}

} // namespace hotslot::ctl
