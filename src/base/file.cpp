#include "file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <stdexcept>
#include <system_error>

namespace hotslot::base {

namespace fs = std::filesystem;

std::string read_file(const fs::path& file, std::size_t most) {
  std::error_code ignored;
  if (fs::is_directory(file, ignored))
    throw std::runtime_error("it is a directory");
  std::ifstream in(file, std::ios::binary);
  std::string text;
  std::array<char, 16 * 1024> piece;
  while (in) {
    in.read(piece.data(), piece.size());
    text.append(piece.data(), static_cast<std::size_t>(in.gcount()));
    if (text.size() > most)
      throw std::runtime_error("it is longer than " + std::to_string(most) + " bytes");
  }
  if (!in.is_open() || in.bad())
    throw std::runtime_error(std::generic_category().message(errno));
  return text;
}

bool is_within(const fs::path& path, const fs::path& place) {
  return std::mismatch(place.begin(), place.end(), path.begin(), path.end()).first == place.end();
}

} // namespace hotslot::base
