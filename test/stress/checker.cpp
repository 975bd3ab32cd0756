#include "checker.hpp"
#include "sequential_queue.hpp"
#include "timeline.hpp"

#include <boost/asio/error.hpp>

#include <map>
#include <set>
#include <span>
#include <sstream>

namespace hotslot::stress {

namespace {

using kind = queue_event_kind;
using worker_state = sequential_queue::worker;
namespace error = boost::asio::error;

std::string describe(const char* what, const witness& w) {
  std::ostringstream text;
  text << what << " (event " << static_cast<int>(w.event.kind) << " at " << w.at << " by " << w.by
       << ", worker " << w.event.worker << ", offer " << w.event.offer << ", wait " << w.event.wait << ')';
  return text.str();
}

void expect(bool right, const char* what, const witness& w) {
  if (!right)
    throw wrong(describe(what, w));
}

void expect(bool right, const char* what, const operation& o) {
  if (right)
    return;
  std::ostringstream text;
  text << what << " (operation " << static_cast<int>(o.what) << ", " << o.begun << " to " << o.ended << ')';
  throw wrong(text.str());
}

bool is_closed(const rest_state& s) { return s.closed; }

bool within(const operation& o, stamp at) { return o.begun < at && at < o.ended; }

class checker {
 public:
  explicit checker(history h)
    : history_(std::move(h)) {
    sort(history_);
  }

  void run() {
    replay();
    index_operations();
    for (const witness& w : history_.events)
      check_event(w);
    for (const operation& o : history_.operations)
      check_operation(o);
    check_started();
    check_closings();
  }

 private:
  using events = std::vector<const witness*>;

  // The events, one critical section after the other.

  void replay() {
    const std::span all(history_.events);
    for (std::size_t first = 0; first < all.size();) {
      std::size_t last = first;
      while (last + 1 < all.size() && all[last + 1].section == all[first].section)
        ++last;
      replay_section(all.subspan(first, last + 1 - first));
      first = last + 1;
    }
    queue_.check_end();
  }

  void replay_section(std::span<const witness> section) {
    const witness& first = section.front();
    const witness& last = section.back();
    expect(first.section != 0, "an event that no lock was held for", first);
    expect(last_event_ < first.section && first.section < first.at, "two threads held the lock", first);
    last_event_ = last.at;
    for (const witness& w : section)
      replay_event(w);
    try {
      queue_.check_rest();
    } catch (const wrong& e) {
      throw wrong(describe(e.what(), last));
    }
    states_.add(first.at, last.at, queue_.state());
    for (const witness& w : section)
      if (names_worker(w.event))
        workers_[w.event.worker].add(first.at, last.at, queue_.at(w.event.worker));
  }

  void replay_event(const witness& w) {
    try {
      queue_.apply(w.event);
    } catch (const wrong& e) {
      throw wrong(describe(e.what(), w));
    }
    by_[w.by].push_back(&w);
    if (w.event.wait != 0)
      of_wait_[w.event.wait].push_back(&w);
    if (names_worker(w.event))
      worker_of_offer_[w.event.offer] = w.event.worker;
    if (w.event.kind == kind::slot_offered)
      offerings_[w.event.offer].push_back(&w);
    if (w.event.kind == kind::slot_closed)
      closed_at_[w.event.worker] = w.at;
  }

  static bool names_worker(const queue_event& e) {
    return e.kind <= kind::slot_closed; // the kinds that are about slots come first
  }

  // The operations

  void index_operations() {
    for (const operation& o : history_.operations) {
      expect(calls_.emplace(o.begun, &o).second, "completed twice", o);
      if (o.what == call::retire)
        retired_.emplace(worker_of(o), o.begun);
      if (o.what == call::queue_slot)
        index_queueing(o);
      if (o.what == call::async_acquire)
        index_wait(o);
    }
  }

  void index_queueing(const operation& o) {
    const witness* w = only(kind::slot_queued, o);
    expect(w && w->event.offer == o.offer, "queued under another offer than was told", o);
    worker_of_slot_[o.begun] = w->event.worker;
  }

  void index_wait(const operation& o) {
    const witness* w = only(kind::wait_begun, o);
    expect(w, "nobody waited", o);
    caller_of_[w->event.wait] = &o;
    wait_of_[o.begun] = w->event.wait;
  }

  void check_event(const witness& w) const {
    if (w.by != 0) {
      const auto found = calls_.find(w.by);
      expect(found != calls_.end(), "an event of an operation that never ended", w);
      expect(within(*found->second, w.at), "an event that is not within its operation", w);
    }
    if (w.event.kind == kind::slot_closed)
      expect(may_close(w), "a slot was closed without reason", w);
    if (w.event.kind == kind::wait_ended)
      expect(may_end(w), "a wait ended without reason", w);
  }

  bool is_by(const witness& w, std::initializer_list<call> calls) const {
    const auto found = calls_.find(w.by);
    return found != calls_.end() && std::count(calls.begin(), calls.end(), found->second->what) != 0;
  }

  bool may_close(const witness& w) const {
    switch (w.event.reason) {
    case eject_reason::closed:
      return true; // the sequential queue knows
    case eject_reason::dirty:
      return is_by(w, {call::discard});
    case eject_reason::requested: {
      const auto retired = retired_.find(w.event.worker);
      return is_by(w, {call::eject}) || (retired != retired_.end() && retired->second < w.at);
    }
    default:
      return false;
    }
  }

  bool may_end(const witness& w) const {
    if (w.event.error == errc::queue_closed)
      return true;
    if (w.event.error == errc::deadline_exceeded)
      return w.by == 0;
    const bool of_dequeuer = !caller_of_.contains(w.event.wait);
    return w.event.error == error::operation_aborted &&
           (of_dequeuer || is_by(w, {call::cancel, call::signal}));
  }

  void check_operation(const operation& o) {
    expect(!o.flaw, o.flaw ? o.flaw : "", o);
    switch (o.what) {
    case call::queue_slot:
      return; // indexed
    case call::try_acquire:
    case call::accept:
      return check_acquisition(o);
    case call::async_acquire:
      return check_wait(o);
    case call::release:
    case call::discard:
      return check_release(o);
    case call::put_back:
      return check_same_worker(o, only(kind::slot_put_back, o), "another slot came back");
    case call::eject:
      return check_ejection(o);
    case call::retire:
      return check_retirement(o);
    case call::next:
      return check_next(o);
    case call::decline:
      return check_decline(o);
    case call::signal:
      return check_signal(o);
    case call::cancel:
      return expect(sometime(o, [](const auto& s) { return s.count.waiting == 0; }), "cancelled, but not all",
                    o);
    case call::snapshot:
      return expect(sometime(o, [&](const auto& s) { return s.count == o.seen; }), "a snapshot of no moment",
                    o);
    case call::close:
      return expect(sometime(o, is_closed), "closed, but open", o);
    case call::drain:
      return check_drain(o);
    }
  }

  void check_acquisition(const operation& o) {
    const witness* w = only(kind::slot_acquired, o);
    expect(o.got == (w != nullptr), "the result is not what happened", o);
    if (w)
      return check_acquired(o, *w);
    const bool none = o.what == call::accept
                          ? elsewhere_sometime(o, {place::offered}) || sometime(o, is_closed)
                          : sometime(o, [](const rest_state& s) { return s.count.idle == 0; });
    expect(none, "nothing acquired, but it was there all the time", o);
  }

  void check_acquired(const operation& o, const witness& w) {
    expect(within(o, w.at), "acquired, but not within the operation", o);
    expect(o.what != call::accept || w.event.offer == o.offer, "another offer was acquired", o);
    if (o.slot != 0) {
      const auto slot = worker_of_slot_.find(o.slot);
      expect(slot != worker_of_slot_.end() && slot->second == w.event.worker, "another slot was acquired", o);
    }
    worker_of_lease_[o.begun] = w.event.worker;
  }

  void check_wait(const operation& o) {
    const witness& last = *of_wait_.at(wait_of_.at(o.begun)).back();
    expect(within(o, last.at), "its end does not lie within the operation", o);
    expect(o.got == !o.error.failed(), "a slot and an error, or neither", o);
    if (last.event.kind == kind::slot_acquired && o.got)
      return check_acquired(o, last);
    expect(last.event.kind == kind::wait_ended && last.event.error == o.error,
           "the result is not what happened", o);
  }

  /// Whether `w` is there, and about the slot that `o` gives back.
  void check_same_worker(const operation& o, const witness* w, const char* what) const {
    const auto lease = worker_of_lease_.find(o.of);
    expect(w && lease != worker_of_lease_.end() && lease->second == w->event.worker, what, o);
  }

  void check_release(const operation& o) const {
    check_same_worker(o, only(kind::slot_released, o), "another slot came back");
    if (o.what == call::discard)
      check_same_worker(o, only(kind::slot_closed, o), "a dirty slot was not closed");
  }

  void check_ejection(const operation& o) const {
    const witness* w = only(kind::slot_closed, o);
    expect(o.got == (w != nullptr), "the result is not what happened", o);
    if (w)
      expect(w->event.offer == o.offer, "another offer was ejected", o);
    else
      expect(elsewhere_sometime(o, {place::idle, place::offered}),
             "not ejected, but it was free all the time", o);
  }

  void check_retirement(const operation& o) const {
    const auto& later = workers_.at(worker_of(o));
    expect(
        !later.sometime(o.ended, end_of_time,
                        [](const worker_state& w) { return w.at != place::leased && w.at != place::closed; }),
        "a retired slot was offered", o);
  }

  void check_next(const operation& o) const {
    const auto here = [&](const witness* w) { return within(o, w->at); };
    if (o.got) {
      const auto found = offerings_.find(o.offer);
      expect(found != offerings_.end() && std::any_of(found->second.begin(), found->second.end(), here),
             "the offer was not made", o);
    }
    if (o.error.failed())
      expect(std::any_of(history_.events.begin(), history_.events.end(),
                         [&](const witness& w) {
                           return here(&w) && w.event.kind == kind::wait_ended && w.event.error == o.error &&
                                  !caller_of_.contains(w.event.wait);
                         }),
             "no wait ended so", o);
  }

  void check_decline(const operation& o) const {
    const witness* w = only(kind::slot_put_back, o);
    expect(!w || w->event.offer == o.offer, "another offer was dropped", o);
    expect(w || elsewhere_sometime(o, {place::offered}), "not dropped, but it was held out all the time", o);
  }

  void check_signal(const operation& o) const {
    if (const witness* w = only(kind::wait_ended, o)) {
      const auto caller = caller_of_.find(w->event.wait);
      expect(caller != caller_of_.end() && caller->second->begun == o.of, "another wait was cancelled", o);
    }
  }

  void check_drain(const operation& o) const {
    if (o.error.failed())
      return expect(o.error == errc::deadline_exceeded, "not drained for no reason", o);
    expect(sometime(o, [](const rest_state& s) { return s.closed && s.live == 0; }), "drained, but not empty",
           o);
  }

  void check_started() const {
    std::set<stamp> started(history_.started.begin(), history_.started.end());
    for (const stamp s : started)
      if (!calls_.contains(s))
        throw wrong("an operation never completed, begun at " + std::to_string(s));
  }

  void check_closings() const {
    std::set<stamp> closed;
    for (const closing& c : history_.closings) {
      const auto slot = worker_of_slot_.find(c.slot);
      if (slot == worker_of_slot_.end() || closed_at_.at(slot->second) > c.at ||
          !closed.insert(c.slot).second)
        throw wrong("a slot was closed twice or too early, queued at " + std::to_string(c.slot));
    }
    if (closed.size() != worker_of_slot_.size())
      throw wrong("close() of a slot was never called");
  }

  // Questions

  /// The event of this kind that `o` caused; null where there is none.
  const witness* only(kind k, const operation& o) const {
    const auto found = by_.find(o.begun);
    const witness* result = nullptr;
    if (found != by_.end())
      for (const witness* w : found->second)
        if (w->event.kind == k) {
          expect(!result, "happened twice", *w);
          result = w;
        }
    return result;
  }

  std::uint64_t worker_of(const operation& o) const {
    const auto found = worker_of_offer_.find(o.offer);
    expect(found != worker_of_offer_.end(), "an offer that was never made", o);
    return found->second;
  }

  template <class Predicate>
  bool sometime(const operation& o, Predicate right) const {
    return states_.sometime(o.begun, o.ended, right);
  }

  /// Whether there was a moment at which the offer of `o` was in none of `places`.
  bool elsewhere_sometime(const operation& o, std::initializer_list<place> places) const {
    return workers_.at(worker_of(o)).sometime(o.begun, o.ended, [&](const worker_state& w) {
      return w.offer != o.offer || std::count(places.begin(), places.end(), w.at) == 0;
    });
  }

  history history_;
  sequential_queue queue_;
  stamp last_event_ = 0;
  timeline<rest_state> states_;
  std::map<std::uint64_t, timeline<worker_state>> workers_;
  std::map<stamp, events> by_;
  std::map<std::uint64_t, events> of_wait_;
  std::map<std::uint64_t, events> offerings_;
  std::map<std::uint64_t, std::uint64_t> worker_of_offer_;
  std::map<std::uint64_t, stamp> closed_at_;
  std::map<stamp, const operation*> calls_;
  std::map<std::uint64_t, const operation*> caller_of_;
  std::map<stamp, std::uint64_t> wait_of_;
  std::map<std::uint64_t, stamp> retired_;
  std::map<stamp, std::uint64_t> worker_of_slot_;
  std::map<stamp, std::uint64_t> worker_of_lease_;
};

} // namespace

std::string check(history h) {
  try {
    checker(std::move(h)).run();
    return {};
  } catch (const wrong& e) {
    return e.what();
  }
}

} // namespace hotslot::stress
