// The ways to make a worker.
#pragma once

#include <hotslot/slot.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <concepts>
#include <type_traits>
#include <utility>

namespace hotslot {

namespace asio = boost::asio;

namespace detail {

template <class F, class Slot, class Executor>
concept awaited_factory = std::is_invocable_r_v<asio::awaitable<Slot, Executor>, F&>;
template <class F, class Slot>
concept plain_factory = std::is_invocable_r_v<Slot, F&>;
template <class F, class Slot, class Executor>
concept initiating_factory =
    std::is_invocable_r_v<asio::awaitable<Slot, Executor>, F&, asio::use_awaitable_t<Executor>>;

/// The factory as one that is awaited.
template <class Slot, class Executor, class F>
auto to_awaited(F f) {
  if constexpr (awaited_factory<F, Slot, Executor>)
    return f;
  else if constexpr (plain_factory<F, Slot>)
    return [f = std::move(f)]() mutable -> asio::awaitable<Slot, Executor> { co_return f(); };
  else
    return [f = std::move(f)]() mutable { return f(asio::use_awaitable_t<Executor>()); };
}

} // namespace detail

/// What makes workers: a function that returns an awaitable of a slot, as a coroutine does; or a slot; or an
/// asynchronous operation of Asio's kind, which takes a completion token and completes with an error and a
/// slot, `void(error_code, Slot)` or `void(std::exception_ptr, Slot)`.
template <class F, class Slot, class Executor>
concept worker_factory = slot<Slot> && std::move_constructible<F> &&
    (detail::awaited_factory<F, Slot, Executor> || detail::plain_factory<F, Slot> ||
     detail::initiating_factory<F, Slot, Executor>);

/// The same with a worker's key as its first argument; it is called as a constant, by several threads at
/// once.
template <class F, class Key, class Slot, class Executor>
concept key_worker_factory = slot<Slot> && std::copy_constructible<F> &&
    (std::is_invocable_r_v<asio::awaitable<Slot, Executor>, const F&, const Key&> ||
     std::is_invocable_r_v<Slot, const F&, const Key&> ||
     std::is_invocable_r_v<asio::awaitable<Slot, Executor>, const F&, const Key&,
                           asio::use_awaitable_t<Executor>>);

/// A slot that knows when its worker has ended. `wait_gone()` is called once, before the slot is queued; it
/// completes when the worker has ended, for whatever reason, and nothing is left of it. It does not depend on
/// the slot's life, and where it throws the worker is taken to have ended.
template <class Slot, class Executor>
concept watched_slot = slot<Slot> && requires(Slot& s) {
  { s.wait_gone() } -> std::same_as<asio::awaitable<void, Executor>>;
};

} // namespace hotslot
