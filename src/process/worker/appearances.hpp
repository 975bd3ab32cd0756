// What appears in the directories of workers that start.
#pragma once

#include "base/unique_fd.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

struct inotify_event;

namespace hotslot::process::detail {

/// One instance of inotify for all workers of a context: the kernel gives a user few of them.
///
/// Thread safety: a shared object is safe. It keeps its context from running out of work only while something
/// is watched.
class appearances : public boost::asio::execution_context::service {
 public:
  /// From its making to its end. Move-only.
  class watch {
   public:
    watch() = default;
    watch(watch&& other) noexcept
      : of_(std::exchange(other.of_, nullptr))
      , id_(other.id_) {}
    watch& operator=(watch&& other) noexcept {
      std::swap(of_, other.of_);
      std::swap(id_, other.id_);
      return *this;
    }
    ~watch() { end(); }
    void end() noexcept {
      if (auto* of = std::exchange(of_, nullptr))
        of->remove(id_);
    }

   private:
    friend class appearances;
    watch(appearances& of, int id)
      : of_(&of)
      , id_(id) {}

    appearances* of_ = nullptr;
    int id_ = -1;
  };

  using key_type = appearances;
  static boost::asio::execution_context::id id;

  explicit appearances(boost::asio::execution_context& context)
    : service(context) {}

  static appearances& of(const boost::asio::any_io_executor& ex);

  /// `appeared` is called, on some thread and under a lock, for what is made in the directory, or moved
  /// there, and may be called without cause. Throws `errc::spawn_failed`.
  watch add(const boost::asio::any_io_executor& ex, const std::filesystem::path& directory,
            std::function<void()> appeared);

 private:
  void shutdown() noexcept override;
  void remove(int id) noexcept;
  void wait();
  void on_readable();
  void tell_of_events();
  void tell(const inotify_event& event);

  std::mutex mutex_;
  std::optional<boost::asio::posix::stream_descriptor> events_;
  std::map<int, std::function<void()>> watched_;
  bool waits_ = false;
};

} // namespace hotslot::process::detail
