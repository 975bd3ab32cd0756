// Who of those that want a part of the machine gets it next.
#pragma once

#include <hotslot/resources.hpp>

#include <boost/intrusive/list.hpp>

#include <cassert>
#include <cstddef>
#include <cstdint>

namespace hotslot::detail {

using arbiter_hook =
    boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>>;

struct resource_account_node;

/// Something that waits for its part. Lives with whoever waits.
struct resource_request : arbiter_hook {
  enum class state_type : std::uint8_t { fresh, waiting, granted, impossible };

  resource_request(resource_account_node& a, const resources& r) noexcept
    : account(&a)
    , amount(r) {}

  resource_account_node* account;
  resources amount;
  std::uint32_t overtaken = 0; ///< How many were granted since it was the first of all.
  state_type state = state_type::fresh;
};

using resource_requests = boost::intrusive::list<resource_request, boost::intrusive::base_hook<arbiter_hook>,
                                                 boost::intrusive::constant_time_size<false>>;

/// One key's part: what it has, what it is promised, who waits for more of it.
struct resource_account_node : arbiter_hook {
  double weight = 1; ///< Above 0.
  resources minimum; ///< Set aside for this account as long as it does not use it.
  resources used;
  resource_requests waits;

  resources set_aside() const noexcept { return minimum - used; }
};

/// Decides; owns nothing and locks nothing.
///
/// Order: of the accounts that wait, the one with the least dominant share per weight comes first, within an
/// account the oldest request. Others may pass the first one while it does not fit, at most `max_overtakes`
/// times, and not once something is being freed for it (`hold_for`); one that stays within its account's
/// minimum always may. So small requests do not stand behind a large one for long, and a large one does not
/// starve. What could never be had, be it only since a total or a minimum has changed, is not let wait.
///
/// Cost: constant where nobody waits, else linear in the accounts.
class resource_arbiter {
 public:
  static constexpr std::uint32_t max_overtakes = 8;

  explicit resource_arbiter(const resources& total) noexcept
    : total_(total) {}
  resource_arbiter(const resource_arbiter&) = delete;
  resource_arbiter& operator=(const resource_arbiter&) = delete;

  void open(resource_account_node& a, double weight, const resources& minimum) noexcept {
    accounts_.push_back(a);
    change(a, weight, minimum);
  }
  /// Precondition: nothing of it waits. What it uses stays taken until it is given back.
  void close(resource_account_node& a) noexcept {
    assert(a.waits.empty());
    set_aside_ -= a.set_aside();
    a.minimum = {};
    accounts_.erase(accounts_.iterator_to(a));
  }
  /// A weight that is none counts as the least.
  void change(resource_account_node& a, double weight, const resources& minimum) noexcept {
    set_aside_ -= a.set_aside();
    a.weight = weight > least_weight ? weight : least_weight;
    a.minimum = minimum;
    set_aside_ += a.set_aside();
    changed_ = true;
  }

  /// Whether `r` could be had if nobody else had more than is set aside for it.
  bool possible(const resource_account_node& a, const resources& r) const noexcept {
    resources others;
    for (const auto& b : accounts_)
      if (&b != &a)
        others += b.minimum;
    return r.fits_in(total_ - others);
  }

  /// Takes `r` where it can be had now and nobody waits who comes before.
  bool try_take(resource_account_node& a, const resources& r) noexcept {
    if (has_waits() && !is_within_minimum(a, r))
      return false;
    if (!r.fits_in(available_to(a)))
      return false;
    take(a, r);
    return true;
  }

  void give_back(resource_account_node& a, const resources& r) noexcept {
    assert(r.fits_in(a.used));
    set_aside_ -= a.set_aside();
    a.used -= r;
    set_aside_ += a.set_aside();
    taken_ -= r;
  }

  void wait(resource_request& r) noexcept {
    r.state = resource_request::state_type::waiting;
    r.account->waits.push_back(r);
    ++waits_;
  }

  /// A request that waits for what cannot be had, no longer waiting; null where there is none.
  resource_request* refuse_next() noexcept {
    if (!changed_ || !has_waits())
      return nullptr;
    for (auto& a : accounts_)
      for (auto& r : a.waits)
        if (!possible(a, r.amount)) {
          forget(r);
          r.state = resource_request::state_type::impossible;
          return &r;
        }
    changed_ = false;
    return nullptr;
  }

  /// The wait is over without a grant.
  void forget(resource_request& r) noexcept {
    r.account->waits.erase(r.account->waits.iterator_to(r));
    --waits_;
    r.state = resource_request::state_type::fresh;
    if (held_for_ == &r)
      held_for_ = nullptr;
  }

  /// Grants the next request that can be granted now; null where there is none.
  resource_request* grant_next() noexcept {
    resource_request* const next = choose();
    if (!next)
      return nullptr;
    if (resource_request* const first = first_of_all(); first != next && !is_within_minimum(*next))
      ++first->overtaken;
    forget(*next);
    take(*next->account, next->amount);
    next->state = resource_request::state_type::granted;
    return next;
  }

  /// The request that is next to be granted, whether it fits or not; null where nobody waits.
  resource_request* first_of_all() noexcept {
    if (held_for_ || !has_waits())
      return held_for_;
    resource_request* first = nullptr;
    for (auto& a : accounts_)
      if (!a.waits.empty() && (!first || share_of(a) < share_of(*first->account)))
        first = &a.waits.front();
    return first;
  }

  /// What is free from now on is for `r`, until it is granted or forgotten.
  void hold_for(resource_request& r) noexcept { held_for_ = &r; }

  /// What is missing for `r`, beyond what is free.
  resources missing_for(const resource_request& r) const noexcept {
    return r.amount - available_to(*r.account);
  }

  double share_of(const resource_account_node& a) const noexcept {
    return dominant_share(a.used, total_) / a.weight;
  }

  /// What `a` may take now: not what is set aside for others.
  resources available_to(const resource_account_node& a) const noexcept {
    return total_ - taken_ - (set_aside_ - a.set_aside());
  }

  template <class F>
  void for_each_account(F&& f) {
    for (auto& a : accounts_)
      f(a);
  }

  bool has_waits() const noexcept { return waits_ != 0; }

  void set_total(const resources& total) noexcept {
    total_ = total;
    changed_ = true;
  }
  const resources& total() const noexcept { return total_; }
  const resources& taken() const noexcept { return taken_; }

 private:
  using accounts = boost::intrusive::list<resource_account_node, boost::intrusive::base_hook<arbiter_hook>,
                                          boost::intrusive::constant_time_size<false>>;

  static constexpr double least_weight = 1e-9;

  static bool is_within_minimum(const resource_account_node& a, const resources& r) noexcept {
    return (a.used + r).fits_in(a.minimum);
  }
  static bool is_within_minimum(const resource_request& r) noexcept {
    return is_within_minimum(*r.account, r.amount);
  }

  void take(resource_account_node& a, const resources& r) noexcept {
    set_aside_ -= a.set_aside();
    a.used += r;
    set_aside_ += a.set_aside();
    taken_ += r;
  }

  bool fits(const resource_request& r) const noexcept { return r.amount.fits_in(available_to(*r.account)); }

  resource_request* choose() noexcept {
    resource_request* const first = first_of_all();
    if (!first || fits(*first))
      return first;
    const bool may_pass = !held_for_ && first->overtaken < max_overtakes;
    resource_request* best = nullptr;
    for (auto& a : accounts_) {
      if (a.waits.empty() || !fits(a.waits.front()))
        continue;
      resource_request& r = a.waits.front();
      if ((may_pass || is_within_minimum(r)) && (!best || share_of(a) < share_of(*best->account)))
        best = &r;
    }
    return best;
  }

  accounts accounts_;
  resources total_;
  resources taken_;
  resources set_aside_;   ///< Of all accounts together.
  std::size_t waits_ = 0; ///< Of all accounts together.
  resource_request* held_for_ = nullptr;
  bool changed_ = false; ///< There may be waits for what cannot be had.
};

} // namespace hotslot::detail
