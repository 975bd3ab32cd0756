#include <hotslot/errc.hpp>

#include <string>

namespace hotslot {
namespace {

class category_impl final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "hotslot"; }

  std::string message(int value) const override {
    switch (static_cast<errc>(value)) {
    case errc::deadline_exceeded:
      return "no slot became free before the deadline";
    case errc::queue_closed:
      return "the slot queue is closed";
    case errc::queue_full:
      return "too many callers wait";
    case errc::overloaded:
      return "the caller has waited too long for a queue that is overloaded";
    case errc::deadline_unreachable:
      return "no slot would become free before the deadline";
    case errc::launch_failed:
      return "the worker could not be started";
    case errc::start_timeout:
      return "the worker was not ready in time";
    case errc::resources_impossible:
      return "more resources asked for than there are";
    case errc::invalid_key_field:
      return "a field of a slot key holds a NUL byte";
    case errc::none_idle:
      return "no slot is free";
    case errc::not_validated:
      return "the free slot has to be validated";
    case errc::queue_suspended:
      return "the slot queue is suspended";
    }
    return "unknown hotslot error";
  }
};

} // namespace

const boost::system::error_category& hotslot_category() noexcept {
  static const category_impl instance;
  return instance;
}

} // namespace hotslot
