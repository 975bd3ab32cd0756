#include <hotslot/process/fleet.hpp>

namespace hotslot::process {

boost::asio::awaitable<void> fleet::async_join() {
  {
    const std::lock_guard lock(mutex_);
    joining_ = true;
    if (members_ == 0)
      empty_.set();
  }
  co_await empty_.wait();
}

fleet::membership::membership(fleet& of)
  : of_(of) {
  const std::lock_guard lock(of_.mutex_);
  ++of_.members_;
}

fleet::membership::~membership() {
  const std::lock_guard lock(of_.mutex_);
  if (--of_.members_ == 0 && of_.joining_)
    of_.empty_.set();
}

} // namespace hotslot::process
