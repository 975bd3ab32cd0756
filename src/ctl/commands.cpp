#include "commands.hpp"

#include "failure.hpp"
#include "function_page.hpp"
#include "pool_view.hpp"
#include "screen.hpp"
#include "selection.hpp"
#include "table.hpp"
#include "terminal_text.hpp"
#include "token_file.hpp"

#include "base/text.hpp"
#include "base/url.hpp"

#include <boost/json/serialize.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace hotslot::ctl {

namespace json = boost::json;

namespace {

constexpr std::string_view lines_and_tabs = "\n\t";

void write_lines(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines)
    text.append(line).push_back('\n');
  write_out(text);
}

// APP/FN or an id, as a path.
std::string path_of(const std::string& function) {
  const auto slash = function.find('/');
  if (slash == function.npos)
    return "/" + base::percent_encoded(function);
  return "/" + base::percent_encoded(function.substr(0, slash)) + "/" +
         base::percent_encoded(function.substr(slash + 1));
}

asio::awaitable<std::string> fetch_body(client& server, http::verb method, std::string target) {
  reply answer = co_await server.fetch(method, std::move(target));
  check_status(server, answer.status, answer.reason, answer.body);
  co_return std::move(answer.body);
}

asio::awaitable<void> list(client& server, const options& what) {
  std::string target = "/stats";
  if (const auto query = selection_query(what.by, what.match); !query.empty())
    target.append("?").append(query);
  const std::string body = co_await fetch_body(server, http::verb::get, std::move(target));
  if (what.json)
    co_return write_out(printable_json(body));
  table t({"FUNCTION", "TRIGGER<", "STATE<", "IDLE", "BUSY", "WAITING", "CALLS", "ERRORS", "ID<"});
  for (const auto& f : parse_pool(body).functions)
    t.add({f.name, f.trigger, f.condition, std::to_string(f.idle), std::to_string(f.busy),
           std::to_string(f.waiting), std::to_string(f.calls), std::to_string(f.errors), f.id});
  write_lines(t.lines());
}

bool is_called(const function_view& f, std::string_view name) {
  return f.name == name || f.id == name || f.key == name;
}

asio::awaitable<std::string> key_of(client& server, const std::string& function) {
  const auto slash = function.find('/');
  std::string target = "/stats";
  if (slash != function.npos)
    target.append("?app=").append(base::percent_encoded(function.substr(0, slash)));
  const std::string body = co_await fetch_body(server, http::verb::get, std::move(target));
  const auto pool = parse_pool(body);
  const auto found = std::find_if(pool.functions.begin(), pool.functions.end(),
                                  [&](const auto& f) { return is_called(f, function); });
  if (found == pool.functions.end())
    throw failure(exit_code::refused, server.url() + ": no such function: " + function);
  co_return found->key;
}

asio::awaitable<void> stats(client& server, const options& what) {
  std::string target = "/stats";
  if (!what.function.empty())
    target.append("/").append(base::percent_encoded(co_await key_of(server, what.function)));
  const std::string body = co_await fetch_body(server, http::verb::get, std::move(target));
  if (what.json)
    write_out(printable_json(body));
  else
    write_lines(what.function.empty() ? describe_totals(parse_object(body))
                                      : describe_function(parse_object(body)));
}

std::string body_of(const options& what) {
  if (!what.data.starts_with('@'))
    return what.data;
  if (what.data != "@-")
    return read_file(what.data.substr(1));
  return {std::istreambuf_iterator<char>(std::cin), {}};
}

/// Prints a reply while it comes, or all of it as JSON.
class reply_printer {
 public:
  explicit reply_printer(const options& how)
    : how_(how)
    , terminal_(is_terminal()) {}

  void take_head(const reply_head& head) {
    status_ = head.result_int();
    reason_ = std::string(head.reason());
    for (const auto& field : head)
      fields_[field.name_string()] = json::string(field.value());
    if (how_.include && !how_.json)
      print_head(head);
  }

  void take_piece(std::string_view piece) {
    if (how_.json || status_ >= 400)
      body_.append(piece);
    if (!how_.json)
      write_out(terminal_ ? printable(piece, lines_and_tabs) : std::string(piece));
  }

  void end() {
    if (!how_.json)
      return;
    const json::object all{{"status", status_}, {"headers", fields_}, {"body", body_}};
    write_out(printable_json(json::serialize(all)) + "\n");
  }

  unsigned status() const noexcept { return status_; }
  const std::string& reason() const noexcept { return reason_; }
  const std::string& body() const noexcept { return body_; }

 private:
  void print_head(const reply_head& head) {
    std::string text = "HTTP/1.1 " + std::to_string(status_) + " " + printable(reason_) + "\n";
    for (const auto& field : head)
      text.append(printable(std::string_view(field.name_string())))
          .append(": ")
          .append(printable(std::string_view(field.value())))
          .append("\n");
    write_out(text + "\n");
  }

  const options& how_;
  const bool terminal_;
  unsigned status_ = 0;
  std::string reason_;
  json::object fields_;
  std::string body_; ///< As far as it is needed at the end.
};

asio::awaitable<void> call(client& server, const options& what) {
  reply_printer printer(what);
  const inquiry question{.method = http::verb::post,
                         .target = "/admin/invoke" + path_of(what.function),
                         .headers = what.headers,
                         .body = body_of(what),
                         .patience = what.timeout.value_or(std::chrono::milliseconds()),
                         .on_head = [&](const reply_head& head) { printer.take_head(head); },
                         .on_piece = [&](std::string_view piece) { printer.take_piece(piece); }};
  co_await server.ask(question);
  printer.end();
  check_status(server, printer.status(), printer.reason(), printer.body());
}

asio::awaitable<void> drain(client& server, const options& what) {
  const std::string body = co_await fetch_body(server, http::verb::post, "/admin/drain");
  write_out(what.json ? printable_json(body) : "draining\n");
}

std::string count(const json::object& in, std::string_view name) {
  const auto* v = in.if_contains(name);
  return v ? json::serialize(*v) : "0";
}

asio::awaitable<void> recycle(client& server, const options& what) {
  const std::string body =
      co_await fetch_body(server, http::verb::post, "/admin/recycle" + path_of(what.function));
  if (what.json)
    co_return write_out(printable_json(body));
  const auto answer = parse_object(body);
  write_out(printable(what.function + ": " + count(answer, "idle") + " idle workers end now, " +
                      count(answer, "busy") + " busy ones after their call") +
            "\n");
}

asio::awaitable<void> reload(client& server, const options& what) {
  const std::string body = co_await fetch_body(server, http::verb::post, "/admin/reload");
  if (what.json)
    co_return write_out(printable_json(body));
  const auto answer = parse_object(body);
  const auto* changes = answer.if_contains("changes");
  std::vector<std::string> lines;
  if (changes && changes->is_array())
    for (const auto& change : changes->get_array())
      if (change.is_string())
        lines.push_back(printable(std::string_view(change.get_string())));
  write_lines(lines.empty() ? std::vector<std::string>{"nothing has changed"} : lines);
}

// What the server says in its own form of errors.
std::optional<std::string> message_in(std::string_view body) {
  try {
    const auto document = parse_object(body);
    const auto* message = document.if_contains("message");
    return message && message->is_string() ? std::optional(std::string(message->get_string())) : std::nullopt;
  } catch (const failure&) {
    return std::nullopt;
  }
}

// What is no UTF-8 is no JSON either.
std::string json_escape(const base::utf8_character& c, bool ascii) {
  if (!c.valid)
    return ascii ? "\\ufffd" : std::string(base::replacement_character);
  if (c.value <= 0xffff)
    return fmt::format("\\u{:04x}", c.value);
  const auto rest = c.value - 0x10000;
  return fmt::format("\\u{:04x}\\u{:04x}", 0xd800 + (rest >> 10), 0xdc00 + (rest & 0x3ff));
}

} // namespace

asio::awaitable<void> run_command(client& server, const options& what) {
  switch (what.what) {
  case command::list:
    return list(server, what);
  case command::stats:
    return stats(server, what);
  case command::call:
    return call(server, what);
  case command::drain:
    return drain(server, what);
  case command::recycle:
    return recycle(server, what);
  case command::reload:
  case command::watch:
    break;
  }
  return reload(server, what);
}

void check_status(const client& server, unsigned status, std::string_view reason, std::string_view body) {
  if (status < 300)
    return;
  std::string text = server.url() + ": " + std::to_string(status) + " " + std::string(reason);
  if (const auto message = message_in(body))
    text.append(": ").append(*message);
  throw failure(exit_code::refused, text);
}

std::string printable_json(std::string_view text, charset c) {
  const bool ascii = c == charset::ascii;
  std::string out;
  base::append_escaping(
      out, text,
      [&](const auto& one) {
        return (!one.is_printable() && one.value != '\n') || (ascii && one.value >= 0x80);
      },
      [&](const auto& one) { out.append(json_escape(one, ascii)); });
  return out;
}

} // namespace hotslot::ctl
