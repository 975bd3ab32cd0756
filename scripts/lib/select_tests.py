"""select_tests.py BUILD NAME: the arguments by which `meson test` runs the suite or else the test NAME."""

import json
import subprocess
import sys


def main(build, name):
    tests = json.loads(subprocess.check_output(["meson", "introspect", "--tests", build]))
    suites = {suite.split(":")[-1] for test in tests for suite in test["suite"]}
    if name in suites:
        print("--suite", name)
    elif name in {test["name"] for test in tests}:
        print(name)
    else:
        print("suites:", *sorted(suites), file=sys.stderr)
        print("tests:", *sorted(test["name"] for test in tests), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
