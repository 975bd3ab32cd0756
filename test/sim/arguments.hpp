// Numbers on the command line.
#ifndef HOTSLOT_TEST_SIM_ARGUMENTS_HPP
#define HOTSLOT_TEST_SIM_ARGUMENTS_HPP

#include <charconv>
#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace hotslot::sim {

struct argument {
  std::string_view name;
  std::uint64_t* value;
};

/// False where there is anything but pairs of a known name and a number.
inline bool parse_arguments(int argc, char** argv, std::initializer_list<argument> known) {
  for (int i = 1; i < argc; i += 2) {
    std::uint64_t* target = nullptr;
    for (const argument& a : known)
      if (a.name == argv[i])
        target = a.value;
    if (!target || i + 1 == argc)
      return false;
    const std::string_view text = argv[i + 1];
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), *target);
    if (ec != std::errc() || end != text.data() + text.size())
      return false;
  }
  return true;
}

} // namespace hotslot::sim

#endif
