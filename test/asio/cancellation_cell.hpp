// One cell of the cancellation table: brings an operation into a phase, ends it, and checks what is left.
#ifndef HOTSLOT_TEST_ASIO_CANCELLATION_CELL_HPP
#define HOTSLOT_TEST_ASIO_CANCELLATION_CELL_HPP

#include "cancellation_call.hpp"
#include "catch.hpp"

#include <array>
#include <atomic>
#include <memory>
#include <vector>

namespace cancellation {

using hotslot::errc;
using hotslot::slot_fate;

inline constexpr auto no_deadline = queue::time_point::max();

// Slots with their tokens and ends.
struct made_slot {
  std::shared_ptr<std::atomic<int>> closed;
  queue::token_type token;
};

class cell {
 public:
  cell(const row& r, operation o, phase p, executor_kind k, asio::cancellation_type t, bool other)
    : row_(r)
    , operation_(o)
    , phase_(p)
    , type_(t)
    , has_other_(other)
    , at_(k)
    , queue_(at_.queue_executor()) {}

  void check() {
    if (slots.has(operation_))
      reach_with_slots();
    else if (watches.has(operation_))
      reach_with_a_watch();
    else
      reach_with_a_drain();
    if (row_.outcome != caller::waits_on)
      call_.run_until_ended();
    at_.flush();
    check_caller();
    check_queue();
    finish();
  }

 private:
  // How the phases are reached

  void reach_with_slots() {
    switch (phase_) {
    case phase::before:
      return at_.run([&] {
        make_slot();
        make_slot();
        cause_it_early();
        start();
      });
    case phase::waiting:
      at_.run([&] {
        start();
        start_other(operation::acquire);
      });
      return at_.run([&] { cause_it(); });
    case phase::granted:
      return at_.run([&] {
        start();
        start_other(operation::acquire);
        make_slot();
        if (!has_other_)
          make_slot();
        cause_it();
      });
    case phase::delivered:
      at_.run([&] {
        start();
        make_slot();
      });
      call_.run_until_ended();
      return at_.run([&] {
        start_other(operation::acquire);
        cause_it();
      });
    }
  }

  void reach_with_a_watch() {
    auto event = [&] {
      if (operation_ == operation::wait)
        held_ = queue_.try_acquire();
      else
        made_[0].token.eject();
    };
    at_.run([&] { make_slot(); });
    reach_with(event);
  }

  void reach_with_a_drain() {
    reach_with([&] { queue_.close(); });
  }

  template <class Event>
  void reach_with(Event event) {
    switch (phase_) {
    case phase::before:
      return at_.run([&] {
        start_other(operation_);
        cause_it_early();
        start();
      });
    case phase::waiting:
      at_.run([&] {
        start();
        start_other(operation_);
      });
      return at_.run([&] { cause_it(); });
    case phase::granted:
      return at_.run([&] {
        start();
        start_other(operation_);
        event();
        cause_it();
      });
    case phase::delivered:
      at_.run([&] {
        start();
        event();
      });
      call_.run_until_ended();
      return at_.run([&] { cause_it(); });
    }
  }

  void make_slot() {
    test_slot s(static_cast<int>(made_.size()));
    auto closed = s.closed;
    while (queue::clock_type::now() == made_at_) // so that ages differ
      ;
    made_.push_back({std::move(closed), queue_.queue_slot(std::move(s))});
    made_at_ = queue::clock_type::now();
    if (made_.size() == 1)
      first_made_at_ = made_at_;
  }

  void start() {
    const auto deadline = row_.by == cause::deadline ? queue::clock_type::now() : no_deadline;
    call_.start(operation_, deadline, watches.has(operation_) ? made_[0].token : queue::token_type());
  }
  void start_other(operation o) {
    if (has_other_)
      other_.start(o, no_deadline, watches.has(o) ? made_[0].token : queue::token_type());
  }

  void cause_it_early() {
    if (row_.by == cause::signal || row_.by == cause::none_signal)
      call_.emit_early(type_);
    else {
      call_.emit_early(asio::cancellation_type::none);
      cause_it();
    }
  }

  void cause_it() {
    switch (row_.by) {
    case cause::signal:
    case cause::none_signal:
      return call_.emit(type_);
    case cause::queue_cancel:
      return queue_.cancel();
    case cause::dequeuer_cancel:
      return call_.cancel_dequeuer();
    case cause::queue_close:
      return queue_.close();
    case cause::deadline:
      return; // has come already
    }
  }

  // What has to be there then

  void check_caller() {
    const ending& out = call_.out;
    CHECK(out.times == (row_.outcome == caller::waits_on ? 0 : 1));
    CHECK_FALSE(out.was_inline);
    CHECK_FALSE(out.was_elsewhere);
    CHECK(out.ec == expected_error());
    const bool wanted = row_.outcome == caller::wanted;
    CHECK(static_cast<bool>(out.got) == (wanted && acquisitions.has(operation_)));
    CHECK(static_cast<bool>(out.offered) == (wanted && next.has(operation_)));
    if (wanted && watches.has(operation_))
      CHECK(out.fate == expected_fate());
  }

  error_code expected_error() const {
    switch (row_.outcome) {
    case caller::aborted:
      return asio::error::operation_aborted;
    case caller::queue_closed:
      return errc::queue_closed;
    case caller::deadline_exceeded:
      return errc::deadline_exceeded;
    case caller::empty_offer:
    case caller::wanted:
    case caller::waits_on:
      return {};
    }
    return {};
  }

  slot_fate expected_fate() const {
    if (!is_past())
      return slot_fate::closed;
    return operation_ == operation::wait ? slot_fate::acquired : slot_fate::ejected;
  }

  // Whether the event came before its cause.
  bool is_past() const { return phase_ == phase::granted || phase_ == phase::delivered; }

  void check_queue() {
    CHECK(queue_.is_open() ==
          (row_.left != aftermath::closed && !(operation_ == operation::drain && is_past())));
    switch (row_.left) {
    case aftermath::never_there:
      return check_never_there();
    case aftermath::passed_on:
      return check_passed_on();
    case aftermath::taken:
      return check_taken();
    case aftermath::closed:
      return check_closed();
    case aftermath::unaffected:
      return check_unaffected();
    }
  }

  void check_never_there() {
    if (phase_ == phase::before)
      return check_places();
    const bool waits = has_other_ && row_.by != cause::queue_cancel;
    CHECK(counts() == std::array{0, 0, waits ? 1 : 0});
    at_.run([&] { make_slot(); });
    CHECK(counts() == (waits ? std::array{0, 1, 0} : std::array{1, 0, 0}));
    CHECK(static_cast<bool>(other_.out.got) == waits);
  }

  void check_passed_on() {
    if (!has_other_)
      return check_places();
    CHECK(counts() == std::array{0, 1, 0});
    CHECK(other_.out.got);
  }

  void check_taken() {
    const bool waits = has_other_ && row_.by != cause::queue_cancel;
    CHECK(counts() == std::array{static_cast<int>(made_.size()) - 1, 1, waits ? 1 : 0});
    if (call_.out.offered)
      call_.out.got = call_.out.offered.acquire();
    REQUIRE(call_.out.got);
    // Not looked at by `get`, after which it would have to be released.
    CHECK_FALSE(made_[phase_ == phase::before ? 1 : 0].token.eject());
    call_.out.got.release();
    at_.flush();
    CHECK(static_cast<bool>(other_.out.got) == waits);
  }

  void check_closed() {
    CHECK(counts()[0] == 0);
    CHECK(counts()[2] == 0);
    const bool held = held_ || call_.out.got || call_.out.offered;
    CHECK(closed() == static_cast<int>(made_.size()) - held);
    CHECK_FALSE(call_.out.offered.acquire());
    held_ = {};
    call_.out.got.release();
    at_.flush();
    CHECK(closed() == static_cast<int>(made_.size()));
    if (slots.has(operation_) && has_other_)
      CHECK(other_.out.ec == errc::queue_closed);
  }

  void check_unaffected() {
    if (slots.has(operation_)) {
      CHECK(counts() == std::array{0, 0, 1 + has_other_});
      at_.run([&] { make_slot(); });
      CHECK(counts() == std::array{0, 1, 0 + has_other_});
      CHECK(call_.out.times == 1);
    } else if (is_past()) {
      CHECK(closed() == (operation_ == operation::wait_closed ? 1 : 0));
    } else {
      CHECK(other_.out.times == 0);
      CHECK(counts() == std::array{watches.has(operation_) ? 1 : 0, 0, 0});
      if (watches.has(operation_))
        CHECK(made_[0].token.eject());
      else
        queue_.close();
    }
  }

  // Both slots idle: the first one has its old age and id, and the second one is the first to go.
  void check_places() {
    REQUIRE(counts() == std::array{2, 0, 0});
    {
      const lease newest = queue_.try_acquire();
      CHECK(newest);
      CHECK_FALSE(made_[1].token.eject());
    }
    bool has_new_id = false;
    made_[0].token.async_wait([&](error_code, slot_fate) { has_new_id = true; });
    at_.flush();
    CHECK_FALSE(has_new_id);
    queue_.eject_idle(first_made_at_);
    at_.flush();
    CHECK(*made_[0].closed == 1);
    CHECK(*made_[1].closed == 0);
  }

  // Idle, busy, waiting.
  std::array<int, 3> counts() const {
    const auto s = queue_.snapshot();
    CHECK(s.count(hotslot::queue_state::runner) == s.busy);
    return {static_cast<int>(s.idle), static_cast<int>(s.busy),
            static_cast<int>(s.count(hotslot::queue_state::waiter))};
  }
  int closed() const {
    int n = 0;
    for (const made_slot& s : made_) {
      CHECK(*s.closed <= 1);
      n += *s.closed;
    }
    return n;
  }

  // Whatever happened, no slot is lost, nobody is forgotten and nothing comes twice.
  void finish() {
    for (int both = 0; both != 2; ++both) // one may have waited for the other's slot
      at_.run([&] {                       // where its handler cannot write what is read here
        call_.out.offered = {};
        for (lease* l : {&held_, &call_.out.got, &other_.out.got})
          l->release();
      });
    CHECK(queue_.is_idle());
    CHECK(counts()[0] + closed() == static_cast<int>(made_.size()));
    queue_.close();
    at_.flush();
    CHECK(closed() == static_cast<int>(made_.size()));
    CHECK(call_.out.times == 1);
    CHECK(other_.out.times == has_other_);
    CHECK_FALSE(other_.out.was_inline);
  }

  const row& row_;
  operation operation_;
  phase phase_;
  asio::cancellation_type type_;
  bool has_other_;
  place at_;
  queue queue_;
  std::vector<made_slot> made_;
  queue::time_point made_at_{};
  queue::time_point first_made_at_{};
  lease held_;
  call call_{at_, queue_};
  call other_{at_, queue_};
};

} // namespace cancellation

#endif
