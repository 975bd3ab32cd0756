// A queue as its launcher sees it, whatever its slots and its executor are.
#pragma once

#include <hotslot/detail/queue/queue_core.hpp>

#include <boost/smart_ptr/intrusive_ptr.hpp>

#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

namespace hotslot::detail {

/// What a launcher does with its queue is none of a hot path: each function costs a virtual call, and what is
/// built on them is compiled once for all kinds of slots.
template <queue_hook Hook>
class launched_queue {
 public:
  using core_type = basic_queue_core<Hook>;
  using pointer = boost::intrusive_ptr<launched_queue>;

  virtual timestamp time() const noexcept = 0;

  /// Runs `f(core, actions)` under the lock, then does what it decided. Throws `bad_alloc`, but not once the
  /// queue has had a slot or a wait.
  template <class Step>
  void step(Step&& f) {
    do_step(&call<Step, core_type&, queue_actions&>, to_void(f));
  }

  /// Calls `f(core)` under the lock, where there has been a slot or a wait.
  template <class F>
  void look(F&& f) const noexcept {
    do_look(&call<F, const core_type&>, to_void(f));
  }

  /// Of a start, if none has succeeded since.
  std::shared_ptr<const launch_failure> last_failure() const noexcept {
    std::shared_ptr<const launch_failure> f;
    look([&](const core_type& core) { f = core.terms().last_failure(); });
    return f;
  }

  virtual bool closed() const noexcept = 0;

  /// Never offers the slot again.
  virtual void retire(slot_node& s, eject_reason why) noexcept = 0;
  /// Ends the slot if it is still free under offer `id`.
  virtual bool eject(slot_node& s, std::uint64_t id, eject_reason why) noexcept = 0;
  /// Gives the offer `id` back unused, if it stands.
  virtual void decline(slot_node& s, std::uint64_t id) noexcept = 0;
  /// The launched slot that has been idle longest, held out, and shared with the caller; null where no more
  /// than `keep` are idle.
  virtual slot_node* claim_oldest(std::uint64_t keep) noexcept = 0;

  /// Whether its slots can be paused.
  virtual bool pauses() const noexcept = 0;
  /// See `basic_queue_core::pause_idle`.
  virtual timestamp pause_idle(timestamp cutoff) noexcept = 0;

  virtual keepalive_terms keepalive() const noexcept = 0;

  virtual void share(slot_node& s) noexcept = 0;
  virtual void unshare(slot_node& s) noexcept = 0;

  friend void intrusive_ptr_add_ref(launched_queue* q) noexcept { q->add_reference(); }
  friend void intrusive_ptr_release(launched_queue* q) noexcept { q->drop_reference(); }

 protected:
  virtual ~launched_queue() = default;

  template <class... Args>
  using function = void (*)(void* f, Args...);

 private:
  virtual void do_step(function<core_type&, queue_actions&> f, void* self) = 0;
  virtual void do_look(function<const core_type&> f, void* self) const noexcept = 0;
  virtual void add_reference() noexcept = 0;
  virtual void drop_reference() noexcept = 0;

  template <class F>
  static void* to_void(F& f) noexcept {
    return const_cast<void*>(static_cast<const void*>(std::addressof(f)));
  }
  template <class F, class... Args>
  static void call(void* f, Args... args) {
    (*static_cast<std::remove_reference_t<F>*>(f))(args...);
  }
};

/// A slot that is kept from being forgotten, if not from being closed. Move-only.
template <queue_hook Hook>
class shared_slot {
 public:
  using queue_type = launched_queue<Hook>;

  shared_slot() = default;
  /// `share` has been called for it already where not `add`.
  shared_slot(queue_type& q, slot_node& s, bool add = true) noexcept
    : queue_(&q)
    , slot_(&s) {
    if (add)
      q.share(s);
  }
  shared_slot(const shared_slot& other) noexcept
    : shared_slot(*other.queue_, *other.slot_) {}
  shared_slot(shared_slot&& other) noexcept
    : queue_(std::move(other.queue_))
    , slot_(std::exchange(other.slot_, nullptr)) {}
  shared_slot& operator=(shared_slot other) noexcept {
    std::swap(queue_, other.queue_);
    std::swap(slot_, other.slot_);
    return *this;
  }
  ~shared_slot() {
    if (slot_)
      queue_->unshare(*slot_);
  }

  explicit operator bool() const noexcept { return slot_ != nullptr; }
  slot_node& operator*() const noexcept { return *slot_; }
  slot_node* operator->() const noexcept { return slot_; }
  queue_type& queue() const noexcept { return *queue_; }

 private:
  typename queue_type::pointer queue_;
  slot_node* slot_ = nullptr;
};

} // namespace hotslot::detail
