#!/usr/bin/env python3
"""measured.py LOG COMMAND...: runs the command, and appends to LOG what it took, with what it has started, as a JSON line:
its words, the seconds of processor time and those that passed. For `meson test --wrapper`."""

import json
import os
import resource
import subprocess
import sys
import time


def main(log, *command):
    began = time.monotonic()
    code = subprocess.run(command, check=False).returncode
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    line = {"command": command, "cpu": used.ru_utime + used.ru_stime, "wall": time.monotonic() - began}
    with open(log, "a", encoding="utf-8") as f:
        f.write(json.dumps(line) + "\n")
    if code < 0: # as whoever started it would have seen it
        os.kill(os.getpid(), -code)
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
