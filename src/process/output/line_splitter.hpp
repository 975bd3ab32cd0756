// Makes lines of a stream of bytes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace hotslot::process::detail {

/// Lines longer than its limit are cut there; the rest of the line is dropped. Memory: at most the limit.
class line_splitter {
 public:
  explicit line_splitter(std::size_t limit) noexcept
    : limit_(limit) {}

  /// Where the line that is being emitted begins: how many bytes were fed before.
  std::uint64_t line_begin() const noexcept { return line_begin_; }

  /// Calls `emit(std::string_view)` for each line that `bytes` complete.
  template <class Emit>
  void feed(std::string_view bytes, Emit&& emit) {
    for (;;) {
      const auto end = bytes.find('\n');
      keep(bytes.substr(0, end));
      if (end == std::string_view::npos) {
        fed_ += bytes.size();
        return;
      }
      emit_kept(emit);
      bytes.remove_prefix(end + 1);
      line_begin_ = fed_ += end + 1;
    }
  }

  /// The last line, where no line end follows it.
  template <class Emit>
  void finish(Emit&& emit) {
    if (!kept_.empty())
      emit_kept(emit);
  }

 private:
  void keep(std::string_view bytes) { kept_.append(bytes.substr(0, limit_ - kept_.size())); }

  void emit_kept(auto& emit) {
    std::string_view line = kept_;
    if (line.ends_with('\r'))
      line.remove_suffix(1);
    emit(line);
    kept_.clear();
  }

  std::size_t limit_;
  std::string kept_;
  std::uint64_t fed_ = 0;
  std::uint64_t line_begin_ = 0;
};

} // namespace hotslot::process::detail
