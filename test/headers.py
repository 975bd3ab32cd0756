#!/usr/bin/env python3
"""Compiles each public header alone, twice in one unit:  headers.py ROOT COMPILER OPTION..."""

import concurrent.futures
import os
import subprocess
import sys


def headers(root):
    folder = os.path.join(root, "include")
    for at, _, names in os.walk(os.path.join(folder, "hotslot")):
        for name in sorted(names):
            yield os.path.relpath(os.path.join(at, name), folder)


def compile_alone(root, command, header):
    unit = f"#include <{header}>\n#include <{header}>\n"
    done = subprocess.run([*command, "-I", os.path.join(root, "include"), "-fsyntax-only", "-x", "c++", "-"], input=unit,
                          capture_output=True, text=True, check=False)
    return header, done.returncode, done.stderr


def main(root, *command):
    wrong = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for header, code, said in pool.map(lambda h: compile_alone(root, command, h), sorted(headers(root))):
            print("ok   " if code == 0 else "wrong", header, said[:2000] if code else "", flush=True)
            wrong += code != 0
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
