#!/usr/bin/env python3
"""Checks the rule of layers and rooms of docs/design.md by the #include lines, that no file grows without end, and that no
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
    # Below everything that is ours: text, time, files. No program's own business.
    "base": (set(), {"boost/asio", "boost/beast", "boost/json", "spdlog", "fmt", "thread", "mutex"}),
    "core": (set(), {"boost/asio", "boost/beast", "boost/json", "openssl", "spdlog", "fmt", "CLI",
                     "thread", "mutex", "condition_variable", "iostream"}),
    # A part of its own, for who wants it.
    "keys": ({"core"}, {"boost/asio", "boost/beast", "boost/json", "spdlog", "fmt", "CLI"}),
    # What a launcher decides, under locks of its own, whatever runs it.
    "launcher": ({"core"}, {"boost/asio", "boost/beast", "boost/json", "openssl", "spdlog", "fmt", "CLI", "iostream"}),
    "asio": ({"core", "launcher"}, {"boost/beast", "boost/json", "openssl", "zlib", "spdlog", "fmt", "CLI"}),
    "all": ({"base", "core", "launcher", "asio"}, set()),
    "http": ({"base", "core", "launcher", "asio"}, {"spdlog", "fmt", "CLI"}),
    "process": ({"base", "core", "launcher", "asio"}, {"spdlog", "fmt", "CLI"}),
    "daemon": ({"base", "core", "launcher", "keys", "asio", "http", "process"}, set()),
    # Beside the layers: a client, which knows of a server what its addresses say.
    "ctl": ({"base"}, {"spdlog"}),
}

# The rooms of a layer that has several: which others of them each may include. A folder that is not named here is a fault.
ROOMS = {
    "src/http/": {
        "server": set(),
        "content": set(),
        "page": {"content"},
        "stats": {"content", "page"},
    },
    "src/process/": {
        "contract": set(),
        "output": set(),
        "spawn": set(),
        "isolation": {"spawn"},
        "worker": {"contract", "output", "spawn", "isolation"},
    },
    "src/daemon/": {
        "config": set(),
        "log": {"config"},
        "tracing": {"config", "log"},
        "calls": {"config", "log", "tracing"},
        "service": {"config", "log", "tracing", "calls"},
    },
    "src/core/": {
        "stats": set(),
        "policies": {"stats"},
        "launcher": {"stats", "policies"},
    },
    "include/hotslot/detail/": {
        "queue": set(),
        "resources": set(),
        "launcher": {"queue", "resources"},
        "asio": {"queue", "resources", "launcher"},
    },
}

# Longest prefix first.
FOLDERS = [
    ("include/hotslot/core/", "core"), # paths of before
    ("include/hotslot.hpp", "all"),
    ("include/hotslot/version.hpp", "base"),
    ("include/hotslot/slot_key.hpp", "keys"),
    ("include/hotslot/policies/", "core"),
    ("include/hotslot/stats/", "core"),
    ("include/hotslot/detail/queue/", "core"),
    ("include/hotslot/detail/resources/", "launcher"),
    ("include/hotslot/detail/asio/", "asio"),
    ("include/hotslot/detail/launcher/", "launcher"),
    ("include/hotslot/http/", "http"),
    ("include/hotslot/process/", "process"),
    ("src/base/", "base"),
    ("src/core/launcher/", "launcher"),
    ("src/core/", "core"),
    ("src/keys/", "keys"),
    ("src/http/", "http"),
    ("src/process/", "process"),
    ("src/daemon/", "daemon"),
    ("src/ctl/", "ctl"),
]

# What users include directly and what needs no Asio.
PLAIN = {"include/hotslot/errc.hpp", "include/hotslot/evictable.hpp", "include/hotslot/launch_failure.hpp",
         "include/hotslot/launcher_options.hpp", "include/hotslot/lease_error.hpp", "include/hotslot/machine.hpp",
         "include/hotslot/leak_detection.hpp", "include/hotslot/queue_key.hpp", "include/hotslot/resources.hpp",
         "include/hotslot/slot.hpp", "include/hotslot/start_context.hpp"}

# Of no layer: Boost's own sources, compiled once, and what is precompiled.
OUTSIDE = ("src/external/", "src/pch/")

MAX_LINES = 600
MEASURED = ("include", "src", "test", "examples", "scripts")
SOURCES = (".hpp", ".cpp", ".h", ".ipp", ".py", ".js", ".sh")

AWAITING_CONDITION = re.compile(r"\b(?:if|while|switch) \((?![^;=]*[^=]=\s*co_await)[^;]*\bco_await\b")
# Of namespace scope, which is not indented here: a function or a value; a type.
DECLARATION = re.compile(r"(?:(?!using|class|struct|enum|namespace|template|return|friend)[\w:\[][\w:<>,&*\[\]\s]*?[\s&*](\w+)"
                         r"(?:\(|\{|\[|;|\s=)|(?:class|struct|enum class|using) (\w+)\b(?!::))")
KEYWORDS = {"operator", "const", "noexcept", "if", "while", "namespace"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def layer_of(path):
    for prefix, layer in FOLDERS:
        if path.startswith(prefix):
            return layer
    if path.startswith("include/hotslot/") and path.count("/") == 2:
        return "core" if path in PLAIN else "asio"
    return None


def room_of(path):
    """The layer's folder and the room in it, or None where the layer has none or the file is none's."""
    for folder in ROOMS:
        rest = path.removeprefix(folder)
        if rest != path and "/" in rest:
            return folder, rest.split("/")[0]
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
    if to not in (layer, "base") and target.startswith("src/"):
        return f"{layer} must not include the private {target} of {to}"
    if layer == "daemon" and to != layer and "/detail/" in target:
        return f"daemon must use public headers only, as any embedder would: {target}"
    return check_rooms(room_of(path), room_of(target))


def check_rooms(at, to):
    if at is None or to is None or at[0] != to[0] or at[1] == to[1] or to[1] in ROOMS[at[0]].get(at[1], ()):
        return None
    return f"{at[1]} must not include {to[1]}, another room of {at[0]}"


def check_file(root, path):
    layer = layer_of(path)
    if layer is None:
        if not path.startswith(OUTSIDE):
            yield f"{path}: belongs to no layer of docs/design.md"
        return
    room = room_of(path)
    if room and room[1] not in ROOMS[room[0]]:
        yield f"{path}: {room[1]} is no room of {room[0]} in docs/design.md"
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


def private_parts(text):
    """What stands in unnamed namespaces, and what does not."""
    inside, outside, private = [], [], False
    for line in text.split("\n"):
        if line == "namespace {":
            private = True
        elif line == "} // namespace":
            private = False
        else:
            (inside if private else outside).append(line)
    return inside, outside


def names_in(lines):
    return {m[1] or m[2] for m in map(DECLARATION.match, lines) if m} - KEYWORDS


def check_private_names(root, folder):
    """In a unity build, a name that is private to one file hides what the others mean by it, in silence."""
    meant = {}
    for path in files(root, ("include", "src"), (".hpp",)):
        if path.startswith(("include/", "src/base/", folder)):
            with open(os.path.join(root, path), encoding="utf-8") as f:
                for name in names_in(private_parts(f.read())[1]):
                    meant.setdefault(name, path)
    for path in sorted(files(root, (folder,), (".cpp",))):
        with open(os.path.join(root, path), encoding="utf-8") as f:
            private = names_in(private_parts(f.read())[0])
        for name in sorted(private & set(meant)):
            yield f"{path}: {name} is private here, and another thing in {meant[name]}"
        meant.update(dict.fromkeys(private, path))


def check(root):
    wrong = []
    for folder in ("src/base", "src/core", "src/keys", "src/http", "src/process", "src/daemon", "src/ctl"):
        wrong += check_private_names(root, folder)
    for path in files(root, ("include", "src"), SOURCES):
        wrong += check_file(root, path)
    for path in files(root, MEASURED, SOURCES):
        wrong += check_length(root, path)
    for path in files(root, ("include", "src", "test", "examples"), (".hpp", ".cpp")):
        wrong += check_conditions(root, path)
    return sorted(wrong)


# Path -> text and what is to be found in it; nothing where it is right.
SAMPLE = {
    "include/hotslot/policies/a.hpp": ("#include <chrono>\n#include <boost/intrusive/list.hpp>\n", None),
    "include/hotslot/policies/b.hpp": ("\n#include <boost/asio.hpp>\n", ":2: core must not know <boost/asio.hpp>"),
    "include/hotslot/policies/c.hpp": ("#include <hotslot/lease.hpp>\n", "core must not include asio"),
    "include/hotslot/stats/d.hpp": ("#include <thread>\n", "core must not know <thread>"),
    "include/hotslot/detail/queue/e.hpp": ('#include "../../http/a.hpp"\n', "core must not include http"),
    "include/hotslot/detail/queue/f.hpp": ("#include <hotslot/gone.hpp>\n", "core must not include asio"),
    "include/hotslot/detail/queue/g.hpp": ("#include <hotslot/errc.hpp>\n", None),
    "include/hotslot/detail/queue/h.hpp": ("#include <hotslot/detail/launcher/a.hpp>\n", "core must not include launcher"),
    "include/hotslot/errc.hpp": ("#include <hotslot/lease.hpp>\n", "core must not include asio"),
    "include/hotslot/lease.hpp": ("#include <hotslot/policies/a.hpp>\n#include <boost/asio/post.hpp>\n", None),
    "include/hotslot/detail/asio/a.hpp": ("#  include <boost/beast/core.hpp>\n", "asio must not know"),
    "include/hotslot/detail/asio/b.hpp": ("#include <hotslot/process/a.hpp>\n", "asio must not include process"),
    "include/hotslot/detail/launcher/a.hpp": ("#include <mutex>\n#include <hotslot/detail/resources/a.hpp>\n", None),
    "include/hotslot/detail/launcher/b.hpp": ("#include <hotslot/detail/asio/c.hpp>\n", "launcher must not include asio"),
    "include/hotslot/detail/resources/a.hpp": ("", None),
    "include/hotslot/detail/asio/c.hpp": ("#include <hotslot/detail/queue/g.hpp>\n", None),
    "include/hotslot/detail/new/a.hpp": ("", "belongs to no layer"),
    "include/hotslot/http/a.hpp": ("#include <hotslot/slot.hpp>\n#include <boost/beast/http.hpp>\n", None),
    "include/hotslot/http/b.hpp": ("#include <hotslot/process/a.hpp>\n", "http must not include process"),
    "include/hotslot/http/c.hpp": ('#include "http/private.hpp"\n', "a public header must not include src/"),
    "include/hotslot/process/a.hpp": ("#include <hotslot/policies/a.hpp>\n", None),
    "include/hotslot/process/b.hpp": ('#include "hotslot/http/a.hpp"\n', "process must not include http"),
    "include/hotslot/new/a.hpp": ("", "belongs to no layer"),
    "include/hotslot/http/detail/a.hpp": ("", None),
    "src/base/a.hpp": ("#include <filesystem>\n", None),
    "src/base/a.cpp": ("#include <hotslot/policies/a.hpp>\n", "base must not include core"),
    "src/http/private.hpp": ("#include <hotslot/http/a.hpp>\n", None),
    "src/http/private.cpp": ('#include "private.hpp"\n#include <spdlog/spdlog.h>\n', ":2: http must not know"),
    "src/http/stats/a.hpp": ('#include "base/a.hpp"\n#include "http/page/a.hpp"\n', None),
    "src/http/page/a.hpp": ('#include "http/server/a.hpp"\n', "page must not include server"),
    "src/http/server/a.hpp": ("", None),
    "src/http/attic/a.hpp": ("", "attic is no room"),
    "src/process/a.cpp": ('#include "../core/private.hpp"\n', "must not include the private src/core/private.hpp"),
    "src/core/private.hpp": ("", None),
    "include/hotslot/slot_key.hpp": ("#include <hotslot/errc.hpp>\n#include <openssl/evp.h>\n", None),
    "include/hotslot/slot_queue.hpp": ("#include <hotslot/slot_key.hpp>\n", "asio must not include keys"),
    "include/hotslot/version.hpp": ("", None),
    "src/ctl/version.cpp": ("#include <hotslot/version.hpp>\n", None),
    "src/daemon/a.cpp": ("#include <hotslot/http/a.hpp>\n#include <CLI/CLI.hpp>\n", None),
    "src/daemon/b.cpp": ("#include <hotslot/detail/asio/a.hpp>\n", "daemon must use public headers only"),
    "src/daemon/c.cpp": ('#include "../http/private.hpp"\n', "daemon must not include the private"),
    "src/daemon/d.cpp": ("#include <hotslot/http/detail/a.hpp>\n", "daemon must use public headers only"),
    "src/daemon/config/a.hpp": ("", None),
    "src/daemon/log/a.hpp": ('#include "daemon/config/a.hpp"\n', None),
    "src/daemon/config/b.hpp": ('#include "daemon/log/a.hpp"\n', "config must not include log"),
    "src/ctl/a.cpp": ('#include "base/a.hpp"\n#include <boost/beast/http.hpp>\n', None),
    "src/ctl/b.cpp": ("#include <hotslot/http/a.hpp>\n", "ctl must not include http"),
    "src/ctl/c.hpp": ("int shown(int);\n", None),
    "src/ctl/c.cpp": ("namespace {\n\nint shown(long) { return 0; }\n\n} // namespace\n", "shown is private here"),
    "src/ctl/d.cpp": ("namespace {\n\nint own(long) { return 0; }\n\n} // namespace\n", None),
    "src/ctl/e.cpp": ("namespace {\n\nconstexpr int own = 1;\n\n} // namespace\n", "own is private here"),
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
