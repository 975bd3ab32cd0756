#include "process/isolation/isolation_means.hpp"
#include "worker.hpp"

#include <hotslot/process/function_launcher.hpp>

namespace hotslot::process {

namespace asio = boost::asio;

struct function_launcher::shared_state {
  asio::any_io_executor executor;
  function_spec spec;
  std::filesystem::path root;
  log_sink sink;
  std::shared_ptr<isolation_host> host;
  std::shared_ptr<fleet> workers;
};

namespace {

// Decided once: a worker must not be given more than the first one because a file's mode has changed since.
function_spec with_user(function_spec spec, const std::filesystem::path& root, isolation_host* host) {
  spec.isolation.user =
      detail::choose_user(host ? &host->means() : nullptr, spec, std::filesystem::absolute(root));
  return spec;
}

} // namespace

function_launcher::function_launcher(asio::any_io_executor executor, function_spec spec,
                                     std::filesystem::path root, log_sink sink,
                                     std::shared_ptr<isolation_host> host, std::shared_ptr<fleet> workers)
  : state_(std::make_shared<const shared_state>(executor, with_user(std::move(spec), root, host.get()),
                                                std::filesystem::absolute(root), std::move(sink),
                                                std::move(host), std::move(workers))) {
  // Their threads are made while there are any to be had.
  detail::spawn_executor();
  detail::release_executor();
}

asio::awaitable<function_slot> function_launcher::operator()() const { return launch(state_); }

const function_spec& function_launcher::spec() const noexcept { return state_->spec; }

asio::awaitable<function_slot> function_launcher::launch(std::shared_ptr<const shared_state> state) {
  const auto worker = std::make_shared<detail::worker>(
      state->executor, std::shared_ptr<const function_spec>(state, &state->spec),
      std::shared_ptr<const log_sink>(state, &state->sink), state->root, state->host, state->workers);
  worker->begin();
  co_await worker->started();
  co_return function_slot(worker);
}

} // namespace hotslot::process
