#!/usr/bin/env python3
"""What the steps of scripts/test cost.

    costs.py FOLDER COSTS            prints where the minutes went, and fails where a suite takes twice what it may
    costs.py --record FOLDER COSTS   makes what it took now what it may take
    costs.py --only-tell FOLDER COSTS   fails never: what it may take was measured on another platform

FOLDER has a line for each step in steps.tsv (name, seconds), and for each run of meson test RUN.json (meson's log) and
RUN.cpu (of measured.py). What is compared is processor time, as a part of what a fixed piece of work takes on the same
machine in the same run, and as a part of what the other suites take there: neither its speed nor what else it does
decides. COSTS has the figures that suites may be held to."""

import json
import os
import statistics
import sys
import time

GROWN = 2.0
SLACK = 60.0  # Of so few units more nothing is said.


def unit():
    """The processor time of a fixed piece of work, the least of three."""
    def work():
        began = time.process_time()
        n = 1
        for i in range(2_000_000):
            n = (n * 1103515245 + i) & 0x7FFFFFFF
        return time.process_time() - began
    return min(work() for _ in range(3))


def lines(path):
    if os.path.exists(path):
        with open(path, encoding="utf-8") as f:
            for line in f:
                yield json.loads(line)


def suite_of(test):
    return test["name"].split(" / ")[0].split(":")[-1]


def suites(folder):
    """(run, suite) -> [tests, seconds that passed, seconds of processor time]"""
    found = {}
    for name in sorted(os.listdir(folder)):
        run, ending = os.path.splitext(name)
        if ending != ".json":
            continue
        cpu = {}
        for line in lines(os.path.join(folder, run + ".cpu")):
            cpu[tuple(line["command"])] = line["cpu"]
        for test in lines(os.path.join(folder, name)):
            own = next((used for words, used in cpu.items() if tuple(test["command"][-len(words):]) == words), 0.0)
            entry = found.setdefault((run, suite_of(test)), [0, 0.0, 0.0])
            entry[0] += 1
            entry[1] += test["duration"]
            entry[2] += own
    return found


def steps(folder):
    with open(os.path.join(folder, "steps.tsv"), encoding="utf-8") as f:
        return [line.rstrip("\n").split("\t") for line in f]


def grown(taken, known):
    """What says which suites take twice what they may, and twice as much more as most do. A machine on which all takes
    more, for its memory or its kernel, is no reason."""
    both = {name: now / known[name] for name, now in taken.items() if known.get(name, 0) > SLACK}
    machine = max(1.0, statistics.median(both.values())) if both else 1.0
    return [f"{name}: {now:.1f} units, more than twice {known[name] * machine:.1f}"
            for name, now in taken.items() if name in known and now > GROWN * machine * known[name] + SLACK]


def main(args):
    record, only_tell = "--record" in args, "--only-tell" in args
    folder, costs = args[-2:]
    found = suites(folder)
    one = unit()
    print("Where the time went: steps, which overlap, and suites, whose tests do")
    for name, seconds in steps(folder):
        print(f"  {name:<34}{seconds:>6} s")
    taken = {}
    for (run, suite), (tests, wall, cpu) in sorted(found.items()):
        taken[f"{run}: {suite}"] = round(cpu / one, 1)
        print(f"  {run + ': ' + suite:<34}{wall:>6.0f} s in {tests} tests, {cpu:.0f} s of processor time")
    if record and not only_tell:
        with open(costs, "w", encoding="utf-8") as f:
            json.dump(taken, f, indent=2, sort_keys=True)
            f.write("\n")
        return 0
    with open(costs, encoding="utf-8") as f:
        known = json.load(f)
    more = grown(taken, known)
    for line in more:
        print("grown", line)
    return 1 if more and not only_tell else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
