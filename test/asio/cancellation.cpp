// The cancellation contract, cell by cell: operation x phase x cause, on every kind of executor.
#include "cancellation_cell.hpp"
#include "catch.hpp"

#include <algorithm>
#include <array>
#include <iostream>

namespace cancellation {
namespace {

constexpr std::array signals{asio::cancellation_type::terminal, asio::cancellation_type::partial,
                             asio::cancellation_type::total};
constexpr std::array no_signals{asio::cancellation_type::none};

// Whether another one can wait behind.
bool has_room_for_another(operation o, phase p) {
  return slots.has(o) ? p != phase::before : p != phase::delivered;
}

template <std::size_t N>
int check_cells(const row& r, operation o, phase p, const std::array<asio::cancellation_type, N>& types) {
  int cells = 0;
  for (executor_kind k : executor_kinds)
    for (asio::cancellation_type t : types)
      for (bool other : {false, true}) {
        if (other && !has_room_for_another(o, p))
          continue;
        INFO(text(o) << ", " << text(p) << ", " << text(r.by) << ", executor " << static_cast<int>(k)
                     << ", type " << static_cast<unsigned>(t) << ", another one: " << other);
        cell(r, o, p, k, t, other).check();
        ++cells;
      }
  return cells;
}

int check_operation(operation o) {
  int cells = 0;
  for (const row& r : rows)
    for (phase p : phases)
      if (r.is_for(o, p, r.by))
        cells += r.by == cause::signal ? check_cells(r, o, p, signals) : check_cells(r, o, p, no_signals);
  return cells;
}

} // namespace

TEST_CASE("the cancellation table says one thing of every operation and phase", "[cancellation]") {
  for (operation o : operations)
    for (phase p : phases)
      for (cause c : causes) {
        INFO(text(o) << ", " << text(p) << ", " << text(c));
        const auto n =
            std::count_if(rows.begin(), rows.end(), [&](const row& r) { return r.is_for(o, p, c); });
        if (c == cause::dequeuer_cancel)
          CHECK(n == next.has(o));
        else if (c == cause::deadline)
          CHECK(n == (acquisitions.has(o) || drain.has(o)));
        else
          CHECK(n == 1);
      }
}

TEST_CASE("cancellation: async_acquire", "[cancellation]") {
  CHECK(check_operation(operation::acquire) == 147);
}
TEST_CASE("cancellation: a ticket's async_acquire", "[cancellation]") {
  CHECK(check_operation(operation::ticket_acquire) == 147);
}
TEST_CASE("cancellation: acquire()", "[cancellation]") {
  CHECK(check_operation(operation::acquire_awaitable) == 147);
}
TEST_CASE("cancellation: a dequeuer's next()", "[cancellation]") {
  CHECK(check_operation(operation::next) == 147);
}
TEST_CASE("cancellation: a token's async_wait", "[cancellation]") {
  CHECK(check_operation(operation::wait) == 126);
}
TEST_CASE("cancellation: a token's async_wait_closed", "[cancellation]") {
  CHECK(check_operation(operation::wait_closed) == 126);
}
TEST_CASE("cancellation: async_drain", "[cancellation]") { CHECK(check_operation(operation::drain) == 147); }

// test/contract_table.py compares this with docs/contract.md.
TEST_CASE("print the cancellation table", "[.table]") {
  for (const row& r : rows)
    std::cout << markdown(r) << '\n';
}

} // namespace cancellation
