#!/usr/bin/env python3
"""Runs a fuzzer for HOTSLOT_FUZZ_SECONDS (15): first over the seeds in the tree, then on its own.

    run.py PROGRAM SEEDS DICTIONARY FOUND

What breaks it is kept in the folder FOUND, beside what it has learnt, which later runs go on with.
"""

import os
import pathlib
import subprocess
import sys


def main(program, seeds, dictionary, found):
    seconds = int(os.environ.get("HOTSLOT_FUZZ_SECONDS", "15"))
    learnt = pathlib.Path(found) / "corpus"
    learnt.mkdir(parents=True, exist_ok=True)
    command = [program, f"-max_total_time={seconds}", f"-dict={dictionary}", f"-artifact_prefix={found}/", "-timeout=10",
               "-rss_limit_mb=1024", "-max_len=4096", "-print_final_stats=1", "-verbosity=1", str(learnt), seeds]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, errors="replace", check=False)
    # A run that got nowhere would pass as well as one that found nothing.
    executed = [line for line in done.stderr.splitlines() if "number_of_executed_units" in line]
    lines = done.stderr.splitlines()
    print("\n".join(lines[-200:] if done.returncode else lines[-12:]))
    return done.returncode if done.returncode or executed else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
