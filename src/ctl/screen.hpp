// The terminal, while figures are shown on it again and again.
#pragma once

#include <atomic>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <termios.h>

namespace hotslot::ctl {

/// A page of its own where standard output is a terminal that can have one; else lines, one page after
/// another.
///
/// Whatever happens to it is undone by `leave`, on destruction, and where a signal ends the program: the page
/// that was there before comes back, the cursor with it, and what is typed shows again. There is one at a
/// time.
class screen {
 public:
  screen();
  ~screen();
  screen(const screen&) = delete;
  screen& operator=(const screen&) = delete;

  bool is_terminal() const noexcept { return terminal_; }
  /// Whether what is typed comes here, at once and unseen, while it is entered.
  bool has_keys() const noexcept;
  /// Of the page; without a terminal there is no end of them.
  std::size_t rows() const noexcept;
  std::size_t columns() const noexcept;

  /// Does nothing where it is so already.
  void enter();
  void leave() noexcept;

  /// In place of the page before. Throws `failure` where nobody reads it.
  void show(const std::vector<std::string>& lines);

 private:
  const bool terminal_;
  std::atomic<bool> entered_ = false;
  bool silenced_ = false;
  termios before_{};
};

/// Whether standard output is one.
bool is_terminal() noexcept;

/// Throws `failure` where it cannot be written.
void write_out(std::string_view text);

} // namespace hotslot::ctl
