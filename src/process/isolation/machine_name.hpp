// Names that servers of one machine take, whatever each of them sees of its file system.
#pragma once

#include "base/unique_fd.hpp"

#include <string_view>

namespace hotslot::process::detail {

/// A name in the network's name space, which chroots and most containers that share processes share, too. It
/// is taken as long as `taken` is open. What somebody who is not root has of that name counts for nothing:
/// else anybody could take them all.
struct machine_name {
  base::unique_fd taken;    ///< Not open where another has it, or none can be had.
  bool is_anothers = false; ///< Root's.
};

machine_name take_machine_name(std::string_view name) noexcept;

} // namespace hotslot::process::detail
