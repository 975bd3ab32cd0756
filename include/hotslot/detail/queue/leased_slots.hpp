// Which leases are out, since when and from where.
#pragma once

#include <hotslot/detail/queue/queue_nodes.hpp>

#include <boost/intrusive/list.hpp>

#include <cstdint>
#include <source_location>

namespace hotslot::detail {

/// What is known of one lease. There is one for each slot.
struct lease_record : list_hook {
  std::uint64_t offer = 0;
  timestamp since{};
  std::source_location where;
  bool leaked = false;
};

/// To be used after `watch` only. Cost: O(1); where a lease begins, nothing is allocated.
class leased_slots {
 public:
  leased_slots() = default;
  leased_slots(const leased_slots&) = delete;
  leased_slots& operator=(const leased_slots&) = delete;
  ~leased_slots() {
    for (record_list* l : {&free_, &out_, &leaked_})
      l->clear_and_dispose([](lease_record* r) { delete r; });
  }

  /// Leases that last for longer than `most` have leaked. Precondition: there is no slot.
  void watch(timestamp most) noexcept { most_ = most; }

  /// A slot is there; `r` is to be deleted by this.
  void add_record(lease_record& r) noexcept { free_.push_front(r); }
  /// A slot has gone. Returns the record, to be deleted; null where there is none.
  lease_record* take_record() noexcept {
    if (free_.empty())
      return nullptr;
    lease_record& r = free_.front();
    free_.pop_front();
    return &r;
  }

  void begin(slot_node& s, timestamp now, const std::source_location& where) noexcept {
    s.lease = take_record();
    if (!s.lease) // of a slot that was being made as this began
      return;
    s.lease->offer = s.id;
    s.lease->since = now;
    s.lease->where = where;
    s.lease->leaked = false;
    out_.push_back(*s.lease);
  }

  void end(slot_node& s) noexcept {
    if (!s.lease)
      return;
    record_list& from = s.lease->leaked ? leaked_ : out_;
    from.erase(from.iterator_to(*s.lease));
    free_.push_front(*s.lease);
    s.lease = nullptr;
  }

  /// When the next lease will have leaked that has not; the epoch's end where none is out.
  timestamp next_leak() const noexcept {
    return out_.empty() ? timestamp::max() : later(out_.front().since, most_);
  }
  /// One that has leaked and was not returned by this before; null where there is none.
  const lease_record* find_leak(timestamp now) noexcept {
    if (next_leak() > now)
      return nullptr;
    lease_record& r = out_.front();
    out_.pop_front();
    r.leaked = true;
    leaked_.push_back(r);
    return &r;
  }
  /// Calls `f` with each that has leaked and not come back, oldest first.
  template <class F>
  void visit_leaked(F&& f) const {
    for (const lease_record& r : leaked_)
      f(r);
  }

 private:
  using record_list = boost::intrusive::list<lease_record, boost::intrusive::base_hook<list_hook>,
                                             boost::intrusive::constant_time_size<false>>;

  timestamp most_ = timestamp::max();
  record_list free_;
  record_list out_; // and not leaked, oldest first
  record_list leaked_;
};

} // namespace hotslot::detail
