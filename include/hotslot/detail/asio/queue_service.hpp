// Ends the waits of a queue when the execution context of its executor is shut down.
#pragma once

#include <boost/asio/execution_context.hpp>
#include <boost/intrusive/list.hpp>

#include <mutex>

namespace hotslot::detail {

namespace asio = boost::asio;

class queue_service;

/// A queue as the service knows it. Registered from its construction to its destruction or the shutdown of
/// its context, whichever comes first.
class registered_queue
  : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>> {
 public:
  explicit registered_queue(asio::execution_context& context);
  registered_queue(const registered_queue&) = delete;
  registered_queue& operator=(const registered_queue&) = delete;

 protected:
  ~registered_queue();

 private:
  friend class queue_service;

  /// Destroys all waiting operations, uninvoked. May destroy this and other queues.
  virtual void shut_down() noexcept = 0;

  queue_service* service_;
};

class queue_service : public asio::execution_context::service {
 public:
  using key_type = queue_service;
  static asio::execution_context::id id;

  explicit queue_service(asio::execution_context& context)
    : service(context) {}

  void add(registered_queue& q);
  void remove(registered_queue& q) noexcept;

 private:
  void shutdown() noexcept override;
  registered_queue* take_first() noexcept;

  std::mutex mutex_;
  boost::intrusive::list<registered_queue, boost::intrusive::constant_time_size<false>> queues_;
};

} // namespace hotslot::detail
