#!/usr/bin/env python3
"""Compiles each header that users include alone, twice in one unit; or, as what one compiler takes another may not, all
there are in one; and examples, since warnings come where templates are used:

    headers.py [--together] ROOT WORK COMPILER OPTION...

Really, and into files, so that a compiler cache knows those that have not changed."""

import concurrent.futures
import os
import subprocess
import sys


# Not in the one that includes all: parts of their own, and paths of before.
APART = ("hotslot/core/", "hotslot/detail/", "hotslot/http/", "hotslot/keys/", "hotslot/process/", "hotslot/slot_key.hpp")


EXAMPLES = ("checkout", "dequeuer", "keys", "two_pools")


def headers(root):
    folder = os.path.join(root, "include")
    yield "hotslot.hpp"
    for at, _, names in os.walk(os.path.join(folder, "hotslot")):
        for name in sorted(name for name in names if name.endswith(".hpp")):
            yield os.path.relpath(os.path.join(at, name), folder)


def left_out(root, found):
    """What <hotslot.hpp> should include, and does not, directly or through its policies."""
    with open(os.path.join(root, "include/hotslot.hpp"), encoding="utf-8") as f:
        text = f.read()
    with open(os.path.join(root, "include/hotslot/policies/policies.hpp"), encoding="utf-8") as f:
        text += f.read()
    return [name for name in found
            if name != "hotslot.hpp" and not name.startswith(APART) and f"#include <{name}>" not in text]


def example(root, name):
    """In a namespace of its own, after all that it includes."""
    with open(os.path.join(root, "examples", name + ".cpp"), encoding="utf-8") as f:
        lines = f.readlines()
    yield from (line for line in lines if line.startswith("#include"))
    yield f"namespace example_{name} {{\n"
    yield from (line.replace("int main()", "void run()") for line in lines if not line.startswith("#include"))
    yield "}\n"


def compile_unit(root, work, command, name, lines):
    unit = os.path.join(work, name.replace("/", "-") + ".cpp")
    with open(unit, "w", encoding="utf-8") as f:
        f.writelines(lines)
    done = subprocess.run([*command, "-I", os.path.join(root, "include"), "-c", unit, "-o", unit + ".o"],
                          capture_output=True, text=True, check=False)
    return name, done.returncode, done.stderr


def main(*args):
    together = args[0] == "--together"
    root, work, *command = args[1:] if together else args
    os.makedirs(work, exist_ok=True)
    found = sorted(headers(root))
    parts = {"all": found} if together else {header: [header] for header in found if "/detail/" not in header}
    units = {name: [f"#include <{header}>\n" for header in included * 2] for name, included in parts.items()}
    units["examples"] = [line for name in EXAMPLES for line in example(root, name)]
    missing = left_out(root, found)
    print(*(f"wrong hotslot.hpp does not include {name}" for name in missing), sep="\n")
    wrong = len(missing)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, code, said in pool.map(lambda u: compile_unit(root, work, command, *u), units.items()):
            print("ok   " if code == 0 else "wrong", name, said[:2000] if code else "", flush=True)
            wrong += code != 0
    return 1 if wrong or not found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
