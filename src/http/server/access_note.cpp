#include "access_note.hpp"

namespace hotslot::http::detail {

void access_note::begin() {
  received_ = std::chrono::system_clock::now();
  began_ = std::chrono::steady_clock::now();
  client_ = peer_.address();
  method_.clear();
  target_.clear();
  fields_.clear();
  version_ = status_ = 0;
  body_bytes_ = 0;
}

// A parser that never saw the end of the request line has no target.
void access_note::set_request(const request::header_type& head) {
  if (head.target().empty())
    return;
  method_.assign(head.method_string().data(), head.method_string().size());
  target_.assign(head.target().data(), head.target().size());
  version_ = head.version();
}

void access_note::begin_answer(const response& head) {
  status_ = head.result_int();
  fields_ = head.base();
}

void access_note::tell(const response& whole, std::uint64_t body_bytes, bool complete) {
  tell(whole.result_int(), whole, body_bytes, complete);
}

void access_note::tell(bool complete) { tell(status_, fields_, body_bytes_, complete); }

void access_note::tell(unsigned status, const boost::beast::http::fields& fields, std::uint64_t body_bytes,
                       bool complete) {
  listener_({.peer = peer_,
             .client = client_,
             .method = method_,
             .target = target_,
             .version = version_,
             .received = received_,
             .duration = std::chrono::steady_clock::now() - began_,
             .status = status,
             .fields = fields,
             .body_bytes = body_bytes,
             .complete = complete});
  version_ = 0;
}

} // namespace hotslot::http::detail
