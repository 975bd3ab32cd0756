// The token that a server may ask for.
#pragma once

#include <filesystem>
#include <string>

namespace hotslot::ctl {

/// All of a file. Throws `failure` (usage), naming it, where it cannot be read.
std::string read_file(const std::filesystem::path& file);

/// The first token of a file as the server has one: one a line, empty lines and those that begin with # are
/// passed over. Throws `failure` (usage), naming the file.
std::string read_token(const std::filesystem::path& file);

} // namespace hotslot::ctl
