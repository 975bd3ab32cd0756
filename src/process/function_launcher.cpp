#include "worker.hpp"

#include <hotslot/process/function_launcher.hpp>

namespace hotslot::process {

namespace asio = boost::asio;

struct function_launcher::shared_state {
  asio::any_io_executor executor;
  function_spec spec;
  std::filesystem::path root;
  log_sink sink;
};

function_launcher::function_launcher(asio::any_io_executor executor, function_spec spec,
                                     std::filesystem::path root, log_sink sink)
  : state_(std::make_shared<const shared_state>(std::move(executor), std::move(spec),
                                                std::filesystem::absolute(root), std::move(sink))) {}

asio::awaitable<function_slot> function_launcher::operator()() const { return launch(state_); }

const function_spec& function_launcher::spec() const noexcept { return state_->spec; }

asio::awaitable<function_slot> function_launcher::launch(std::shared_ptr<const shared_state> state) {
  const auto worker = std::make_shared<detail::worker>(
      state->executor, std::shared_ptr<const function_spec>(state, &state->spec),
      std::shared_ptr<const log_sink>(state, &state->sink), state->root);
  worker->begin();
  co_await worker->started();
  co_return function_slot(worker);
}

} // namespace hotslot::process
