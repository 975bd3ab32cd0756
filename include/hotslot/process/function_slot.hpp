// The slot of a function process: the right to run one call on it.
#ifndef HOTSLOT_PROCESS_FUNCTION_SLOT_HPP
#define HOTSLOT_PROCESS_FUNCTION_SLOT_HPP

#include <hotslot/process/contract.hpp>

#include <boost/asio/awaitable.hpp>

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace hotslot::process {

namespace detail {
class worker;
}

/// Owns a running function process: closing the slot, or destroying it, ends the process.
///
/// Satisfies what the launcher asks of a slot. Thread safety: distinct slots are safe; one slot is used by
/// one thread at a time, as the slot queue guarantees. Lifetime: the io_context of its launcher outlives it.
class function_slot {
 public:
  function_slot() noexcept = default;
  /// Made by `function_launcher`.
  explicit function_slot(std::shared_ptr<detail::worker> w) noexcept;
  function_slot(function_slot&& other) noexcept = default;
  function_slot& operator=(function_slot&& other) noexcept {
    if (this != &other) {
      close();
      worker_ = std::move(other.worker_);
    }
    return *this;
  }
  ~function_slot() { close(); }

  /// False once it was moved from or closed. Everything below but `close()` needs a valid slot.
  explicit operator bool() const noexcept { return worker_ != nullptr; }

  /// Ends the process in the background: SIGTERM to its group, after the grace SIGKILL, reaped, its directory
  /// removed. Returns at once; `wait_gone()` of before tells when it is done. No call may be running.
  void close() noexcept;

  /// Stops the process and its group (SIGSTOP), and lets them go on (SIGCONT). It is called over a new
  /// connection then. A paused one may be closed. Cost: a system call for each process of the group.
  void pause() noexcept;
  /// Lets them go on.
  void resume() noexcept;

  /// Completes when the process has ended, for whatever reason, has been reaped, the rest of its process
  /// group is killed and its directory removed.
  ///
  /// Lifetimes: independent of the slot once called; any number may wait, from any executor.
  /// Cancellation: terminal, partial and total end the wait with `operation_aborted`; the process is
  /// untouched.
  boost::asio::awaitable<void> wait_gone() const;

  /// Sends `request` and returns the function's whole reply, of whatever status.
  ///
  /// Preconditions: one call at a time; the slot stays where it is until the call completes. Build the
  /// request by `make_call_request`. A connection found closed before a byte was written is reopened, once.
  /// Cancellation: terminal, at any time; ends with `operation_aborted`. This is how deadlines and callers
  /// that went away are to arrive: a call has no timer of its own. Errors (thrown as `system_error`):
  /// `connection_lost`, `invalid_reply`, `reply_too_large`. After any of them `reusable()` is false; so it is
  /// after a cancellation, until `end_unheard()` has completed.
  boost::asio::awaitable<call_reply> call(call_request request);

  /// The steps of a call whose bodies pass in pieces. `send` sends what the function takes at once,
  /// `send_rest` what is left then; where `request.more` was set, `send_piece` goes on until its `last`,
  /// which may be empty. `receive` may be under way from the end of `send` on, and should be where something
  /// is left: a function may reply while it reads.
  ///
  /// Errors, cancellation and preconditions are those of `call`. A function that has replied before it was
  /// sent all of its request is not reusable until `stop_sending()`.
  boost::asio::awaitable<void> send(call_request request);
  bool has_unsent() const noexcept;
  /// The rest of what `send` was given.
  boost::asio::awaitable<void> send_rest();
  /// More of the body, up to `last`.
  boost::asio::awaitable<void> send_piece(std::string_view piece, bool last);

  /// After a whole reply: the rest of the request is not sent any more, and the next call goes over a new
  /// connection.
  void stop_sending() noexcept;

  /// Lets the function end a call that was cancelled, for a reason that is not its own: that its caller has
  /// gone, say. Its reply is read, and dropped; of a request that it was not sent whole, it can notice, by
  /// the end of what it is sent. Completes with the status of the reply, once that is whole: `reusable()`
  /// then. Where it closes the connection instead, nobody knows whether it has ended the call.
  ///
  /// Precondition: no other operation is under way, and the last has ended by cancellation, or was not the
  /// last of its call. There is no limit of time. Cancellation: terminal, with `operation_aborted`. Errors:
  /// `connection_lost`, `invalid_reply`, `reply_too_large` beyond `most` bytes of body.
  boost::asio::awaitable<unsigned> end_unheard(std::uint64_t most);

  /// To be asked after `connection_lost`: the call, where it could go to another process, since all of it is
  /// at hand and no byte of a reply has come. Whether it may, once some of it was sent, is for the caller to
  /// say; what was sent is at hand only where the request is idempotent.
  std::optional<unanswered_call> take_back() noexcept;

  /// Returns once the header of the reply is there, with what has come of its body by then, unless the length
  /// of that is stated and is at most `whole` bytes: then with all of it.
  boost::asio::awaitable<call_reply> receive(std::uint64_t whole);

  /// Whether more of the reply's body is to come, by `read`.
  bool has_more() const noexcept;

  /// Puts the next piece of the reply's body into `piece`: at most 64 KB at a time, nothing at its end. As
  /// long as nobody reads, the function is held up. Precondition: has_more(). Cancellation and errors: as
  /// `call`.
  boost::asio::awaitable<void> read(std::string& piece);

  /// Whether the next call may be sent to this process. To be asked after each call: false where the call
  /// failed or was cancelled, where the function sent more than its reply, or where the process has ended.
  bool reusable() const noexcept;

  /// To be asked after `connection_lost`: whether the process has ended, or is about to, because it has used
  /// up its memory. Waits a moment for its end, at most 100 ms. Cancellation: ends the wait.
  boost::asio::awaitable<bool> ran_out_of_memory();

  pid_t pid() const noexcept;
  std::uint64_t worker_id() const noexcept;

  /// How many calls were begun on it: none on a fresh one.
  std::uint64_t calls() const noexcept;

  /// How the process ended, for a log: empty while it runs.
  std::string how_it_ended() const;

 private:
  std::shared_ptr<detail::worker> worker_;
};

} // namespace hotslot::process

#endif
