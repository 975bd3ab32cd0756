#include "server_metrics.hpp"

#include "process_metrics.hpp"

#include <chrono>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

namespace hotslot::daemon {
namespace {

using families = std::vector<http::metric_family>;

http::metric_family gauges(std::string name, std::string help) {
  return {.name = std::move(name), .help = std::move(help), .kind = http::metric_kind::gauge};
}

families metrics_of_logs(const server_parts& of) {
  http::metric_family lost{.name = "hotslotd_log_lost_lines",
                           .help = "Lines of a log that its output could not take."};
  lost.samples.push_back({{{"output", "stderr"}}, of.log.lost()});
  for (auto& [output, lines] : of.outputs.lost())
    lost.samples.push_back({{{"output", output}}, lines});
  return {std::move(lost)};
}

constexpr std::string_view answer_classes[] = {"broken_off", "1xx", "2xx", "3xx", "4xx", "5xx"};

families metrics_of_functions(const front& functions) {
  http::metric_family dropped{.name = "hotslotd_function_log_dropped_lines",
                              .help = "Lines of calls that had written too much, of workers in force."};
  http::metric_family moved{
      .name = "hotslotd_moved_calls",
      .help = "Calls that went on to another worker, as the one that they were given was lost."};
  http::metric_family calls{.name = "hotslotd_calls",
                            .help = "Calls of functions that were answered, by class of status."};
  auto most = gauges("hotslotd_function_max_workers", "Workers that a function may have.");
  const auto add = [](http::metric_family& to, const function_config& f, std::uint64_t n) {
    if (n != 0)
      to.samples.push_back({{{"app", f.app}, {"fn", f.name}}, n});
  };
  for (const auto& f : functions.functions()) {
    const auto& c = f->config();
    add(dropped, c, f->pool()->dropped_lines());
    add(moved, c, f->pool()->moved_calls());
    add(most, c, c.launch.max_workers);
    const auto& answers = f->pool()->answers();
    for (std::size_t i = 0; i < answers.size(); ++i)
      if (const auto n = answers[i].load(std::memory_order_relaxed))
        calls.samples.push_back(
            {{{"app", c.app}, {"fn", c.name}, {"code", std::string(answer_classes[i])}}, n});
  }
  return {std::move(dropped), std::move(moved), std::move(calls), std::move(most)};
}

families metrics_of_connections(const listeners& calls, const listeners& admin) {
  auto open = gauges("hotslotd_connections_open", "Connections that are open.");
  auto most = gauges("hotslotd_connections_max", "Connections that may be open.");
  auto expires = gauges("hotslotd_certificate_expires_timestamp_seconds",
                        "Until when a certificate of an address is valid, since the epoch.");
  http::metric_family accepted{.name = "hotslotd_connections_accepted", .help = "Connections that came."};
  http::metric_family ended{.name = "hotslotd_connections_refused",
                            .help = "Connections that the server ended of its own accord, by reason."};
  http::metric_family requests{.name = "hotslotd_requests_refused",
                               .help = "Requests that were not let in, by reason."};
  http::metric_family received{.name = "hotslotd_received_bytes",
                               .help = "Bytes that callers have sent, without those of TLS."};
  http::metric_family sent{.name = "hotslotd_sent_bytes",
                           .help = "Bytes that were sent to callers, without those of TLS."};
  const auto add = [&](const char* name, const listener& l) {
    using labels = std::vector<std::pair<std::string, std::string>>;
    const labels at{{"listener", name}, {"address", l.address()}};
    const auto add_by_reason = [&](http::metric_family& to, const char* reason, std::uint64_t n) {
      labels with = at;
      with.emplace_back("reason", reason);
      to.samples.push_back({std::move(with), n});
    };
    add_by_reason(requests, "token", l.admitted().refused_by_token());
    add_by_reason(requests, "host", l.admitted().refused_by_host());
    const auto now = l.server().counts();
    add_by_reason(requests, "body", now.bodies_refused);
    open.samples.push_back({at, now.open});
    most.samples.push_back({at, std::uint64_t{l.server().max_connections()}});
    accepted.samples.push_back({at, now.accepted});
    received.samples.push_back({at, now.received_bytes});
    sent.samples.push_back({at, now.sent_bytes});
    add_by_reason(ended, "address", now.refused);
    add_by_reason(ended, "room", now.given_up);
    add_by_reason(ended, "tls", now.tls_failed);
    for (const auto& certificate : l.certificates()) {
      labels with = at;
      with.emplace_back("certificate", certificate.file.native());
      expires.samples.push_back({std::move(with), certificate.expires.time_since_epoch()});
    }
  };
  for (const auto& one : calls.all())
    add("calls", *one);
  for (const auto& one : admin.all())
    add("admin", *one);
  return {std::move(open),    std::move(most),     std::move(accepted), std::move(ended),
          std::move(expires), std::move(requests), std::move(received), std::move(sent)};
}

families metrics_of_resources(const server_parts& of, const http::byte_budget& bodies) {
  auto total = gauges("hotslotd_resources_limit", "What all workers together may reserve.");
  auto reserved = gauges("hotslotd_resources_reserved", "What workers have reserved.");
  const auto add = [](http::metric_family& to, const resources& r) {
    to.samples.push_back({{{"resource", "memory_mb"}}, r.memory_mb});
    to.samples.push_back({{{"resource", "cpu_milli"}}, r.cpu_milli});
  };
  add(total, of.functions.tracker().total());
  add(reserved, of.functions.tracker().taken());
  auto kept = gauges("hotslotd_buffered_bytes", "What bodies that are kept take.");
  kept.samples.push_back({{}, std::uint64_t{bodies.taken()}});
  auto most = gauges("hotslotd_buffered_bytes_max", "What they may take.");
  most.samples.push_back({{}, std::uint64_t{bodies.total()}});
  return {std::move(total), std::move(reserved), std::move(kept), std::move(most)};
}

} // namespace

families server_metrics(const server_parts& of, const listeners& calls, const listeners& admin,
                        const http::byte_budget& bodies) {
  families all;
  const auto functions = of.functions.routes();
  for (auto&& some :
       {metrics_of_logs(of), metrics_of_functions(*functions), metrics_of_connections(calls, admin),
        metrics_of_resources(of, bodies), process_metrics()})
    all.insert(all.end(), some.begin(), some.end());
  return all;
}

} // namespace hotslot::daemon
