// The head of a response as it goes over the wire.
#ifndef HOTSLOT_SRC_HTTP_RESPONSE_HEAD_HPP
#define HOTSLOT_SRC_HTTP_RESPONSE_HEAD_HPP

#include <hotslot/http/message.hpp>

#include <string>

namespace hotslot::http::detail {

struct framing {
  bool to_head = false;     ///< The request was HEAD.
  bool keep_alive = true;   ///< The connection stays open.
  bool to_http_1_0 = false; ///< Keeping the connection has to be said.
};

/// Whether a body follows the head.
bool has_body(const response& res, const framing& f) noexcept;

/// Replaces `out` by the status line and the header, including what belongs to the server.
void render_head(std::string& out, const response& res, const framing& f);

} // namespace hotslot::http::detail

#endif
