// What a manager may know slot queues by.
#ifndef HOTSLOT_QUEUE_KEY_HPP
#define HOTSLOT_QUEUE_KEY_HPP

#include <concepts>
#include <cstddef>
#include <functional>

namespace hotslot {

/// Any value that can be copied, compared and hashed by `std::hash`. A hash that says that it is
/// `is_avalanching` is not mixed any further.
template <class T>
concept queue_key = std::copyable<T> && std::equality_comparable<T> && requires(const T& key) {
  { std::hash<T>()(key) } -> std::convertible_to<std::size_t>;
};

} // namespace hotslot

#endif
