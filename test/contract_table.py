#!/usr/bin/env python3
"""Checks that the cancellation table of docs/contract.md is the one that the tests take their cases from.

    contract_table.py DOCUMENT TEST_PROGRAM    compare
    contract_table.py --self-test              check that the check can fail
"""

import difflib
import subprocess
import sys

HEADER = "| what ends it | operations | phases | the caller gets | the queue |"


def documented(text):
    """The rows of the one table in the document that has our header."""
    lines = text.splitlines()
    if lines.count(HEADER) != 1:
        raise ValueError(f"expected the table once: {HEADER}")
    rows = []
    for line in lines[lines.index(HEADER) + 2:]:
        if not line.startswith("|"):
            break
        rows.append(line)
    return rows


def tested(output):
    return [line for line in output.splitlines() if line.startswith("| ")]


def differences(document, output):
    rows = tested(output)
    if not rows:
        return ["the test program prints no table"]
    return list(difflib.unified_diff(documented(document), rows, "document", "test", lineterm="", n=0))


def self_test():
    document = "\n".join(["| a |", "|---|", "| other |", "", HEADER, "|---|", "| x | 1 |", "| y | 2 |", "", "| z | 3 |"])
    cases = [
        ("seed 1\n| x | 1 |\n| y | 2 |\n====\n", 0),
        ("| x | 1 |\n", 1),
        ("| y | 2 |\n| x | 1 |\n", 1),
        ("| x | 1 |\n| y | 3 |\n", 1),
        ("| x | 1 |\n| y | 2 |\n| z | 3 |\n", 1),
        ("seed 1\n", 1),
    ]
    wrong = [f"self-test: {output!r}" for output, differs in cases if bool(differences(document, output)) != bool(differs)]
    for broken in ("", document + "\n" + HEADER):
        try:
            documented(broken)
            wrong.append(f"self-test: accepted {broken!r}")
        except ValueError:
            pass
    return wrong


def main(args):
    if args == ["--self-test"]:
        wrong = self_test()
    elif len(args) == 2:
        with open(args[0], encoding="utf-8") as f:
            document = f.read()
        output = subprocess.run([args[1], "[.table]"], stdout=subprocess.PIPE, text=True, check=True, timeout=60).stdout
        wrong = differences(document, output)
    else:
        print(__doc__, file=sys.stderr)
        return 2
    print("\n".join(wrong) if wrong else "the same")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
