#!/usr/bin/python3
"""In place of an OCI runtime: isolates nothing, and notes what it was given of descriptors in the file beside it."""

import json
import os
import sys


def value_of(flag):
    return sys.argv[sys.argv.index(flag) + 1]


def note(what):
    found = []
    for fd in os.listdir("/proc/self/fd"):
        try:
            found.append(os.readlink(f"/proc/self/fd/{fd}"))
        except OSError:
            pass  # that by which they are listed
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "given"), "a", encoding="utf-8") as out:
        out.write(json.dumps([what, found]) + "\n")


if "run" in sys.argv:
    note("run")
    os.makedirs(os.path.join(value_of("--root"), sys.argv[-1]))
    with open(os.path.join(value_of("--bundle"), "config.json"), encoding="utf-8") as file:
        process = json.load(file)["process"]
    os.execve(process["args"][0], process["args"], dict(variable.split("=", 1) for variable in process["env"]))
note("delete")
