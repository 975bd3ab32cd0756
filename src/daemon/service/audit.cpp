#include "audit.hpp"

#include "admin.hpp"

#include "daemon/log/client_text.hpp"

#include <chrono>
#include <string>

namespace hotslot::daemon {
namespace {

bool is_refusal(unsigned status) { return status == 401 || status == 403 || status == 421; }

} // namespace

void audit::note(const http::access_record& record) const {
  const bool refused = is_refusal(record.status);
  if (!refused && (record.method != "POST" || !admin::owns(record.target)))
    return;
  if (refused && refusals_.try_take(std::chrono::steady_clock::now().time_since_epoch()))
    return;
  const std::string client = client_text(record.client);
  const log_fields fields{{"client", client},
                          {"method", record.method},
                          {"path", http::target_path(record.target)},
                          {"status", record.status}};
  if (refused)
    log_.warn("refused at the admin address", fields);
  else
    log_.info("asked for at the admin address", fields);
}

} // namespace hotslot::daemon
