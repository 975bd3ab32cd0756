#!/usr/bin/env python3
"""The completions of the shells know each command and flag of hotslotctl, each order of the server, and no others.

    completions.py ROOT HOTSLOTCTL"""

import os
import re
import shutil
import subprocess
import sys
import unittest

ROOT, HOTSLOTCTL = (os.path.abspath(a) for a in sys.argv[1:])
del sys.argv[1:]
FOLDER = os.path.join(ROOT, "data", "completions")
FILES = {"bash": "hotslotctl.bash", "zsh": "_hotslotctl", "fish": "hotslotctl.fish"}


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as f:
        return f.read()


def help_of(*command):
    done = subprocess.run([HOTSLOTCTL, *command, "--help"], env={}, capture_output=True, text=True, timeout=30, check=True)
    return done.stdout


def commands():
    return re.findall(r"^  ([a-z]+) ", help_of().split("Subcommands:\n")[1], re.MULTILINE)


def flags(*command):
    heads = (re.match(r"\s*((?:-[\w-]+[, ]*)+)", line) for line in help_of(*command).splitlines())
    return {flag for head in heads if head for flag in re.findall(r"(--[a-z][a-z-]*|-[A-Za-z])(?=[\s,]|$)", head[1])}


def orders():
    """As the server's sources have them, but for why workers ended."""
    text = read(ROOT, "src", "http", "stats", "queue_counters.hpp")
    parts = [re.search(rf"{name}\[\] = {{(.*?)\n}};", text, re.DOTALL)[1] for name in ("gauges", "counters")]
    names = re.findall(r'^    {"([a-z_]+)"', "\n".join(parts), re.MULTILINE)
    return {"need", "errors"} | {name for name in names if not name.startswith("ejected_")}


def completed(*words):
    """What bash offers for the last of the words."""
    script = f'source "{FOLDER}/hotslotctl.bash"; COMP_LINE=$1; COMP_POINT=${{#COMP_LINE}}; _hotslotctl; echo "${{COMPREPLY[*]}}"'
    path = os.path.dirname(HOTSLOTCTL) + ":/usr/bin:/bin"
    done = subprocess.run(["bash", "-c", script, "bash", " ".join(("hotslotctl", *words))], env={"PATH": path}, capture_output=True,
                          text=True, timeout=30, check=True)
    return set(done.stdout.split())


class Completions(unittest.TestCase):
    def test_they_are_well_formed(self):
        for shell, file in FILES.items():
            if shutil.which(shell):
                done = subprocess.run([shell, "-n", os.path.join(FOLDER, file)], capture_output=True, text=True, timeout=30,
                                      check=False)
                self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""), shell)

    def test_they_have_each_command_and_flag(self):
        known = flags().union(*(flags(command) for command in commands()))
        self.assertLessEqual({"--token-file", "--by", "--match", "-H", "-h"}, known)
        for shell, file in FILES.items():
            text = read(FOLDER, file)
            for command in commands():
                self.assertRegex(text, rf"\b{command}\b", shell)
            for flag in known:
                name = flag.lstrip("-")
                said = rf"-{'l' if flag.startswith('--') else 's'} {name}\b" if shell == "fish" else rf"(?<![\w-]){flag}(?![\w-])"
                self.assertRegex(text, said, f"{flag} in {file}")

    def test_they_have_each_order(self):
        for file in FILES.values():
            words = set(re.findall(r"[a-z_]+", read(FOLDER, file)))
            self.assertEqual(orders() - words, set(), file)

    def test_what_bash_offers(self):
        self.assertEqual(completed(""), set(commands()))
        self.assertEqual(completed("--json", "wa"), {"watch"})
        self.assertEqual(completed("help", "re"), {"recycle", "reload"})
        self.assertEqual(completed("watch", "--by", ""), orders())
        self.assertEqual(completed("watch", "--i"), {"--interval"})
        self.assertEqual(completed("drain", "--i"), set())
        for command in commands():
            self.assertEqual(completed(command, "--"), {f for f in flags(command) | flags() if f.startswith("--")}, command)
        self.assertEqual(completed("stats", "--admin", "http://127.0.0.1:1", ""), set(), "no server, no functions")
        self.assertEqual(completed("stats", "--match", ""), set())


if __name__ == "__main__":
    unittest.main()
