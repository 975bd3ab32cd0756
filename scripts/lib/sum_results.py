"""sum_results.py [LOG.json...] [--broken=WHAT...]: adds up what meson test logged; the last line is the sum.

A test that was skipped counts as neither. What broke before it could be tested counts as failed.
"""

import json
import os
import sys

PASSED = {"OK", "EXPECTEDFAIL"}
SKIPPED = {"SKIP", "IGNORED"}


def outcomes(path):
    run = os.path.splitext(os.path.basename(path))[0]
    with open(path, encoding="utf-8") as f:
        for line in f:
            test = json.loads(line)
            yield f"{run}: {test['name']}", test["result"]


def main(args):
    broken = [a.split("=", 1)[1] for a in args if a.startswith("--broken=") and a != "--broken="]
    all_tests = [o for a in args if not a.startswith("--broken=") for o in outcomes(a)]
    passed = [name for name, result in all_tests if result in PASSED]
    skipped = [name for name, result in all_tests if result in SKIPPED]
    failed = [f"{name}: {result}" for name, result in all_tests if result not in PASSED | SKIPPED] + broken
    for name in skipped:
        print("skipped", name)
    for name in failed:
        print("failed", name)
    print(f"{len(passed)} passed, {len(failed)} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
