#!/usr/bin/env python3
"""Checks the layer rule of docs/design.md by the #include lines, that no file grows without end, and that no
condition awaits: GCC 12 destroys the temporaries of `if (co_await f(temporary))` twice.

    layers.py ROOT          check the source tree at ROOT
    layers.py --self-test   check that the check can fail
"""

import os
import posixpath
import re
import sys
import tempfile

# What a layer may include beside itself, and which libraries it must not know.
LAYERS = {
    "core": (set(), {"boost/asio", "boost/beast", "boost/json", "spdlog", "fmt", "CLI",
                     "thread", "mutex", "condition_variable", "iostream"}),
    "asio": ({"core"}, {"boost/beast", "boost/json", "spdlog", "fmt", "CLI"}),
    "http": ({"core", "asio"}, {"spdlog", "fmt", "CLI"}),
    "process": ({"core", "asio"}, {"spdlog", "fmt", "CLI"}),
    "daemon": ({"core", "asio", "http", "process"}, set()),
    # Beside the layers: a client, which knows of a server what its addresses say.
    "ctl": ({"core"}, {"spdlog"}),
}

# Longest prefix first.
FOLDERS = [
    ("include/hotslot/core/", "core"),
    ("include/hotslot/http/", "http"),
    ("include/hotslot/process/", "process"),
    ("include/hotslot/detail/", "asio"),
    ("src/core/", "core"),
    ("src/asio/", "asio"),
    ("src/http/", "http"),
    ("src/process/", "process"),
    ("src/daemon/", "daemon"),
    ("src/ctl/", "ctl"),
]

# Of no layer: Boost's own sources, compiled once, and what is precompiled.
OUTSIDE = ("src/external/", "src/pch/")

MAX_LINES = 600
MEASURED = ("include", "src", "test", "examples", "scripts")
SOURCES = (".hpp", ".cpp", ".h", ".ipp", ".py", ".js", ".sh")

AWAITING_CONDITION = re.compile(r"\b(?:if|while|switch) \((?![^;=]*[^=]=\s*co_await)[^;]*\bco_await\b")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def layer_of(path):
    for prefix, layer in FOLDERS:
        if path.startswith(prefix):
            return layer
    if path.startswith("include/hotslot/") and path.count("/") == 2:
        return "asio"
    return None


def files(root, folders, endings):
    for folder in folders:
        for at, names, found in os.walk(os.path.join(root, folder)):
            names[:] = [n for n in names if n not in ("node_modules", "__pycache__")]
            for name in found:
                if name.endswith(endings):
                    yield os.path.relpath(os.path.join(at, name), root).replace(os.sep, "/")


def resolve(root, path, quoted, target):
    """The file of this tree that is included, or None: a library's."""
    places = ["include", "src"]
    if quoted:
        places.insert(0, posixpath.dirname(path))
    for place in places:
        found = posixpath.normpath(posixpath.join(place, target))
        if os.path.isfile(os.path.join(root, found)):
            return found
    return "include/" + target if target.startswith("hotslot/") else None


def check_library(layer, target):
    for name in LAYERS[layer][1]:
        if target == name or target.startswith((name + "/", name + ".")):
            return f"{layer} must not know <{target}>"
    return None


def check_own(path, layer, target):
    to = layer_of(target)
    if path.startswith("include/") and not target.startswith("include/"):
        return f"a public header must not include {target}"
    if to is None:
        return f"{target} belongs to no layer"
    if to != layer and to not in LAYERS[layer][0]:
        return f"{layer} must not include {to}: {target}"
    if to != layer and target.startswith("src/"):
        return f"{layer} must not include the private {target} of {to}"
    if layer == "daemon" and to != layer and "/detail/" in target:
        return f"daemon must use public headers only, as any embedder would: {target}"
    return None


def check_file(root, path):
    layer = layer_of(path)
    if layer is None:
        if not path.startswith(OUTSIDE):
            yield f"{path}: belongs to no layer of docs/design.md"
        return
    with open(os.path.join(root, path), encoding="utf-8") as f:
        text = f.read()
    for match in INCLUDE.finditer(text):
        line = text.count("\n", 0, match.start(2)) + 1
        target = resolve(root, path, match[1] == '"', match[2])
        wrong = check_own(path, layer, target) if target else check_library(layer, match[2])
        if wrong:
            yield f"{path}:{line}: {wrong}"


def check_length(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as f:
        lines = sum(1 for _ in f)
    if lines > MAX_LINES:
        yield f"{path}: {lines} lines, more than {MAX_LINES}: it holds more than one subject, split it"


def check_conditions(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            if AWAITING_CONDITION.search(line):
                yield f"{path}:{number}: awaits inside a condition, which GCC 12 miscompiles: name the result first"


def check(root):
    wrong = []
    for path in files(root, ("include", "src"), SOURCES):
        wrong += check_file(root, path)
    for path in files(root, MEASURED, SOURCES):
        wrong += check_length(root, path)
    for path in files(root, ("include", "src", "test", "examples"), (".hpp", ".cpp")):
        wrong += check_conditions(root, path)
    return sorted(wrong)


# Path -> text and what is to be found in it; nothing where it is right.
SAMPLE = {
    "include/hotslot/core/a.hpp": ("#include <chrono>\n#include <boost/intrusive/list.hpp>\n", None),
    "include/hotslot/core/b.hpp": ("\n#include <boost/asio.hpp>\n", ":2: core must not know <boost/asio.hpp>"),
    "include/hotslot/core/c.hpp": ("#include <hotslot/slot.hpp>\n", "core must not include asio"),
    "include/hotslot/core/d.hpp": ("#include <thread>\n", "core must not know <thread>"),
    "include/hotslot/core/e.hpp": ('#include "../http/a.hpp"\n', "core must not include http"),
    "include/hotslot/core/f.hpp": ("#include <hotslot/gone.hpp>\n", "core must not include asio"),
    "include/hotslot/slot.hpp": ("#include <hotslot/core/a.hpp>\n#include <boost/asio/post.hpp>\n", None),
    "include/hotslot/detail/a.hpp": ("#  include <boost/beast/core.hpp>\n", "asio must not know"),
    "include/hotslot/detail/b.hpp": ("#include <hotslot/process/a.hpp>\n", "asio must not include process"),
    "include/hotslot/http/a.hpp": ("#include <hotslot/slot.hpp>\n#include <boost/beast/http.hpp>\n", None),
    "include/hotslot/http/b.hpp": ("#include <hotslot/process/a.hpp>\n", "http must not include process"),
    "include/hotslot/http/c.hpp": ('#include "http/private.hpp"\n', "a public header must not include src/"),
    "include/hotslot/process/a.hpp": ("#include <hotslot/core/a.hpp>\n", None),
    "include/hotslot/process/b.hpp": ('#include "hotslot/http/a.hpp"\n', "process must not include http"),
    "include/hotslot/new/a.hpp": ("", "belongs to no layer"),
    "include/hotslot/http/detail/a.hpp": ("", None),
    "src/http/private.hpp": ("#include <hotslot/http/a.hpp>\n", None),
    "src/http/private.cpp": ('#include "private.hpp"\n#include <spdlog/spdlog.h>\n', ":2: http must not know"),
    "src/process/a.cpp": ('#include "../core/private.hpp"\n', "must not include the private src/core/private.hpp"),
    "src/core/private.hpp": ("", None),
    "src/daemon/a.cpp": ("#include <hotslot/http/a.hpp>\n#include <CLI/CLI.hpp>\n", None),
    "src/daemon/b.cpp": ("#include <hotslot/detail/a.hpp>\n", "daemon must use public headers only"),
    "src/daemon/c.cpp": ('#include "../http/private.hpp"\n', "daemon must not include the private"),
    "src/daemon/d.cpp": ("#include <hotslot/http/detail/a.hpp>\n", "daemon must use public headers only"),
    "src/ctl/a.cpp": ("#include <hotslot/core/a.hpp>\n#include <boost/beast/http.hpp>\n", None),
    "src/ctl/b.cpp": ("#include <hotslot/http/a.hpp>\n", "ctl must not include http"),
    "src/external/asio.cpp": ("#include <boost/asio/impl/src.hpp>\n", None),
    "test/short.cpp": ("\n" * MAX_LINES, None),
    "test/condition.cpp": ("f();\nif (co_await g())\n", ":2: awaits inside a condition"),
    "test/negated.cpp": ("while (!x && !co_await g())\n", "awaits inside a condition"),
    "test/named.cpp": ("if (const auto ec = co_await g())\n", None),
    "test/statement.cpp": ("if (x)\n  co_await g();\n", None),
    "test/long.cpp": ("\n" * (MAX_LINES + 1), "601 lines, more than 600"),
}


def self_test():
    with tempfile.TemporaryDirectory() as root:
        for path, (text, _) in SAMPLE.items():
            os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as f:
                f.write(text)
        found = check(root)
    for path, (_, expected) in sorted(SAMPLE.items()):
        about = [w for w in found if w.startswith(path + ":")]
        if expected is None and about or expected is not None and (len(about) != 1 or expected not in about[0]):
            yield f"self-test: {path}: expected {expected!r}, found {about}"


def main(args):
    if len(args) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    wrong = list(self_test()) if args[0] == "--self-test" else check(args[0])
    for w in wrong:
        print(w)
    print(f"{len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
