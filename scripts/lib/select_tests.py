"""select_tests.py BUILD NAME: the arguments by which `meson test` runs the suite or else the test NAME.
select_tests.py --targets BUILD ARGUMENT...: what has to be built for what these arguments run, a line each."""

import json
import os
import subprocess
import sys


def introspect(build, what):
    return json.loads(subprocess.check_output(["meson", "introspect", what, build]))


def suites(test):
    return {suite.split(":")[-1] for suite in test["suite"]}


def arguments(build, name):
    tests = introspect(build, "--tests")
    if any(name in suites(test) for test in tests):
        print("--suite", name)
    elif name in {test["name"] for test in tests}:
        print(name)
    else:
        print("suites:", *sorted(set().union(*map(suites, tests))), file=sys.stderr)
        print("tests:", *sorted(test["name"] for test in tests), file=sys.stderr)
        return 1
    return 0


def targets(build, *chosen):
    files = {t["id"]: t["filename"] for t in introspect(build, "--targets")}
    name = chosen[-1]
    for test in introspect(build, "--tests"):
        if name in suites(test) or name == test["name"]:
            for target in test["depends"]:
                print(*(os.path.relpath(f, os.path.abspath(build)) for f in files.get(target, [])), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(targets(*sys.argv[2:]) if sys.argv[1] == "--targets" else arguments(*sys.argv[1:]))
