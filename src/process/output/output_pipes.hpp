// A process's outputs, as streams in which places can be told.
#pragma once

#include "base/unique_fd.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/system/error_code.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <utility>

namespace hotslot::process::detail {

/// Standard output and standard error. Read on one strand; `written` may be asked from any thread.
class output_pipes {
 public:
  static constexpr std::size_t count = 2;
  using places = std::array<std::uint64_t, count>;

  explicit output_pipes(const boost::asio::any_io_executor& ex)
    : pipes_{pipe(ex), pipe(ex)} {}

  /// Throws `system_error`.
  void assign(std::size_t which, base::unique_fd fd);

  /// Completes when there may be something to read.
  template <class Token>
  auto async_wait(std::size_t which, Token&& token) {
    return pipes_[which].async_wait(pipe::wait_read, std::forward<Token>(token));
  }
  std::size_t read_some(std::size_t which, std::span<char> to, boost::system::error_code& ec);
  void cancel() noexcept;
  void close(std::size_t which) noexcept;

  struct sight {
    places written{}; ///< How many bytes the process has written so far, whether they were read or not.
    bool readable = false;
  };

  /// With one system call, where all of them were read: also whether `other`, a descriptor or -1, can be.
  sight look(int other) noexcept;

 private:
  using pipe = boost::asio::posix::stream_descriptor;

  std::array<pipe, count> pipes_;
  std::mutex mutex_; // read, and counted as read, is one step
  places read_{};
};

} // namespace hotslot::process::detail
