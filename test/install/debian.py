#!/usr/bin/env python3
"""debian.py ROOT WORK: builds the Debian packages of packaging/debian, and looks what is in them. 77 where that cannot be tried."""

import glob
import os
import shutil
import subprocess
import sys
import unittest

ROOT, WORK = sys.argv[1:]
SOURCE = os.path.join(WORK, "hotslot")
# As far as they are those of who builds, nothing is to come of them.
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith(("MESON", "NINJA", "DESTDIR", "CXX", "CC"))},
    "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
    "DEB_BUILD_OPTIONS": "noopt parallel=2",
}


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, cwd=SOURCE, env=ENVIRONMENT)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: {done.returncode}\n{done.stdout[-5000:]}")
    return done.stdout


def left_out(folder, names):
    """What has been built, and what others have made."""
    return {name for name in names if name in (".git", "node_modules") or
            folder == ROOT and (name == "subprojects" or name.startswith("build"))}


def copy():
    shutil.rmtree(WORK, ignore_errors=True)
    shutil.copytree(ROOT, SOURCE, ignore=left_out, symlinks=True)
    shutil.copytree(os.path.join(ROOT, "packaging/debian"), os.path.join(SOURCE, "debian"))


def what_is_missing():
    if not shutil.which("dpkg-buildpackage") or not shutil.which("dh"):
        return "no dpkg-buildpackage, or no debhelper"
    missing = subprocess.run(["dpkg-checkbuilddeps"], cwd=SOURCE, capture_output=True, text=True, check=False)
    return missing.stderr.strip() if missing.returncode != 0 else None


class DebianTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        run("dpkg-buildpackage", "-b", "-us", "-uc")

    def package(self, name):
        (path,) = glob.glob(f"{WORK}/{name}_*.deb")
        return path

    def contents(self, name):
        return [line.split()[5] for line in run("dpkg-deb", "-c", self.package(name)).splitlines()]

    def test_16_13_what_the_packages_have(self):
        server, library = self.contents("hotslotd"), self.contents("libhotslot-dev")
        for path in ("./usr/bin/hotslotd", "./usr/bin/hotslotctl", "./usr/share/man/man8/hotslotd.8.gz",
                     "./usr/share/bash-completion/completions/hotslotctl", "./usr/share/zsh/vendor-completions/_hotslotctl",
                     "./usr/share/fish/vendor_completions.d/hotslotctl.fish"):
            self.assertIn(path, server)
        unit = "lib/systemd/system/hotslotd.service" # where it is differs by the release
        self.assertTrue({"./" + unit, "./usr/" + unit} & set(server))
        for path in ("./usr/include/hotslot/slot_queue.hpp", "./usr/include/hotslot/http/src.hpp", "./usr/share/hotslot/http.cpp"):
            self.assertIn(path, library)
        for ending in ("/libhotslot-core.a", "/cmake/hotslot/hotslotConfig.cmake", "/pkgconfig/hotslot.pc"):
            self.assertEqual(len([path for path in library if path.endswith(ending)]), 1, ending)

    def test_16_15_what_they_have_runs(self):
        root = os.path.join(WORK, "root")
        for name in ("hotslotd", "libhotslot-dev"):
            run("dpkg-deb", "-x", self.package(name), root)
        for program in ("hotslotd", "hotslotctl"):
            self.assertIn("0.1.0", run(os.path.join(root, "usr/bin", program), "--version"))
        depends = run("dpkg-deb", "-f", self.package("hotslotd"), "Depends")
        self.assertIn("libssl3", depends)
        (archive,) = glob.glob(root + "/usr/lib/*/libhotslot-core.a")
        self.assertNotIn("boost::asio", run("nm", "-C", archive))


if __name__ == "__main__":
    copy()
    MISSING = what_is_missing()
    if MISSING:
        print("skipped:", MISSING)
        sys.exit(77)
    unittest.main(argv=sys.argv[:1], verbosity=2)
