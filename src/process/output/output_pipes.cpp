#include "output_pipes.hpp"

#include <boost/asio/buffer.hpp>

#include <poll.h>
#include <sys/ioctl.h>

namespace hotslot::process::detail {

using boost::system::error_code;

void output_pipes::assign(std::size_t which, base::unique_fd fd) {
  pipes_[which].assign(fd.get());
  fd.release();
  pipes_[which].non_blocking(true);
}

std::size_t output_pipes::read_some(std::size_t which, std::span<char> to, error_code& ec) {
  const std::lock_guard lock(mutex_);
  const std::size_t n = pipes_[which].read_some(boost::asio::buffer(to.data(), to.size()), ec);
  read_[which] += n;
  return n;
}

output_pipes::sight output_pipes::look(int other) noexcept {
  const std::lock_guard lock(mutex_);
  sight all{.written = read_};
  std::array<pollfd, count + 1> watched{};
  for (std::size_t i = 0; i < count; ++i)
    watched[i] = {.fd = pipes_[i].is_open() ? pipes_[i].native_handle() : -1, .events = POLLIN, .revents = 0};
  watched[count] = {.fd = other, .events = POLLIN, .revents = 0};
  if (::poll(watched.data(), watched.size(), 0) <= 0)
    return all;
  all.readable = watched[count].revents != 0;
  for (std::size_t i = 0; i < count; ++i) {
    int bytes = 0;
    if ((watched[i].revents & POLLIN) != 0 && ::ioctl(watched[i].fd, FIONREAD, &bytes) == 0)
      all.written[i] += static_cast<std::uint64_t>(bytes);
  }
  return all;
}

void output_pipes::cancel() noexcept {
  error_code ignored;
  for (auto& p : pipes_)
    p.cancel(ignored);
}

void output_pipes::close(std::size_t which) noexcept {
  const std::lock_guard lock(mutex_);
  error_code ignored;
  pipes_[which].close(ignored);
}

} // namespace hotslot::process::detail
