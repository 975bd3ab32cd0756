#include <hotslot/process/errc.hpp>

#include <string>

namespace hotslot::process {
namespace {

class process_category final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "hotslot.process"; }

  std::string message(int value) const override {
    switch (static_cast<errc>(value)) {
    case errc::invalid_spec:
      return "the function's command or configuration is invalid";
    case errc::command_not_found:
      return "command not found";
    case errc::command_not_executable:
      return "command is not executable";
    case errc::bad_directory:
      return "cannot enter the function's directory";
    case errc::spawn_failed:
      return "the process could not be made";
    case errc::exited_at_start:
      return "the process ended before it was ready";
    case errc::start_timeout:
      return "the process was not ready within its start timeout";
    case errc::bad_socket:
      return "the process made something else than a socket of its own";
    case errc::socket_path_too_long:
      return "the path of the socket is too long";
    case errc::isolation_unavailable:
      return "the process cannot be isolated as asked for";
    case errc::no_descriptor:
      return "the server may open no further descriptor";
    case errc::connection_lost:
      return "the function closed its connection before it had replied";
    case errc::invalid_reply:
      return "the function's reply is not HTTP";
    case errc::reply_too_large:
      return "the function's reply is too large";
    case errc::out_of_memory:
      return "the function ran out of memory";
    case errc::not_sent:
      return "the function ended before the call could be sent to it";
    }
    return "unknown error";
  }
};

} // namespace

const boost::system::error_category& category() noexcept {
  static const process_category instance;
  return instance;
}

} // namespace hotslot::process
