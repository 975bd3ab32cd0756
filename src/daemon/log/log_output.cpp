#include "log_output.hpp"

#include "syslog_sender.hpp"

#include "base/time_text.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <algorithm>
#include <atomic>
#include <stdexcept>

#include <unistd.h>

namespace hotslot::daemon {
namespace {

void write_to(spdlog::sinks::sink& sink, const output_line& line) {
  std::string rendered;
  std::string_view text = line.text;
  if (!line.data.empty())
    text = rendered = render(line);
  sink.log({spdlog::string_view_t(), spdlog::level::info, spdlog::string_view_t(text.data(), text.size())});
  sink.flush();
}

template <class Sink>
std::shared_ptr<Sink> plain(std::shared_ptr<Sink> sink) {
  sink->set_formatter(
      std::make_unique<spdlog::pattern_formatter>("%v", spdlog::pattern_time_type::utc, "\n"));
  return sink;
}

class stdout_output final : public log_output {
 public:
  void write(const output_line& line) noexcept override {
    try {
      write_to(*sink_, line);
    } catch (const std::exception&) { // nobody reads it any more
      ++lost_;
    }
  }

  std::uint64_t lost() const override { return lost_; }

 private:
  std::atomic<std::uint64_t> lost_{0};
  const std::shared_ptr<spdlog::sinks::sink> sink_ = plain(std::make_shared<spdlog::sinks::stdout_sink_mt>());
};

class file_output final : public log_output {
 public:
  file_output(const log_target& target, const logger& log)
    : target_(target)
    , log_(log)
    , sink_(open()) {}

  void write(const output_line& line) noexcept override {
    try {
      write_to(*current(), line);
      failing_ = false;
    } catch (const std::exception& e) {
      ++lost_;
      if (!failing_.exchange(true))
        log_.error("a log file cannot be written", {{"file", target_.file.native()}, {"error", e.what()}});
    }
  }

  std::uint64_t lost() const override { return lost_; }

  void prepare_reopen() override {
    auto fresh = open();
    const std::lock_guard lock(mutex_);
    next_ = std::move(fresh);
  }

  void reopen() noexcept override {
    const std::lock_guard lock(mutex_);
    if (next_)
      sink_ = std::exchange(next_, nullptr);
  }

 private:
  using sink_ptr = std::shared_ptr<spdlog::sinks::sink>;

  sink_ptr open() const try {
    if (target_.max_bytes == 0)
      return plain(std::make_shared<spdlog::sinks::basic_file_sink_mt>(target_.file.native()));
    return plain(std::make_shared<spdlog::sinks::rotating_file_sink_mt>(target_.file.native(),
                                                                        target_.max_bytes, target_.keep));
  } catch (const spdlog::spdlog_ex& e) {
    throw std::runtime_error("a log cannot be written there: " + std::string(e.what()));
  }

  sink_ptr current() const {
    const std::lock_guard lock(mutex_);
    return sink_;
  }

  const log_target target_;
  const logger& log_;
  std::atomic<bool> failing_{false};
  std::atomic<std::uint64_t> lost_{0};
  mutable std::mutex mutex_;
  sink_ptr sink_;
  sink_ptr next_;
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
    return std::make_shared<stdout_output>();
  case log_destination::file:
    return std::make_shared<file_output>(target, log_);
  case log_destination::syslog:
    return std::make_shared<syslog_output>(target, executor_, log_);
  }
  return nullptr;
}

std::shared_ptr<log_output> log_outputs::get(const log_target& target) {
  const std::lock_guard lock(mutex_);
  std::erase_if(known_, [](const auto& entry) { return entry.second.expired(); });
  for (const auto& [known, output] : known_)
    if (known == target)
      if (auto alive = output.lock())
        return alive;
  auto output = make(target);
  if (output)
    known_.emplace_back(target, output);
  if (output && closed_)
    output->close();
  return output;
}

std::vector<std::shared_ptr<log_output>> log_outputs::live() {
  std::vector<std::shared_ptr<log_output>> all;
  const std::lock_guard lock(mutex_);
  for (const auto& entry : known_)
    if (auto alive = entry.second.lock())
      all.push_back(std::move(alive));
  return all;
}

void log_outputs::reopen() {
  const auto all = live();
  for (const auto& output : all)
    output->prepare_reopen();
  for (const auto& output : all)
    output->reopen();
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

} // namespace hotslot::daemon
