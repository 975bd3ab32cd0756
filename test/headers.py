#!/usr/bin/env python3
"""Compiles each public header alone, twice in one unit; or, as what one compiler takes another may not, all in one:

    headers.py [--together] ROOT WORK COMPILER OPTION...

Really, and into files, so that a compiler cache knows those that have not changed."""

import concurrent.futures
import os
import subprocess
import sys


def headers(root):
    folder = os.path.join(root, "include")
    for at, _, names in os.walk(os.path.join(folder, "hotslot")):
        for name in sorted(names):
            yield os.path.relpath(os.path.join(at, name), folder)


def compile_unit(root, work, command, name, included):
    unit = os.path.join(work, name.replace("/", "-") + ".cpp")
    with open(unit, "w", encoding="utf-8") as f:
        f.writelines(f"#include <{header}>\n" for header in included * 2)
    done = subprocess.run([*command, "-I", os.path.join(root, "include"), "-c", unit, "-o", unit + ".o"],
                          capture_output=True, text=True, check=False)
    return name, done.returncode, done.stderr


def main(*args):
    together = args[0] == "--together"
    root, work, *command = args[1:] if together else args
    os.makedirs(work, exist_ok=True)
    found = sorted(headers(root))
    units = {"all": found} if together else {header: [header] for header in found}
    wrong = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, code, said in pool.map(lambda u: compile_unit(root, work, command, *u), units.items()):
            print("ok   " if code == 0 else "wrong", name, said[:2000] if code else "", flush=True)
            wrong += code != 0
    return 1 if wrong or not found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
