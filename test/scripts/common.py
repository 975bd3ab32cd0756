#!/usr/bin/env python3
"""What the scripts share, where they end at the first error, as they do.  Usage: common.py SOURCES"""

import os
import subprocess
import sys
import tempfile
import unittest

SOURCES = os.path.abspath(sys.argv.pop())
MESON = """#!/bin/sh
mkdir -p "$2" && echo "$*" >>"$2/set-up" && touch "$2/build.ninja"
"""


class Configure(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        with open(self.folder + "/meson", "w", encoding="utf-8") as f:
            f.write(MESON)
        os.chmod(self.folder + "/meson", 0o755)

    def configure(self, *options):
        """How often it has been set up by now."""
        script = f"set -euo pipefail; source scripts/lib/common.sh; configure {self.folder}/build {' '.join(options)}; echo done"
        # With nothing of the programs that a build may look for.
        done = subprocess.run(["bash", "-c", script], cwd=SOURCES, capture_output=True, text=True, check=False,
                              env={"PATH": f"{self.folder}:/bin", "LC_ALL": "C"})
        self.assertEqual(done.stdout, "done\n", done.stderr)
        with open(self.folder + "/build/set-up", encoding="utf-8") as f:
            return len(f.readlines())

    def test_programs_may_be_missing(self):
        self.assertEqual(self.configure("-Da=b"), 1)

    def test_it_is_set_up_anew_where_something_has_changed(self):
        self.configure("-Da=b")
        with open(self.folder + "/build/mine", "w", encoding="utf-8"):
            pass
        self.assertEqual(self.configure("-Da=b"), 1)
        self.assertTrue(os.path.exists(self.folder + "/build/mine"))
        self.configure("-Da=c")
        self.assertFalse(os.path.exists(self.folder + "/build/mine"))
        with open(self.folder + "/nginx", "w", encoding="utf-8"):
            pass
        os.chmod(self.folder + "/nginx", 0o755)
        with open(self.folder + "/build/mine", "w", encoding="utf-8"):
            pass
        self.configure("-Da=c")
        self.assertFalse(os.path.exists(self.folder + "/build/mine"))


class Cache(unittest.TestCase):
    def test_of_another_checkout_clang_takes_nothing(self):
        """Its precompiled headers are of their folder."""
        def no_folder(compiler):
            script = f"source scripts/lib/common.sh; CXX={compiler}; use_ccache; echo ${{CCACHE_NOHASHDIR-none}}"
            return subprocess.run(["bash", "-c", script], cwd=SOURCES, capture_output=True, text=True, check=True,
                                  env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"}).stdout
        self.assertEqual(no_folder("g++"), "1\n")
        self.assertEqual(no_folder("clang++-16"), "none\n")


class Costs(unittest.TestCase):
    def grown(self, **taken):
        known = {"a": 100, "b": 200, "c": 300, "d": 5}
        sys.path.insert(0, SOURCES + "/scripts/lib")
        import costs
        return [line.split(":")[0] for line in costs.grown({**known, **taken}, known)]

    def test_a_suite_that_takes_twice_what_it_may_and_more_than_a_little_more(self):
        self.assertEqual(self.grown(), [])
        self.assertEqual(self.grown(b=450, d=60), [])
        self.assertEqual(self.grown(b=470), ["b"])
        self.assertEqual(self.grown(a=270, d=80), ["a", "d"])

    def test_a_machine_on_which_all_takes_more_is_no_reason(self):
        self.assertEqual(self.grown(a=290, b=580, c=860), [])
        self.assertEqual(self.grown(a=190, b=380, c=1300), ["c"])


if __name__ == "__main__":
    unittest.main()
