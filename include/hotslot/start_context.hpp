// What a caller hands to the start that it causes.
#ifndef HOTSLOT_START_CONTEXT_HPP
#define HOTSLOT_START_CONTEXT_HPP

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>

#include <any>
#include <concepts>
#include <type_traits>
#include <utility>

namespace hotslot {

/// A value of any type, or none: a trace, a tenant, whatever the factory of a worker can make use of. See
/// `basic_slot_queue::acquire`.
///
/// Which start is whose: the starts under way are for those who have waited longest, in their order, and the
/// next start gets the context of the first caller beyond them. One that is not for a caller, but for a
/// minimum of idle workers or a policy, gets none. A caller may be served by another worker, and leave the
/// one that was started with its context to the next.
///
/// Cheap to copy. Thread safety: copies share one value, which is constant.
class start_context {
 public:
  start_context() = default;
  /// Of the type of the value as it is: a string literal is a `const char*`. Throws `bad_alloc`, and what
  /// moving the value throws. A value that can only be moved goes by
  /// `shared_ptr`.
  template <class T>
  requires(!std::same_as<std::remove_cvref_t<T>, start_context> &&
           std::copy_constructible<std::decay_t<T>>) explicit start_context(T&& value)
    : value_(new holder(std::any(std::forward<T>(value)))) {}

  /// Whether there is a value.
  explicit operator bool() const noexcept { return value_ != nullptr; }

  /// Null where there is none, or of another type.
  template <class T>
  const T* get() const noexcept {
    return value_ ? std::any_cast<T>(&value_->value) : nullptr;
  }

 private:
  struct holder : boost::intrusive_ref_counter<holder> {
    explicit holder(std::any v)
      : value(std::move(v)) {}
    const std::any value;
  };

  boost::intrusive_ptr<const holder> value_;
};

} // namespace hotslot

#endif
