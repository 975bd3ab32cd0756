#include "catch.hpp"

#include "checker.hpp"

#include <boost/asio/error.hpp>

using namespace hotslot;
using namespace hotslot::stress;
using kind = queue_event_kind;
using Catch::Matchers::ContainsSubstring;

namespace {

queue_event slot_event(kind k, std::uint64_t worker, std::uint64_t offer, std::uint64_t wait = 0) {
  return {.kind = k, .worker = worker, .offer = offer, .wait = wait};
}
queue_event slot_event(kind k, std::uint64_t worker) { return slot_event(k, worker, worker); }
queue_event wait_event(kind k, std::uint64_t wait, error_code why = {}) {
  return {.kind = k, .wait = wait, .error = why};
}
queue_event closed_event(std::uint64_t worker, eject_reason why = eject_reason::requested) {
  return {.kind = kind::slot_closed, .reason = why, .worker = worker, .offer = worker};
}

/// A history as it is told, of operations that do not overlap but where the test says so.
struct script {
  history h;
  stamp now = 0;

  void section(stamp by, std::initializer_list<queue_event> events) {
    const stamp locked = ++now;
    for (const queue_event& e : events)
      h.events.push_back({++now, locked, by, e});
  }

  operation& call_with(operation o, std::initializer_list<queue_event> events) {
    o.begun = ++now;
    section(o.begun, events);
    o.ended = ++now;
    h.operations.push_back(o);
    return h.operations.back();
  }

  stamp queue(std::uint64_t worker) {
    return call_with({.what = call::queue_slot, .offer = worker},
                     {slot_event(kind::slot_queued, worker), slot_event(kind::slot_idle, worker)})
        .begun;
  }
  operation& take(std::uint64_t worker, stamp slot) {
    return call_with({.what = call::try_acquire, .slot = slot, .got = true},
                     {slot_event(kind::slot_acquired, worker)});
  }
  operation& eject(std::uint64_t worker, stamp slot) {
    auto& o = call_with({.what = call::eject, .offer = worker, .got = true}, {closed_event(worker)});
    h.closings.push_back({slot, ++now});
    return o;
  }
  /// `o` waits; its completion is for the test to tell.
  operation wait(std::uint64_t id) {
    operation o{.what = call::async_acquire, .begun = ++now};
    h.started.push_back(o.begun);
    section(o.begun, {wait_event(kind::wait_begun, id)});
    return o;
  }
  void end(operation o) {
    o.ended = ++now;
    h.operations.push_back(o);
  }
  void put_back(std::uint64_t worker, stamp of) {
    call_with({.what = call::put_back, .of = of},
              {slot_event(kind::slot_put_back, worker), slot_event(kind::slot_idle, worker)});
  }
  void close() { call_with({.what = call::close}, {{.kind = kind::queue_closed}}); }

  void is_right() const { CHECK(check(h) == ""); }
  void is_wrong(const char* why) const { CHECK_THAT(check(h), ContainsSubstring(why)); }
};

/// A wait whose slot is queued later, and what is done with it.
struct served_wait : script {
  served_wait() {
    o = wait(1);
    slot = call_with({.what = call::queue_slot, .offer = 0},
                     {slot_event(kind::slot_queued, 0), slot_event(kind::slot_granted, 0, 0, 1)})
               .begun;
    section(0, {slot_event(kind::slot_acquired, 0, 0, 1)});
    o.got = true;
    o.slot = slot;
  }
  void end_right() {
    end(o);
    put_back(0, o.begun);
    eject(0, slot);
    close();
  }
  operation o;
  stamp slot;
};

} // namespace

TEST_CASE("a right history is right", "[checker]") {
  script s;
  const auto a = s.queue(0), b = s.queue(1);
  const auto lease = s.take(1, b).begun;
  s.put_back(1, lease);
  s.call_with({.what = call::snapshot, .seen = {.idle = 2, .acquired = 1}}, {});
  s.eject(0, a);
  s.eject(1, b);
  s.call_with({.what = call::try_acquire}, {});
  s.close();
  s.is_right();
  served_wait w;
  w.end_right();
  w.is_right();
}

TEST_CASE("the oldest idle slot is not the one to take", "[checker]") {
  script s;
  const auto a = s.queue(0);
  s.queue(1);
  s.take(0, a);
  s.is_wrong("not the newest idle slot");
}

TEST_CASE("a newer caller is not served first", "[checker]") {
  script s;
  s.wait(1);
  s.wait(2);
  s.call_with({.what = call::queue_slot},
              {slot_event(kind::slot_queued, 0), slot_event(kind::slot_granted, 0, 0, 2)});
  s.is_wrong("another than the longest waiting");
}

TEST_CASE("a caller that lost its slot waits in its old place", "[checker]") {
  script s;
  s.wait(1);
  s.call_with({.what = call::queue_slot},
              {slot_event(kind::slot_queued, 0), slot_event(kind::slot_granted, 0, 0, 1)});
  s.wait(2);
  s.section(0, {wait_event(kind::wait_resumed, 1), closed_event(0)});
  s.call_with({.what = call::queue_slot},
              {slot_event(kind::slot_queued, 1), slot_event(kind::slot_granted, 1, 1, 2)});
  s.is_wrong("another than the longest waiting");
}

TEST_CASE("a slot is not given twice", "[checker]") {
  script s;
  const auto a = s.queue(0);
  s.take(0, a);
  SECTION("by the queue's own account") {
    s.take(0, a);
    s.is_wrong("somebody has it");
  }
  SECTION("behind its back") {
    s.call_with({.what = call::try_acquire, .slot = a, .got = true}, {});
    s.put_back(0, s.h.operations[1].begun);
    s.eject(0, a);
    s.close();
    s.is_wrong("the result is not what happened");
  }
}

TEST_CASE("a slot is not lost", "[checker]") {
  script s;
  const auto a = s.queue(0);
  const auto lease = s.take(0, a).begun;
  SECTION("on its way back") {
    s.call_with({.what = call::release, .of = lease}, {slot_event(kind::slot_released, 0, 1)});
    s.is_wrong("a slot is nowhere");
  }
  SECTION("for good") {
    s.put_back(0, lease);
    s.is_wrong("never closed");
  }
  SECTION("without having been closed") {
    s.put_back(0, lease);
    s.eject(0, a);
    s.h.closings.clear();
    s.close();
    s.is_wrong("close() of a slot was never called");
  }
}

TEST_CASE("a slot is closed once", "[checker]") {
  script s;
  s.eject(0, s.queue(0));
  s.close();
  s.is_right();
  s.h.closings.push_back(s.h.closings.front());
  s.is_wrong("closed twice");
}

TEST_CASE("an operation takes effect between its invocation and its response", "[checker]") {
  SECTION("acquired before") {
    script s;
    const auto a = s.queue(0);
    auto& o = s.take(0, a);
    o.begun += 2;
    s.h.events.back().by = o.begun;
    const auto lease = o.begun;
    s.put_back(0, lease);
    s.eject(0, a);
    s.close();
    s.is_wrong("not within its operation");
  }
  SECTION("delivered after") {
    served_wait s;
    s.o.ended = s.h.events.back().at - 2;
    s.h.operations.push_back(s.o);
    s.put_back(0, s.o.begun);
    s.eject(0, s.slot);
    s.close();
    s.is_wrong("does not lie within the operation");
  }
}

TEST_CASE("an operation tells what happened", "[checker]") {
  served_wait s;
  SECTION("not an error") {
    s.o.got = false;
    s.o.error = boost::asio::error::operation_aborted;
    s.end_right();
    s.is_wrong("the result is not what happened");
  }
  SECTION("nor twice") {
    s.end(s.o);
    s.end_right();
    s.is_wrong("completed twice");
  }
  SECTION("nor never") {
    s.end_right();
    s.h.started.push_back(++s.now);
    s.is_wrong("never completed");
  }
}

TEST_CASE("an operation gets the slot that was taken for it", "[checker]") {
  script s;
  const auto a = s.queue(0), b = s.queue(1);
  s.put_back(1, s.take(1, a).begun);
  s.eject(0, a);
  s.eject(1, b);
  s.close();
  s.is_wrong("another slot was acquired");
}

TEST_CASE("what was there all the time is found", "[checker]") {
  script s;
  const auto a = s.queue(0);
  SECTION("by a caller") { s.call_with({.what = call::try_acquire}, {}); }
  SECTION("by an ejection") { s.call_with({.what = call::eject, .offer = 0}, {}); }
  s.eject(0, a);
  s.close();
  s.is_wrong("all the time");
}

TEST_CASE("a snapshot is of one moment", "[checker]") {
  script s;
  const auto a = s.queue(0);
  s.call_with({.what = call::snapshot, .seen = {.idle = 1, .waiting = 1}}, {});
  s.eject(0, a);
  s.close();
  s.is_wrong("a snapshot of no moment");
}

TEST_CASE("an ejected offer is not acquired", "[checker]") {
  script s;
  const auto a = s.queue(0);
  s.eject(0, a);
  s.take(0, a);
  s.is_wrong("an event of a closed slot");
}

TEST_CASE("an acquired offer is not ejected", "[checker]") {
  script s;
  const auto a = s.queue(0);
  s.take(0, a);
  s.eject(0, a);
  s.is_wrong("closed under its caller");
}

TEST_CASE("nothing is given after close", "[checker]") {
  script s;
  SECTION("to a caller that waits") {
    s.wait(1);
    s.call_with({.what = call::close},
                {{.kind = kind::queue_closed}, wait_event(kind::wait_ended, 1, errc::queue_closed)});
    s.wait(2);
  }
  SECTION("to a new one") { s.close(); }
  s.call_with({.what = call::queue_slot},
              {slot_event(kind::slot_queued, 0), slot_event(kind::slot_granted, 0, 0, 2)});
  CHECK_THAT(check(s.h), ContainsSubstring("after close") || ContainsSubstring("left in a closed queue"));
}

TEST_CASE("an idle slot and a waiting caller do not stay", "[checker]") {
  script s;
  s.queue(0);
  s.wait(1);
  s.is_wrong("an idle slot and a waiting caller");
}

TEST_CASE("critical sections do not overlap", "[checker]") {
  script s;
  s.queue(0);
  s.queue(1);
  auto& events = s.h.events;
  SECTION("one within another") {
    events[2].section = events[3].section = events[1].at - 1;
    s.is_wrong("two threads held the lock");
  }
  SECTION("nor is there an event without one") {
    events[2].section = events[3].section = 0;
    s.is_wrong("no lock was held");
  }
}
