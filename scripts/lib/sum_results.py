"""sum_results.py [LOG.json...] [--broken=WHAT...]: adds up what meson test logged; the last line is the sum.

A test that was skipped counts as neither. What broke before it could be tested counts as failed.
"""

import json
import os
import sys

PASSED = {"OK", "EXPECTEDFAIL"}
SKIPPED = {"SKIP", "IGNORED"}
SAID = 30 # Lines of what a test said that failed, which are far up by now.


def outcomes(path):
    run = os.path.splitext(os.path.basename(path))[0]
    with open(path, encoding="utf-8") as f:
        for line in f:
            test = json.loads(line)
            said = f"{test.get('stdout', '')}\n{test.get('stderr', '')}".strip().splitlines()[-SAID:]
            yield f"{run}: {test['name']}", test["result"], said


def main(args):
    broken = [a.split("=", 1)[1] for a in args if a.startswith("--broken=") and a != "--broken="]
    all_tests = [o for a in args if not a.startswith("--broken=") for o in outcomes(a)]
    passed = [name for name, result, _ in all_tests if result in PASSED]
    skipped = [name for name, result, _ in all_tests if result in SKIPPED]
    failed = [(f"{name}: {result}", said) for name, result, said in all_tests if result not in PASSED | SKIPPED]
    failed += [(what, []) for what in broken]
    for name in skipped:
        print("skipped", name)
    for name, said in failed:
        print("failed", name)
        print(*(f"    {line}" for line in said), sep="\n", end="\n" if said else "")
    print(f"{len(passed)} passed, {len(failed)} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
