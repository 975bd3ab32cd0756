// Ends the waits of a queue when the execution context of its executor is shut down.
#pragma once

#include <boost/asio/error.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/strand.hpp>
#include <boost/intrusive/list.hpp>

#include <mutex>

namespace hotslot::detail {

namespace asio = boost::asio;

class queue_service;

template <class Executor>
using queue_signaller =
    asio::experimental::basic_concurrent_channel<Executor, asio::experimental::channel_traits<>,
                                                 void(boost::system::error_code)>;

/// A queue as the service knows it. Registered from its construction to its destruction or the shutdown of
/// its context, whichever comes first.
class registered_queue
  : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>> {
 public:
  template <class Executor>
  explicit registered_queue(const Executor& ex);
  registered_queue(const registered_queue&) = delete;
  registered_queue& operator=(const registered_queue&) = delete;

 protected:
  inline virtual ~registered_queue();

 private:
  friend class queue_service;

  explicit inline registered_queue(asio::execution_context& context);

  /// Destroys all waiting operations, uninvoked. May destroy this and other queues.
  virtual void shut_down() noexcept = 0;

  queue_service* service_;
};

class queue_service : public asio::execution_context::service {
 public:
  using key_type = queue_service;
  inline static asio::execution_context::id id;

  explicit queue_service(asio::execution_context& context)
    : service(context) {}

  void add(registered_queue& q) {
    std::lock_guard lock(mutex_);
    queues_.push_back(q);
  }

  void remove(registered_queue& q) noexcept {
    std::lock_guard lock(mutex_);
    queues_.erase(queues_.iterator_to(q));
  }

 private:
  void shutdown() noexcept override {
    while (registered_queue* q = take_first())
      q->shut_down();
  }

  registered_queue* take_first() noexcept {
    std::lock_guard lock(mutex_);
    if (queues_.empty())
      return nullptr;
    registered_queue& q = queues_.front();
    queues_.pop_front();
    q.service_ = nullptr;
    return &q;
  }

  std::mutex mutex_;
  boost::intrusive::list<registered_queue, boost::intrusive::constant_time_size<false>> queues_;
};

registered_queue::registered_queue(asio::execution_context& context)
  : service_(&asio::use_service<queue_service>(context)) {
  service_->add(*this);
}

registered_queue::~registered_queue() {
  if (service_)
    service_->remove(*this);
}

/// The context of `ex`, with the services that ours must not outlive. Services are shut down newest first. A
/// channel must not be sent to after its own has been, nor after that of the strand which its receiver waits
/// on: that would destroy the receiver at once, under the channel's lock. So ours, which takes the signallers
/// away, comes after both.
template <class Executor>
asio::execution_context& prepared_context(const Executor& ex) {
  asio::execution_context& context = asio::query(ex, asio::execution::context);
  if (!asio::has_service<queue_service>(context)) {
    queue_signaller<Executor>(ex, 1);
    asio::make_strand(ex);
  }
  return context;
}

template <class Executor>
registered_queue::registered_queue(const Executor& ex)
  : registered_queue(prepared_context(ex)) {}

} // namespace hotslot::detail
