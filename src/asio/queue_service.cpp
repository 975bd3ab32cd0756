#include <hotslot/detail/asio/queue_service.hpp>

namespace hotslot::detail {

asio::execution_context::id queue_service::id;

registered_queue::registered_queue(asio::execution_context& context)
  : service_(&asio::use_service<queue_service>(context)) {
  service_->add(*this);
}

registered_queue::~registered_queue() {
  if (service_)
    service_->remove(*this);
}

void queue_service::add(registered_queue& q) {
  std::lock_guard lock(mutex_);
  queues_.push_back(q);
}

void queue_service::remove(registered_queue& q) noexcept {
  std::lock_guard lock(mutex_);
  queues_.erase(queues_.iterator_to(q));
}

registered_queue* queue_service::take_first() noexcept {
  std::lock_guard lock(mutex_);
  if (queues_.empty())
    return nullptr;
  registered_queue& q = queues_.front();
  queues_.pop_front();
  q.service_ = nullptr;
  return &q;
}

void queue_service::shutdown() noexcept {
  while (registered_queue* q = take_first())
    q->shut_down();
}

} // namespace hotslot::detail
