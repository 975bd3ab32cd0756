// The function contract as pure functions: what goes to a function, and what its reply means. No socket here.
#ifndef HOTSLOT_PROCESS_CONTRACT_HPP
#define HOTSLOT_PROCESS_CONTRACT_HPP

#include <hotslot/process/errc.hpp>
#include <hotslot/process/function_spec.hpp>

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace hotslot::process {

using caller_request = boost::beast::http::request<boost::beast::http::string_body>;
using caller_response = boost::beast::http::response<boost::beast::http::string_body>;
using call_reply = boost::beast::http::response<boost::beast::http::string_body>;

/// The name under which a function's socket appears in its directory.
inline constexpr std::string_view socket_name = "lsnr.sock";

/// A function that is asked to (`function_spec::log_frames`) writes a line of this, '=' and the call's id to
/// its output when a call begins.
inline constexpr std::string_view log_frame_name = "hotslot-call";

/// The whole environment of a function's process, as NAME=value, for a socket in `socket_dir`, and `tmp`,
/// where there is one, as TMPDIR. Nothing of the server's own. What the contract sets cannot be replaced by
/// `spec.config`; PATH, HOME, LANG and TMPDIR can.
///
/// Throws `system_error` with `errc::invalid_spec` where a name is empty or holds '=', or a name or value
/// holds a NUL byte.
std::vector<std::string> make_environment(const function_spec& spec, const std::filesystem::path& socket_dir,
                                          const std::filesystem::path& tmp = {});

/// Whether a variable of that environment is a default only, which a container's own replaces.
bool is_default_variable(const function_spec& spec, std::string_view name);

/// A call as it goes over the function's socket.
struct call_request {
  std::string head;       ///< Request line and headers, with the empty line behind them.
  std::string body;       ///< Or its beginning.
  bool more = false;      ///< The rest of it follows,
  bool in_chunks = false; ///< and nobody knows how much that is.
  /// By its method (RFC 9110, 9.2.2), so that it may be sent again. It is kept until its reply begins.
  bool idempotent = false;
  /// For the lines that the function writes meanwhile. Has to live until it is passed to a slot; may be
  /// empty.
  std::string_view call_id = {};
};

/// A call that was not answered, as it was given to its worker.
struct unanswered_call {
  call_request request;
  bool sent = false; ///< Some of it: the function may have begun to run.
};

/// What the server says of a call.
struct call_context {
  std::string_view call_id;
  std::chrono::system_clock::time_point deadline; ///< For Fn-Deadline; enforced by whoever calls.
  bool http_trigger = false;                      ///< Called through its HTTP trigger, not by /invoke.
  std::string_view scheme = "http";               ///< By which the caller asks; for Fn-Http-Request-Url.
};

/// How much of a body there is.
enum class body_part : std::uint8_t {
  whole,
  beginning, ///< More follows.
};

/// The caller's request as the function gets it: `POST /call` with the caller's body and headers, less the
/// hop-by-hop ones and those by which a caller could pass for the server, plus the call's own, and a
/// trigger's. Takes the body, without a copy; of a body of which only the beginning is there, the function is
/// told the length that the caller has stated, or gets it in chunks. Precondition: the caller's headers are
/// valid HTTP, as those of a parsed message are.
call_request make_call_request(caller_request caller, const call_context& call,
                               body_part part = body_part::whole);

/// Whether the head of that call, with all that is added to it, takes no more than `most` bytes.
bool fits_head(const caller_request& caller, const call_context& call, std::size_t most);

/// What becomes of a worker after its reply.
enum class worker_verdict : std::uint8_t {
  keep,    ///< The worker may serve the next call.
  discard, ///< The worker is to be killed.
};

/// What a function's reply comes to.
struct caller_reply {
  caller_response response;
  worker_verdict worker;
};

/// What the caller gets for a function's reply, by the contract's table, and what becomes of the worker.
///
/// The response has its Fn-Call-Id, and where it has a body its Content-Length; where only the beginning of
/// the body is there, the one that the function has stated, if it has; keep-alive is for whoever sends it to
/// decide, and so is leaving the body out for HEAD. A 200 whose trigger headers are not valid HTTP is an
/// invalid response.
caller_reply make_caller_reply(call_reply reply, const call_context& call, body_part part = body_part::whole);

/// The same of a reply that no caller gets.
worker_verdict verdict_of(unsigned status) noexcept;

/// Whether the body of such a reply may be passed on while it comes: not where it decides what the caller
/// gets, or is left out.
bool may_stream(const call_reply& reply, const call_context& call);

/// Whether what the caller gets depends on the body of such a reply.
bool needs_body(const call_reply& reply);

/// A response with the body {"message": …}.
caller_response make_error_response(boost::beast::http::status status, std::string_view message,
                                    std::string_view call_id);

/// The status for a start or call that failed with a code of `errc`: 504 for `start_timeout`, 503 for
/// `spawn_failed`, which is the machine's want and passes, else 502.
boost::beast::http::status failure_status(const error_code& ec) noexcept;

} // namespace hotslot::process

#endif
