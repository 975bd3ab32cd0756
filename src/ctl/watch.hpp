// Figures again and again.
#pragma once

#include "client.hpp"
#include "pool_view.hpp"
#include "screen.hpp"
#include "selection.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hotslot::ctl {

/// Shows what the server's stream of stats says, or where there is none, asks again and again. Once it has
/// been reached, a server that is lost is looked for until it is there again.
///
/// Ends by cancellation only (terminal), or with a `failure` where the server was not reached at first, says
/// no, or nobody reads what is written.
class watcher {
 public:
  watcher(client& server, const options& how, screen& to);

  asio::awaitable<void> run();

  /// Shows what was shown last, and asks for what there is room for now: the screen has changed.
  void show_again();

  /// Obeys what was typed. False where that was to end it.
  bool type(std::string_view keys);

 private:
  asio::awaitable<void> attempt();
  asio::awaitable<void> follow();
  asio::awaitable<void> poll();
  asio::awaitable<void> pause(std::chrono::milliseconds time);
  std::string query() const;
  void take(std::string_view document);
  void lose(const std::string& why, std::chrono::milliseconds again);

  client& server_;
  const options& how_;
  screen& screen_;
  pool_view view_;
  call_rates rates_;
  selection selection_;
  std::string asked_;                        ///< The query that is answered now.
  std::optional<asio::steady_timer> answer_; ///< Cancelled where another answer is wanted.
  bool polls_ = false;                       ///< There is no stream to be had.
  bool seen_ = false;                        ///< The server has been reached.
  bool fresh_ = false;                       ///< Since the last attempt.
  std::string trouble_;                      ///< Empty: what is shown is how it is.
};

/// How many rows of the table fit into so many lines.
std::size_t room_for_rows(std::size_t rows) noexcept;

/// A page of figures that fits into so many lines; `trouble` is shown in its first line, `selected` above the
/// rows.
std::vector<std::string> describe_pool(const pool_view& view, const call_rates& rates,
                                       const std::string& title, const std::string& trouble, std::size_t rows,
                                       const std::string& selected = "");

} // namespace hotslot::ctl
