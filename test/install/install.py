#!/usr/bin/env python3
"""Installs hotslot and has programs of others use it, each with settings of Asio that are not those of hotslotd:

    install.py ROOT WORK COMPILER..."""

import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import unittest

ROOT, WORK, *COMPILER = sys.argv[1:]
LAUNCHER = COMPILER[:1] if len(COMPILER) > 1 and not COMPILER[1].startswith("-") else []  # a compiler cache
OWN = COMPILER[len(LAUNCHER):]
SOURCES = os.path.join(ROOT, "test/install/consumer")
PREFIX = "/opt/hotslot"
INSTALLED = os.path.join(WORK, "root" + PREFIX)
HAS_CMAKE = shutil.which("cmake")
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith(("MESON", "NINJA", "DESTDIR"))},
    "CXX": " ".join(COMPILER),
    "ASAN_OPTIONS": f"detect_stack_use_after_return=1:detect_leaks={int(os.path.exists('/proc/self/maps'))}",
}


def run(*command, **more):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                          env={**ENVIRONMENT, **more})
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: {done.returncode}\n{done.stdout[-5000:]}")
    return done.stdout


def fresh(name):
    folder = os.path.join(WORK, name)
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def files(folder, *endings):
    return sorted(os.path.join(at, name) for at, _, names in os.walk(folder) for name in names if name.endswith(endings))


def has_address_sanitizer(*compiler):
    os.makedirs(WORK, exist_ok=True)
    source = os.path.join(WORK, "nothing.cpp")
    with open(source, "w", encoding="utf-8") as f:
        f.write("int main() {}\n")
    return subprocess.run([*compiler, "-fsanitize=address", source, "-o", source + ".out"], capture_output=True,
                          check=False).returncode == 0


def flags(*compiler):
    return ["-O0", *(["-fsanitize=address"] if has_address_sanitizer(*compiler) else [])]


FLAGS = flags(*COMPILER)
# Clang, where it is there and complete: it takes half as long, and a program need not be compiled by what compiled the library.
# With options it is another ABI.
CLANG = None if len(OWN) > 1 else next(
    (found for found in map(shutil.which, ("clang++-16", "clang++-19")) if found and has_address_sanitizer(found)), None)
CLANG_OR_OWN = [*LAUNCHER, *([CLANG] if CLANG else OWN)]
CMAKE_FLAGS = flags(*CLANG_OR_OWN) + ["-Wall", "-Wextra", "-Werror"]


def setUpModule():
    build = fresh("build")
    fresh("root")
    run("meson", "setup", build, ROOT, "--prefix", PREFIX, "--libdir", "lib", "--buildtype", "plain", "-Ddaemon=false", "-Dtests=false",
        "-Dexamples=false")
    run("ninja", "-C", build)
    run("meson", "install", "-C", build, "--no-rebuild", DESTDIR=os.path.join(WORK, "root"))


def pkg_config(*arguments):
    return run("pkg-config", *arguments, PKG_CONFIG_PATH=os.path.join(INSTALLED, "lib/pkgconfig"),
               PKG_CONFIG_SYSROOT_DIR=os.path.join(WORK, "root")).split()


def compile_all(folder, compiler, sources, options):
    """Several at a time."""
    os.makedirs(folder)
    objects = [os.path.join(folder, os.path.basename(source) + ".o") for source in sources]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda pair: run(*compiler, "-std=c++20", "-Wall", "-Wextra", "-Werror", *options, "-c", pair[0], "-o", pair[1]),
                      zip(sources, objects)))
    return objects


class InstalledTest(unittest.TestCase):
    def test_16_2_no_symbol_of_asio_is_in_what_is_installed(self):
        libraries = files(os.path.join(WORK, "root"), ".a", ".so", ".o")
        self.assertEqual([os.path.basename(path) for path in libraries], ["libhotslot-core.a"])
        for path in libraries:
            symbols = run("nm", "-C", path)
            self.assertIn("hotslot::", symbols)
            self.assertNotIn("boost::asio", symbols)
            self.assertNotIn("boost::beast", symbols)

    def test_16_3_no_setting_is_passed_on(self):
        for path in files(INSTALLED, ".pc", ".cmake"):
            with open(path, encoding="utf-8") as f:
                self.assertNotRegex(f.read(), "(?i)BOOST_(ASIO|BEAST|ALL)", path)

    def test_16_4_a_pool_needs_no_library_but_boosts_headers(self):
        self.assertEqual(set(pkg_config("--libs", "hotslot")) - {"-pthread"},
                         {f"-L{INSTALLED}/lib", "-lhotslot-core"})
        self.assertIn("-lcrypto", pkg_config("--libs", "hotslot-keys"))
        self.assertEqual([name for name in pkg_config("--libs", "hotslot-http") if "boost" in name], [])
        self.assertIn("-lboost_json", pkg_config("--libs", "hotslot-process"))

    def test_16_5_meson_and_cmake_compile_the_same(self):
        """Meson has lists, CMake takes what is there."""
        for part in ("keys", "http", "process"):
            with open(os.path.join(INSTALLED, "include/hotslot", part, "src.hpp"), encoding="utf-8") as f:
                listed = set(re.findall(r'^#line 1 "hotslot/src/(.*\.cpp)"$', f.read(), re.MULTILINE)) - {"page_files.cpp"}
            self.assertEqual(listed, {os.path.relpath(path, ROOT + "/src") for path in files(f"{ROOT}/src/{part}", ".cpp")})
        objects = run("ar", "t", os.path.join(INSTALLED, "lib/libhotslot-core.a")).split()
        sources = [os.path.relpath(path, f"{ROOT}/src/{layer}") for layer in ("base", "core")
                   for path in files(f"{ROOT}/src/{layer}", ".cpp")]
        self.assertEqual(sorted(objects), sorted(path.replace("/", "_") + ".o" for path in sources))

    def test_16_16_recipes_are_of_this_version(self):
        (version,) = pkg_config("--modversion", "hotslot")
        for recipe, of_version in (("vcpkg/hotslot/vcpkg.json", f'"version": "{version}"'), ("debian/changelog", f"hotslot ({version}-")):
            with open(os.path.join(ROOT, "packaging", recipe), encoding="utf-8") as f:
                self.assertIn(of_version, f.read(), recipe)

    @unittest.skipUnless(HAS_CMAKE, "no cmake")
    def test_16_6_cmake_takes_the_same_minor_version(self):
        script = os.path.join(WORK, "version.cmake")
        with open(script, "w", encoding="utf-8") as f:
            f.write('string(REPLACE "." ";" parts "${PACKAGE_FIND_VERSION}")\n'
                    "list(LENGTH parts PACKAGE_FIND_VERSION_COUNT)\n"
                    "list(APPEND parts 0 0)\n"
                    "list(GET parts 0 PACKAGE_FIND_VERSION_MAJOR)\nlist(GET parts 1 PACKAGE_FIND_VERSION_MINOR)\n"
                    f'include("{INSTALLED}/lib/cmake/hotslot/hotslotConfigVersion.cmake")\n'
                    'message("${PACKAGE_VERSION_COMPATIBLE}")\n')
        for version, taken in {"": True, "0": True, "0.1": True, "0.1.0": True, "0.0.9": False, "0.1.1": False, "0.2": False,
                               "1": False}.items():
            said = run("cmake", f"-DPACKAGE_FIND_VERSION={version}", "-P", script).strip()
            self.assertEqual(said, str(taken).upper(), version)

    @unittest.skipUnless(HAS_CMAKE, "no cmake")
    def test_16_14_cmake_has_the_parts_that_are_asked_for(self):
        source = fresh("parts")
        os.makedirs(source)
        with open(source + "/CMakeLists.txt", "w", encoding="utf-8") as f:
            f.write("cmake_minimum_required(VERSION 3.24)\nproject(parts CXX)\n"
                    "find_package(hotslot REQUIRED)\n"
                    "if(NOT TARGET hotslot::core OR NOT TARGET hotslot::hotslot OR TARGET hotslot::http OR OpenSSL_FOUND OR ZLIB_FOUND)\n"
                    "  message(FATAL_ERROR plain)\nendif()\n"
                    "find_package(hotslot COMPONENTS http REQUIRED)\n"
                    "if(NOT TARGET hotslot::http OR TARGET hotslot::process)\n  message(FATAL_ERROR http)\nendif()\n"
                    "find_package(hotslot OPTIONAL_COMPONENTS wings REQUIRED)\n"
                    "find_package(hotslot COMPONENTS wings)\n"
                    "if(hotslot_FOUND)\n  message(FATAL_ERROR wings)\nendif()\n")
        said = run("cmake", "-G", "Ninja", "-S", source, "-B", source + "/build", "-DCMAKE_PREFIX_PATH=" + INSTALLED)
        self.assertIn("hotslot has no part wings", " ".join(said.split()))

    def test_16_7_every_header_twice_in_one_program(self):
        include = os.path.join(INSTALLED, "include")
        public = [os.path.relpath(path, include) for path in files(include, ".hpp")
                  if "/detail/" not in path and not path.endswith("/src.hpp")]
        self.assertGreater(len(public), 40)
        folder = fresh("headers")
        units = []
        os.makedirs(folder)
        for name in ("one", "other"):
            units.append(os.path.join(folder, name + ".cpp"))
            with open(units[-1], "w", encoding="utf-8") as f:
                f.writelines(f"#include <{header}>\n" for header in public)
                f.write("int main() {}\n" if name == "one" else "hotslot::slot_queue<hotslot::any_slot>* unused = nullptr;\n")
        objects = compile_all(os.path.join(folder, "objects"), CLANG_OR_OWN, units, ["-O0", *pkg_config("--cflags", "hotslot")])
        run(*CLANG_OR_OWN, *objects, *pkg_config("--libs", "hotslot-http", "hotslot-process", "hotslot-keys"), "-o", folder + "/headers")
        run(folder + "/headers")


class ConsumerTest(unittest.TestCase):
    def check(self, program):
        self.assertRegex(run(program), "^right: ")

    def cmake(self, name, part, *defines, **options):
        build = fresh(name)
        variables = {"PART": part, "DEFINES": ";".join(defines), "CMAKE_CXX_FLAGS": " ".join(CMAKE_FLAGS), **options}
        if LAUNCHER:
            variables["CMAKE_CXX_COMPILER_LAUNCHER"] = LAUNCHER[0]
        if part == "process" and "-stdlib=libc++" in OWN:  # Debian's libboost_json is for the other
            variables["OWN_JSON"] = "ON"
        run("cmake", "-G", "Ninja", "-S", SOURCES, "-B", build, *(f"-D{key}={value}" for key, value in variables.items()),
            CXX=" ".join(CLANG_OR_OWN[len(LAUNCHER):]))
        run("cmake", "--build", build)
        self.check(build + "/consumer")
        return build

    @unittest.skipUnless(HAS_CMAKE, "no cmake")
    def test_16_8_cmake_with_asio_as_headers(self):
        self.cmake("headers-only", "process", "BOOST_ASIO_RECYCLING_ALLOCATOR_CACHE_SIZE=2", CMAKE_PREFIX_PATH=INSTALLED)

    @unittest.skipUnless(HAS_CMAKE, "no cmake")
    def test_16_9_cmake_with_asio_compiled_by_the_program(self):
        self.cmake("separate", "http", "BOOST_ASIO_NO_DEPRECATED", "BOOST_ASIO_RECYCLING_ALLOCATOR_CACHE_SIZE=16",
                   CMAKE_PREFIX_PATH=INSTALLED, SEPARATE="ON")

    @unittest.skipUnless(HAS_CMAKE, "no cmake")
    def test_16_10_cmake_with_the_sources(self):
        build = self.cmake("subdirectory", "http", "BOOST_ASIO_NO_DEPRECATED", HOTSLOT=ROOT)
        self.assertEqual([os.path.basename(path) for path in files(build, ".a")], ["libhotslot-core.a"])
        self.assertEqual([os.path.relpath(path, build) for path in files(build, "src.hpp")], ["hotslot/include/hotslot/http/src.hpp"])

    def test_16_11_meson_with_the_sources(self):
        source, build = fresh("meson-source"), fresh("meson")
        shutil.copytree(SOURCES, source)
        os.mkdir(source + "/subprojects")
        os.symlink(ROOT, source + "/subprojects/hotslot")
        run("meson", "setup", build, source, "--buildtype=plain", "-Db_lundef=false",
            "-Dcpp_args=" + " ".join(FLAGS + ["-DBOOST_ASIO_RECYCLING_ALLOCATOR_CACHE_SIZE=4", "-DBOOST_ASIO_NO_DEPRECATED"]),
            "-Dcpp_link_args=" + " ".join(FLAGS))
        run("ninja", "-C", build)
        self.check(build + "/consumer")
        self.assertEqual([os.path.basename(path) for path in files(build, ".a", ".so")], ["libhotslot-base.a", "libhotslot-core.a"])
        self.assertEqual([os.path.basename(os.path.dirname(path)) for path in files(build, "src.hpp")], ["keys"])
        run("meson", "install", "-C", build, "--no-rebuild", DESTDIR=fresh("meson-root"))
        self.assertEqual([os.path.basename(path) for path in files(os.path.join(WORK, "meson-root"), "")], ["consumer"])

    def test_16_12_pkg_config(self):
        folder = fresh("pkg-config")
        sources = [os.path.join(SOURCES, name) for name in ("main.cpp", "pool.cpp", "use_nothing.cpp")]
        objects = compile_all(folder, COMPILER, sources, [*FLAGS, *pkg_config("--cflags", "hotslot")])
        run(*COMPILER, *FLAGS, *objects, *pkg_config("--libs", "hotslot"), "-o", folder + "/consumer")
        self.check(folder + "/consumer")
        needed = run("readelf", "-d", folder + "/consumer")
        for library in ("libcrypto", "libssl", "libz.", "libboost"):
            self.assertNotIn(library, needed)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
