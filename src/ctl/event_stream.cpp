#include "event_stream.hpp"

#include "failure.hpp"

#include <cstddef>
#include <utility>

namespace hotslot::ctl {
namespace {

constexpr std::size_t longest_event = 256u << 20;

} // namespace

void event_stream::add(std::string_view piece) {
  for (auto end = piece.find('\n'); end != piece.npos; end = piece.find('\n')) {
    rest_.append(piece.substr(0, end));
    piece.remove_prefix(end + 1);
    const std::string line = std::exchange(rest_, {});
    take_line(line);
  }
  rest_.append(piece);
  if (rest_.size() + data_.size() > longest_event)
    throw failure(exit_code::unreachable, "an event of the stream is too long");
}

void event_stream::take_line(std::string_view line) {
  constexpr std::string_view field = "data:";
  if (line.ends_with('\r'))
    line.remove_suffix(1);
  if (line.empty() && !data_.empty()) {
    const std::string data = std::exchange(data_, {});
    return on_event_(data);
  }
  if (!line.starts_with(field))
    return;
  line.remove_prefix(field.size());
  if (line.starts_with(' '))
    line.remove_prefix(1);
  if (!data_.empty())
    data_.push_back('\n');
  data_.append(line);
}

} // namespace hotslot::ctl
