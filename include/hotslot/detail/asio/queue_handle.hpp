// What keeps a queue open.
#pragma once

#include <cassert>
#include <utility>

namespace hotslot::detail {

/// A counted handle.
template <class Impl>
class queue_handle {
 public:
  queue_handle() = default;
  explicit queue_handle(Impl* impl) noexcept
    : impl_(impl) {
    if (impl_)
      impl_->add_handle();
  }
  queue_handle(const queue_handle& other) noexcept
    : queue_handle(other.impl_) {}
  queue_handle(queue_handle&& other) noexcept
    : impl_(std::exchange(other.impl_, nullptr)) {}
  queue_handle& operator=(queue_handle other) noexcept {
    std::swap(impl_, other.impl_);
    return *this;
  }
  ~queue_handle() {
    if (impl_)
      impl_->drop_handle();
  }

  Impl* get() const noexcept { return impl_; }
  /// Precondition: there is a queue. Told so, g++ 12 does not warn of accesses to address 0.
  Impl* operator->() const noexcept {
    assert(impl_);
    if (!impl_)
      __builtin_unreachable();
    return impl_;
  }

 private:
  Impl* impl_ = nullptr;
};

} // namespace hotslot::detail
