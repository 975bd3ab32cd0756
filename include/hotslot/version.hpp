// Which hotslot this is. Read by CMakeLists.txt; meson.build looks that it says the same.
#ifndef HOTSLOT_VERSION_HPP
#define HOTSLOT_VERSION_HPP

#define HOTSLOT_VERSION_MAJOR 0
#define HOTSLOT_VERSION_MINOR 1
#define HOTSLOT_VERSION_PATCH 0
#define HOTSLOT_VERSION "0.1.0"

#endif
