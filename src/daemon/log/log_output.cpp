#include "log_output.hpp"

#include "syslog_sender.hpp"

#include "base/time_text.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/rotating_file_sink.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>

#include <unistd.h>

namespace hotslot::daemon {
namespace {

/// Lines that a thread writes.
class queued_output : public log_output {
 public:
  queued_output(std::string name, const logger& log)
    : name_(std::move(name))
    , log_(log) {}

  void write(const output_line& line) noexcept override {
    try {
      const auto result = line.data.empty() ? queue_->push(line.text) : queue_->push(render(line));
      if (result == line_queue::result::first_lost)
        log_.warn("lines are dropped: too many wait", {{"output", name_}});
    } catch (const std::exception&) { // no memory: it is lost
    }
  }

  std::uint64_t lost() const override { return queue_->lost(); }

 protected:
  /// Before the first line.
  void start(const line_thread& by, line_sink to) {
    queue_ = std::make_shared<line_queue>(
        by, std::move(to), [&log = log_, name = name_](const std::string& error) {
          log.error("a log cannot be written", {{"output", name}, {"error", error}});
        });
  }

 private:
  const std::string name_;
  const logger& log_;
  std::shared_ptr<line_queue> queue_;
};

class stdout_output final : public queued_output {
 public:
  stdout_output(const line_thread& by, const logger& log)
    : queued_output("stdout", log) {
    start(by, [](std::string_view lines) { return write_lines(STDOUT_FILENO, lines); });
  }
};

[[noreturn]] void refuse_log(const std::string& why) {
  throw std::runtime_error("a log cannot be written there: " + why);
}

// To open one waits for its reader.
void refuse_pipe(const std::filesystem::path& file) {
  std::error_code ignored;
  const auto there = std::filesystem::status(file, ignored).type();
  if (there == std::filesystem::file_type::fifo || there == std::filesystem::file_type::socket)
    refuse_log(file.native() + " is no file");
}

/// A file, rotated or not. Opened at once.
class log_file {
 public:
  explicit log_file(const log_target& target)
    : now_(open(target)) {}

  lines_written write(std::string_view lines) {
    const auto sink = current().sink;
    lines_written done;
    while (!lines.empty()) {
      const auto line = lines.substr(0, lines.find('\n'));
      lines.remove_prefix(line.size() + 1);
      try {
        sink->log(
            {spdlog::string_view_t(), spdlog::level::info, spdlog::string_view_t(line.data(), line.size())});
        sink->flush();
      } catch (const std::exception& e) {
        ++done.lost;
        done.error = e.what();
      }
    }
    return done;
  }

  void prepare_reopen() { set_next(open(current().target)); }

  void prepare(const log_target& target) {
    if (target == current().target)
      set_next({});
    else if (!is_prepared(target))
      set_next(open(target));
  }

  void take_up() noexcept {
    const std::lock_guard lock(mutex_);
    if (next_.sink)
      now_ = std::exchange(next_, {});
  }

 private:
  struct opened {
    log_target target;
    std::shared_ptr<spdlog::sinks::sink> sink;
  };

  static opened open(const log_target& target) try {
    refuse_pipe(target.file);
    const auto& name = target.file.native();
    std::shared_ptr<spdlog::sinks::sink> sink;
    if (target.max_bytes == 0)
      sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(name);
    else
      sink = std::make_shared<spdlog::sinks::rotating_file_sink_mt>(name, target.max_bytes, target.keep);
    sink->set_formatter(
        std::make_unique<spdlog::pattern_formatter>("%v", spdlog::pattern_time_type::utc, "\n"));
    return {target, std::move(sink)};
  } catch (const spdlog::spdlog_ex& e) {
    refuse_log(e.what());
  }

  opened current() const {
    const std::lock_guard lock(mutex_);
    return now_;
  }

  bool is_prepared(const log_target& target) const {
    const std::lock_guard lock(mutex_);
    return next_.sink && next_.target == target;
  }

  void set_next(opened next) {
    const std::lock_guard lock(mutex_);
    std::swap(next_, next);
  }

  mutable std::mutex mutex_;
  opened now_;
  opened next_;
};

class file_output final : public queued_output {
 public:
  file_output(const log_target& target, const line_thread& by, const logger& log)
    : queued_output(target.file.native(), log)
    , file_(std::make_shared<log_file>(target)) {
    start(by, [file = file_](std::string_view lines) { return file->write(lines); });
  }

  void prepare_reopen() override { file_->prepare_reopen(); }
  void prepare(const log_target& target) override { file_->prepare(target); }
  void take_up() noexcept override { file_->take_up(); }

 private:
  const std::shared_ptr<log_file> file_;
};

std::string target_name(const log_target& target) {
  switch (target.to) {
  case log_destination::file:
    return target.file.native();
  case log_destination::syslog:
    return target.address.text;
  case log_destination::log:
  case log_destination::standard_output:
    break;
  }
  return "stdout";
}

// What makes two targets one output.
log_target output_key(const log_target& target) {
  if (target.to != log_destination::file)
    return target;
  return {.to = target.to, .file = target.file};
}

std::string host_name() {
  std::string name(256, '\0');
  if (::gethostname(name.data(), name.size() - 1) != 0)
    return {};
  name.resize(name.find('\0'));
  return name;
}

class syslog_output final : public log_output {
 public:
  syslog_output(const log_target& target, const asio::any_io_executor& executor, const logger& log)
    : facility_(target.facility)
    , sender_(std::make_shared<syslog_sender>(
          executor,
          syslog_sender_options{.address = target.address,
                                .queue_bytes = static_cast<std::size_t>(target.queue_bytes)},
          log)) {}

  ~syslog_output() override { close(); }

  void write(const output_line& line) noexcept override {
    try {
      sender_->send(render(syslog_message{.facility = facility_,
                                          .severity = line.severity,
                                          .time = line.time,
                                          .host = host_,
                                          .app = "hotslotd",
                                          .process = line.process.empty() ? own_process_ : line.process,
                                          .kind = line.kind,
                                          .data = line.data,
                                          .text = line.text}));
    } catch (const std::exception&) { // no memory: it is lost
    }
  }

  std::uint64_t lost() const override { return sender_->lost(); }

  void close() noexcept override { sender_->close(); }

 private:
  const syslog_facility facility_;
  const std::string host_ = host_name();
  const std::string own_process_ = std::to_string(::getpid());
  const std::shared_ptr<syslog_sender> sender_;
};

} // namespace

std::string render(const output_line& line) {
  std::string out = "time=";
  out += base::rfc3339_time(line.time);
  for (const auto& field : line.data) {
    out.push_back(' ');
    append_log_name(out, field.name);
    out.push_back('=');
    append_log_text(out, field.value);
  }
  out += " line=";
  append_log_text(out, line.text);
  return out;
}

log_outputs::log_outputs(asio::any_io_executor executor, const logger& log)
  : executor_(std::move(executor))
  , log_(log) {}

std::shared_ptr<log_output> log_outputs::make(const log_target& target) const {
  switch (target.to) {
  case log_destination::log:
    break;
  case log_destination::standard_output:
    return std::make_shared<stdout_output>(to_standard_output_, log_);
  case log_destination::file:
    return std::make_shared<file_output>(target, to_files_, log_);
  case log_destination::syslog:
    return std::make_shared<syslog_output>(target, executor_, log_);
  }
  return nullptr;
}

std::shared_ptr<log_output> log_outputs::get(const log_target& target) {
  if (target.to == log_destination::log)
    return nullptr;
  const std::lock_guard one_at_a_time(opening_);
  if (auto alive = find(target)) {
    alive->prepare(target);
    return alive;
  }
  auto output = make(target);
  const std::lock_guard lock(mutex_);
  known_[output_key(target)] = output;
  if (closed_)
    output->close();
  return output;
}

std::shared_ptr<log_output> log_outputs::find(const log_target& target) const {
  const std::lock_guard lock(mutex_);
  const auto known = known_.find(output_key(target));
  return known == known_.end() ? nullptr : known->second.lock();
}

std::vector<std::shared_ptr<log_output>> log_outputs::live() {
  std::vector<std::shared_ptr<log_output>> all;
  const std::lock_guard lock(mutex_);
  std::erase_if(known_, [&](const auto& entry) {
    auto alive = entry.second.lock();
    return !alive || (all.push_back(std::move(alive)), false);
  });
  return all;
}

void log_outputs::take_up() noexcept {
  const std::lock_guard lock(mutex_);
  for (const auto& [target, output] : known_)
    if (const auto alive = output.lock())
      alive->take_up();
}

void log_outputs::reopen() {
  const std::lock_guard one_at_a_time(opening_);
  const auto all = live();
  for (const auto& output : all)
    output->prepare_reopen();
  for (const auto& output : all)
    output->take_up();
}

std::map<std::string, std::uint64_t> log_outputs::lost() const {
  std::map<std::string, std::uint64_t> all;
  const std::lock_guard lock(mutex_);
  for (const auto& [target, output] : known_)
    if (const auto alive = output.lock())
      all[target_name(target)] += alive->lost();
  return all;
}

void log_outputs::close() noexcept {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  for (const auto& output : live())
    output->close();
}

// Folders that are missing are made, too.
void check_log(const log_target& target) {
  if (target.to != log_destination::file)
    return;
  refuse_pipe(target.file);
  std::filesystem::path there = target.file;
  std::error_code ec;
  while (!std::filesystem::exists(there, ec) && there.has_relative_path())
    there = there.parent_path();
  const bool is_right = std::filesystem::is_directory(there, ec) != (there == target.file);
  if (!is_right || ::access(there.c_str(), W_OK) != 0)
    refuse_log(target.file.native() + ": " +
               (is_right ? std::strerror(errno) : there.native() + " is in the way"));
}

} // namespace hotslot::daemon
