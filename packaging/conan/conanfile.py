"""conan create packaging/conan: of the checkout that it lies in."""

import os
import re

from conan import ConanFile
from conan.tools.files import copy, load
from conan.tools.layout import basic_layout
from conan.tools.meson import Meson, MesonToolchain


class Hotslot(ConanFile):
    name = "hotslot"
    description = "Pools of warm workers for Boost.Asio"
    license = "Apache-2.0"
    package_type = "static-library"
    settings = "os", "compiler", "build_type", "arch"
    # What the parts need that are compiled by whoever links them.
    options = {"with_keys": [True, False], "with_http": [True, False], "with_process": [True, False]}
    default_options = {"with_keys": False, "with_http": False, "with_process": False}
    generators = "PkgConfigDeps"

    def set_version(self):
        header = load(self, os.path.join(self.recipe_folder, "../../include/hotslot/version.hpp"))
        self.version = re.search(r'HOTSLOT_VERSION "(.*)"', header)[1]

    def export_sources(self):
        root = os.path.join(self.recipe_folder, "../..")
        for pattern in ("LICENSE", "NOTICE", "meson.build", "meson_options.txt", "meson/*", "include/*", "install/*", "src/*"):
            copy(self, pattern, root, self.export_sources_folder)

    def layout(self):
        basic_layout(self)

    def requirements(self):
        self.requires("boost/[>=1.81 <2]", transitive_headers=True)
        if self.options.with_keys or self.options.with_http:
            self.requires("openssl/[>=3 <4]", transitive_headers=True)
        if self.options.with_http:
            self.requires("zlib/[>=1.2 <2]", transitive_headers=True)

    def generate(self):
        toolchain = MesonToolchain(self)
        for option in ("daemon", "tests", "examples"):
            toolchain.project_options[option] = "false"
        toolchain.generate()

    def build(self):
        meson = Meson(self)
        meson.configure()
        meson.build()

    def package(self):
        Meson(self).install()
        for name in ("LICENSE", "NOTICE"):
            copy(self, name, self.source_folder, os.path.join(self.package_folder, "licenses"))

    def package_info(self):
        # By its own package of CMake's, which has the parts as targets.
        self.cpp_info.set_property("cmake_find_mode", "none")
        self.cpp_info.builddirs = ["lib/cmake/hotslot"]
        self.cpp_info.libs = ["hotslot-core"]
        self.cpp_info.system_libs = ["pthread"]
