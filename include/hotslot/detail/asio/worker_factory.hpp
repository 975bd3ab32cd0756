// The ways to make a worker.
#pragma once

#include <hotslot/slot.hpp>
#include <hotslot/start_context.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <concepts>
#include <type_traits>
#include <utility>

namespace hotslot {

namespace asio = boost::asio;

namespace detail {

template <class F, class Slot, class Executor, class... Args>
concept awaited_factory = std::is_invocable_r_v<asio::awaitable<Slot, Executor>, F&, Args...>;
template <class F, class Slot, class... Args>
concept plain_factory = std::is_invocable_r_v<Slot, F&, Args...>;
template <class F, class Slot, class Executor, class... Args>
concept initiating_factory =
    std::is_invocable_r_v<asio::awaitable<Slot, Executor>, F&, Args..., asio::use_awaitable_t<Executor>>;

template <class F, class Slot, class Executor, class... Args>
concept makes_workers = awaited_factory<F, Slot, Executor, Args...> || plain_factory<F, Slot, Args...> ||
    initiating_factory<F, Slot, Executor, Args...>;

/// The factory as one that is awaited and takes `Args`.
template <class Slot, class Executor, class... Args, class F>
auto to_awaited_with(F f) {
  if constexpr (awaited_factory<F, Slot, Executor, Args...>)
    return f;
  else if constexpr (plain_factory<F, Slot, Args...>)
    return
        [f = std::move(f)](Args... args) mutable -> asio::awaitable<Slot, Executor> { co_return f(args...); };
  else
    return [f = std::move(f)](Args... args) mutable { return f(args..., asio::use_awaitable_t<Executor>()); };
}

/// The factory as one that is awaited and takes a context.
template <class Slot, class Executor, class F>
auto to_awaited(F f) {
  // In this order: to ask an operation whether it takes a context would have its token be one.
  if constexpr (makes_workers<F, Slot, Executor>)
    return [f = to_awaited_with<Slot, Executor>(std::move(f))](const start_context&) mutable { return f(); };
  else
    return to_awaited_with<Slot, Executor, const start_context&>(std::move(f));
}

} // namespace detail

/// What makes workers: a function that returns an awaitable of a slot, as a coroutine does; or a slot; or an
/// asynchronous operation of Asio's kind, which takes a completion token and completes with an error and a
/// slot, `void(error_code, Slot)` or `void(std::exception_ptr, Slot)`. Any of them may take a
/// `const start_context&` before that, which lives until the worker is made; one that can
/// do without is not given it.
template <class F, class Slot, class Executor>
concept worker_factory = slot<Slot> && std::move_constructible<F> &&
    (detail::makes_workers<F, Slot, Executor> ||
     detail::makes_workers<F, Slot, Executor, const start_context&>);

/// The same with a worker's key as its first argument; it is called as a constant, by several threads at
/// once.
template <class F, class Key, class Slot, class Executor>
concept key_worker_factory = slot<Slot> && std::copy_constructible<F> &&
    (detail::makes_workers<const F, Slot, Executor, const Key&> ||
     detail::makes_workers<const F, Slot, Executor, const Key&, const start_context&>);

/// A slot that knows when its worker has ended. `wait_gone()` is called once, before the slot is queued; it
/// completes when the worker has ended, for whatever reason, and nothing is left of it. It does not depend on
/// the slot's life, and where it throws the worker is taken to have ended.
template <class Slot, class Executor>
concept watched_slot = slot<Slot> && requires(Slot& s) {
  { s.wait_gone() } -> std::same_as<asio::awaitable<void, Executor>>;
};

} // namespace hotslot
