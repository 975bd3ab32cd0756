#!/usr/bin/env python3
"""The manual says what there is: each flag that a program's --help knows, each member of the configuration that hotslotd
reads, and docs/configuration.md has the latter too.

    man.py ROOT HOTSLOTD HOTSLOTCTL"""

import glob
import os
import re
import shutil
import subprocess
import sys
import unittest

ROOT, HOTSLOTD, HOTSLOTCTL = (os.path.abspath(a) for a in sys.argv[1:])
del sys.argv[1:]
COMMANDS = ("list", "stats", "watch", "call", "drain", "recycle", "reload", "help")
FLAG = re.compile(r"(?<![\w-])(--[a-z][a-z-]*|-[A-Za-z])(?=[\s,]|$)")
MEMBER = re.compile(r'\b(?:integer|string|boolean|fraction|path|choice|find|within|require|required_string|checked|read_[a-z]+)'
                    r'\((?:\w+, )?"([a-z_]+)"')


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as f:
        return f.read()


def page(name):
    return read("docs", "man", name)


def flags(*command):
    done = subprocess.run([*command, "--help"], env={}, capture_output=True, text=True, timeout=30, check=True)
    # The first word or two of a line, before what it does.
    heads = (re.match(r"\s*((?:-[\w-]+[, ]*)+)", line) for line in done.stdout.splitlines())
    return {flag for head in heads if head for flag in FLAG.findall(head[1])}


def members():
    """Of the configuration, by what its readers ask for."""
    found = set()
    for source in glob.glob(os.path.join(ROOT, "src", "daemon", "config", "*.cpp")):
        found |= set(MEMBER.findall(read(source)))
    return found


class Manual(unittest.TestCase):
    def check_flags(self, text, known):
        for flag in known:
            self.assertRegex(text, rf"\bFl {re.escape(flag[1:])}(?![\w-])", flag)

    def test_flags_of_the_server(self):
        known = flags(HOTSLOTD)
        self.assertIn("--check-config", known)
        self.check_flags(page("hotslotd.8"), known)

    def test_flags_and_commands_of_the_tool(self):
        text = page("hotslotctl.1")
        known = flags(HOTSLOTCTL)
        self.assertIn("--token-file", known)
        self.check_flags(text, known)
        for command in COMMANDS:
            self.check_flags(text, flags(HOTSLOTCTL, command))
            self.assertIn(f".It Cm {command}", text)

    def test_there_are_no_other_commands(self):
        done = subprocess.run([HOTSLOTCTL, "--help"], env={}, capture_output=True, text=True, timeout=30, check=True)
        listed = done.stdout.split("Subcommands:\n")[1]
        self.assertEqual(tuple(re.findall(r"^  ([a-z]+) ", listed, re.MULTILINE)), COMMANDS)

    def test_members_of_the_configuration(self):
        known = members()
        self.assertGreater(len(known), 40, sorted(known))
        self.assertLessEqual({"listen", "client_ca", "timeout_s", "burst", "fail_fast", "cpu_milli", "trigger"}, known)
        named = set()
        for line in page("hotslotd.json.5").splitlines():
            if re.match(r"\.(It )?Va ", line):
                named |= set(re.findall(r"[a-z_]+", line.split("Va ", 1)[1]))
        self.assertEqual(known - named, set(), "not in hotslotd.json.5")
        told = read("docs", "configuration.md")
        self.assertEqual({m for m in known if not re.search(rf'[`"]{m}[`"]', told)}, set(), "not in docs/configuration.md")

    def test_each_variable_that_is_read(self):
        text = page("hotslotd.8")
        for source in ("service/activation.cpp", "service/service_manager.cpp", "log/log.cpp"):
            for name in re.findall(r'"([A-Z_]{6,})"', read("src", "daemon", *source.split("/"))):
                self.assertRegex(text, rf"\.It Ev .*\b{name}\b")

    @unittest.skipUnless(shutil.which("mandoc"), "mandoc is not here")
    def test_pages_are_well_formed(self):
        for name in os.listdir(os.path.join(ROOT, "docs", "man")):
            if name.endswith((".1", ".5", ".8")):
                done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", os.path.join(ROOT, "docs", "man", name)],
                                      capture_output=True, text=True, timeout=30, check=False)
                self.assertEqual(done.stdout, "")


if __name__ == "__main__":
    unittest.main()
