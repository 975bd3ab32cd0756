// Does to the queue and to the model what a sequence says, and compares all that can be seen.
#ifndef HOTSLOT_TEST_MODEL_COMPARISON_HPP
#define HOTSLOT_TEST_MODEL_COMPARISON_HPP

#include <cstdint>
#include <string>
#include <vector>

namespace hotslot::model {

enum class action : std::uint8_t {
  queue_slot,
  try_acquire,
  acquire,
  acquire_until,
  release,
  discard,
  drop_used,
  drop_unused,
  eject,
  retire,
  eject_idle,
  eject_thirds,
  detach,
  lend,
  suspend,
  resume,
  enter,
  give_up,
  try_acquire_by_ticket,
  acquire_by_ticket,
  cancel,
  cancel_all,
  fail,
  limit,
  close,
  run,
  pass_time,
};
inline constexpr std::uint32_t action_count = 27;
const char* name_of(action a) noexcept;

/// What `n` means is up to the action: which slot, how long, how many.
struct operation {
  action what;
  std::uint32_t n;
};
using sequence = std::vector<operation>;

/// Empty where queue and model agree to the end; otherwise what differs, and after which operation.
std::string compare(const sequence& operations);

} // namespace hotslot::model

#endif
