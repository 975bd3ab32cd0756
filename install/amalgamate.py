"""amalgamate.py DEPFILE PART SRC OUTPUT SOURCE...: writes the sources of a part as one header, which is to be included in one file of a
program. Headers of the folder SRC that they include are written where they are first included; others stay as they
are. DEPFILE tells of them."""

import os
import re
import sys

INCLUDE = re.compile(r'^#include "([^"]+)"$')


class Amalgam:
    def __init__(self, src):
        self.src = os.path.abspath(src)
        self.included = set()

    def find(self, path, name):
        for folder in (os.path.dirname(path), self.src):
            found = os.path.normpath(os.path.join(folder, name))
            if os.path.isfile(found):
                return found
        raise SystemExit(f"{path}: there is no {name}")

    def lines(self, path):
        """Of one file, each at the line that it has there, for diagnostics."""
        name = os.path.relpath(path, self.src) if path.startswith(self.src) else os.path.basename(path)
        yield f'#line 1 "hotslot/src/{name}"'
        with open(path, encoding="utf-8") as f:
            for number, line in enumerate(f.read().splitlines(), 1):
                match = INCLUDE.match(line)
                if match:
                    yield from self.header(self.find(path, match[1]))
                    yield f'#line {number + 1} "hotslot/src/{name}"'
                elif line != "#pragma once":
                    yield line
                else:
                    yield ""

    def header(self, path):
        """Guarded, since several parts may be in one file."""
        if path in self.included:
            return
        self.included.add(path)
        guard = "HOTSLOT_SRC_" + re.sub(r"\W", "_", os.path.relpath(path, self.src)).upper()
        yield f"#ifndef {guard}"
        yield f"#define {guard}"
        yield from self.lines(path)
        yield "#endif"


def main(depfile, part, src, output, *sources):
    amalgam = Amalgam(src)
    guard = f"HOTSLOT_{part.upper()}_SRC_HPP"
    with open(output, "w", encoding="utf-8") as f:
        print(f"// The sources of hotslot's part {part}: to be included in one file of a program that uses it. Made by amalgamate.py.",
              f"#ifndef {guard}", f"#define {guard}", "#pragma GCC system_header", sep="\n", file=f)
        for source in sources:
            print(*amalgam.lines(os.path.abspath(source)), sep="\n", file=f)
        print("#endif", file=f)
    with open(depfile, "w", encoding="utf-8") as f:
        print(f"{output}:", *sorted(amalgam.included), file=f)


if __name__ == "__main__":
    main(*sys.argv[1:])
