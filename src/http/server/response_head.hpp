// The head of a response as it goes over the wire.
#pragma once

#include <hotslot/http/message.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace hotslot::http::detail {

struct framing {
  bool to_head = false;                     ///< The request was HEAD: no body follows.
  bool keep_alive = true;                   ///< The connection stays open.
  bool to_http_1_0 = false;                 ///< Keeping the connection has to be said.
  bool in_pieces = false;                   ///< The body follows later.
  std::optional<std::uint64_t> stated = {}; ///< The length of what follows.
};

/// Whether an answer of that status never has a body.
bool is_bodiless(unsigned code) noexcept;

/// Whether a body follows the head.
bool has_body(const response& res, const framing& f) noexcept;

/// Whether the body goes in chunks.
bool is_chunked(const framing& f) noexcept;

/// Replaces `out` by the status line and the header, including what belongs to the server.
void render_head(std::string& out, const response& res, const framing& f);

} // namespace hotslot::http::detail
