#!/usr/bin/env python3
"""What README.md and docs/ show is true.

    pages.py snippets ROOT OUT.cpp OUT.d    writes a source of the C++ that is in no program of examples/, to be compiled
    pages.py check ROOT                     C++ that is said to be from a file is there, none is said to be nothing; links lead somewhere;
                                            tests that are named are there
    pages.py commands ROOT PROGRAMS...      runs the commands that pages show, with the programs in those folders
    pages.py builds ROOT WORK CXX...        builds the tutorial's first program by each build system, as the page says
    pages.py --self-test

A comment before a block says what it is:

    <!-- from FILE -->      its parts, between lines "// ...", are in that file of the source tree
    <!-- in a coroutine --> its C++ is statements; without a comment it is declarations
    <!-- file NAME of B --> is that file where B is built
    <!-- build B -->        the commands that build and run B
    <!-- not run -->        commands that have a test of their own

In what commands answer, "..." is anything, and on a line of its own any number of lines."""

import glob
import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap

PRELUDE = """// Made by test/docs/pages.py of the C++ in README.md and docs/.
#include <hotslot/http/stats_routes.hpp>
#include <hotslot/http/stats_server.hpp>
#include <hotslot/launcher.hpp>
#include <hotslot/slot_queue_manager.hpp>

#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>

#include <iostream>

namespace taken_for_granted {
namespace asio = boost::asio;
using namespace asio::experimental::awaitable_operators;
using namespace std::chrono_literals;
struct engine {
  int square(int x) { return x * x; }
  void close() noexcept {}
};
asio::awaitable<engine> make_engine();
extern asio::io_context io;
extern asio::steady_timer timer;
extern hotslot::slot_queue<engine> engines;
extern asio::any_io_executor executor;
extern asio::ip::address address;
extern unsigned short port;
hotslot::pool_snapshot all_queues();
extern hotslot::http::request request;
extern hotslot::http::response response;
} // namespace taken_for_granted
"""


class Block:
    def __init__(self, path, line, comment, language, text):
        self.path, self.line, self.comment, self.language, self.text = path, line, comment, language, text

    def __str__(self):
        return f"{self.path}:{self.line}"


def blocks_of(path, text):
    """The fenced blocks of a page."""
    for m in re.finditer(r"(?:<!-- (.*?) -->\n)?^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield Block(path, text[:m.start(2)].count("\n") + 1, m[1] or "", m[2], m[3])


def pages(root):
    for path in ["README.md", "CONTRIBUTING.md", *sorted(glob.glob("docs/**/*.md", root_dir=root, recursive=True))]:
        with open(os.path.join(root, path), encoding="utf-8") as f:
            yield path, f.read()


def blocks(root):
    return [block for path, text in pages(root) for block in blocks_of(path, text)]


def snippets(all_blocks):
    """The source of what no program has. A program has its includes before it begins."""
    parts, includes = [], []
    for n, block in enumerate(b for b in all_blocks if b.language == "cpp" and not b.comment.startswith("from ")):
        lines = block.text.splitlines()
        includes += [line for line in lines if line.startswith("#include")]
        body = "\n".join("" if line.startswith("#include") else line for line in lines)
        if block.comment == "in a coroutine":
            body = f"asio::awaitable<void> statements() {{\n#line {block.line + 1} \"{block.path}\"\n{body}\nco_return;\n}}"
        parts.append(f"namespace snippet_{n} {{\nusing namespace taken_for_granted;\n#line {block.line + 1} \"{block.path}\"\n{body}\n}}\n")
    return "\n".join(dict.fromkeys(includes)) + "\n" + PRELUDE + "".join(parts)


def wrong_excerpts(all_blocks, read):
    """Where an excerpt is not in the file that it is said to be from. `read` has the text of a file."""
    for block in all_blocks:
        if block.language != "cpp" or not block.comment.startswith("from "):
            continue
        path = block.comment.removeprefix("from ")
        source = read(path)
        for part in re.split(r"^\s*// \.\.\.\n", block.text, flags=re.MULTILINE):
            if part.strip() and "\n" + part.rstrip("\n") + "\n" not in "\n" + source:
                yield f"{block}: not in {path}: {part.strip().splitlines()[0]}"


def unmarked(path, text):
    """C++ that is not fenced, and so would be passed over."""
    outside = re.sub(r"^```.*?^```$", lambda m: "\n" * m[0].count("\n"), text, flags=re.MULTILINE | re.DOTALL)
    for n, line in enumerate(outside.splitlines(), 1):
        if "target_link_libraries" not in line and re.match(r"    .*(\bco_await |#include <|hotslot::\w+[ <({]|asio::\w+[ <({])", line):
            yield f"{path}:{n}: C++ that is not in a block ```cpp: {line.strip()}"


def anchors(text):
    """As GitHub makes them of the headings."""
    outside = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^#+ (.+)$", outside, re.MULTILINE)}


def broken_links(path, text, read):
    """Those to files that are not there, or to no heading of a page. `read` has the text of a file, or None."""
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)):
        where, _, fragment = target.partition("#")
        to = os.path.normpath(os.path.join(os.path.dirname(path), where)) if where else path
        there = read(to)
        if there is None or (fragment and fragment not in anchors(there)):
            yield f"{path}: a link to {target}"


def missing_tests(path, text, read):
    """`FILE`: "NAME" that is not a test there, nor what one says."""
    for file, name in re.findall(r'`(test/[^`]+)`: "([^"]+)"', text):
        if name not in (read(file) or ""):
            yield f"{path}: no test in {file}: {name}"


def matches(expected, lines):
    """Whether these lines are what is expected."""
    if not expected:
        return not lines
    if expected[0] == "...":
        return any(matches(expected[1:], lines[n:]) for n in range(len(lines) + 1))
    pattern = ".*".join(map(re.escape, expected[0].split("...")))
    return bool(lines) and re.fullmatch(pattern, lines[0]) is not None and matches(expected[1:], lines[1:])


def steps(block):
    """Each command of a block with what is to be its output."""
    found = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


class Shell:
    """Runs the commands of one page. Servers are given a free port, and are ended at the end of the page."""

    def __init__(self, folders):
        self.folders = folders
        self.server = None
        self.address = ("", "")

    def run(self, command, expected):
        if command.endswith(" &"):
            return self.start(command, expected)
        done = subprocess.run(["bash", "-c", command.replace(*self.address)], cwd=self.folder_of(command), text=True, timeout=60,
                              check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode == 0 and matches(expected, done.stdout.splitlines()), done.stdout

    def folder_of(self, command):
        return next((f for f in self.folders if os.path.exists(os.path.join(f, command.split()[0]))), self.folders[0])

    def start(self, command, expected):
        """Reads as many lines as are shown."""
        self.server = subprocess.Popen([command.removesuffix(" &"), "0"], cwd=self.folder_of(command), text=True, stdout=subprocess.PIPE)
        said = [self.server.stdout.readline().rstrip("\n") for _ in expected]
        shown, real = (re.search(r"http://[\d.]+:\d+", line)[0] for line in (expected[0], said[0]))
        self.address = (shown, real)
        return matches(expected, [line.replace(real, shown) for line in said]), "\n".join(said)

    def end(self):
        if self.server:
            self.server.send_signal(signal.SIGTERM)
            self.server.stdout.close()
            if self.server.wait(30) != 0:
                raise RuntimeError(f"{self.server.args}: {self.server.returncode}")


def run_commands(all_blocks, folders):
    """What was not as shown, for each command."""
    shown = [b for b in all_blocks if b.language == "console" and not b.comment.startswith(("build ", "not run"))]
    for path, of_page in itertools.groupby(shown, lambda b: b.path):
        shell = Shell(folders)
        try:
            for block in of_page:
                for command, expected in steps(block):
                    right, said = shell.run(command, expected)
                    print(f"{'ok ' if right else 'NOT'} {path}: {command}", flush=True)
                    if not right:
                        yield f"{block}: {command}\n" + textwrap.indent(said, "    ")
        finally:
            shell.end()


def build_all(root, all_blocks, work, compiler):
    """As a reader would, in a folder each, with the program and a link to the sources of hotslot."""
    files = {}
    for block in all_blocks:
        if m := re.fullmatch(r"file (\S+) of (\S+)", block.comment):
            files.setdefault(m[2], {})[m[1]] = block.text
    with open(os.path.join(root, "examples/tutorial/first_pool.cpp"), encoding="utf-8") as f:
        program = f.read()
    for block in (b for b in all_blocks if b.comment.startswith("build ")):
        name = block.comment.removeprefix("build ")
        with tempfile.TemporaryDirectory(dir=work) as folder:
            os.mkdir(os.path.join(folder, "subprojects"))
            os.symlink(root, os.path.join(folder, "hotslot"))
            os.symlink(root, os.path.join(folder, "subprojects/hotslot"))
            for path, text in {**files.get(name, {}), "first_pool.cpp": program}.items():
                with open(os.path.join(folder, path), "w", encoding="utf-8") as f:
                    f.write(text)
            commands = "\n".join(command for command, _ in steps(block)).replace("g++ ", " ".join(compiler) + " ")
            done = subprocess.run(["bash", "-e", "-c", commands], cwd=folder, env=environment(folder, compiler), text=True, check=False,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        right = done.returncode == 0 and done.stdout.endswith("then is right\nchecker 2 ends\nchecker 1 ends\n")
        print(f"{'ok ' if right else 'NOT'} {block}: {name}", flush=True)
        if not right:
            yield f"{block}: {commands}\n" + textwrap.indent(done.stdout[-5000:], "    ")


def environment(home, compiler):
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("MESON", "NINJA", "DESTDIR", "PKG_CONFIG"))}
    launched = len(compiler) > 1 and not compiler[1].startswith("-")
    cached = {"CMAKE_CXX_COMPILER_LAUNCHER": compiler[0]} if launched else {}
    if not shutil.which("make"):
        kept["CMAKE_GENERATOR"] = "Ninja"
    return {**kept, "HOME": home, "CXX": " ".join(compiler[launched:]), **cached}


def check(root):
    def read(path):
        path = os.path.join(root, path)
        if not os.path.isfile(path) or path.endswith(".png"):
            return "" if os.path.exists(path) else None
        with open(path, encoding="utf-8") as f:
            return f.read()
    problems = list(wrong_excerpts(blocks(root), read))
    for path, text in pages(root):
        problems += [*unmarked(path, text), *broken_links(path, text, read), *missing_tests(path, text, read)]
    return problems


def self_test():
    page = textwrap.dedent("""\
        <!-- from a.cpp -->
        ```cpp
        int a;
        // ...
        int c;
        ```
        ```cpp
        int d;
        ```
        <!-- in a coroutine -->
        ```cpp
        co_await e();
        ```
        ```console
        $ echo 1; echo 2
        1
        2
        $ seq 9
        1
        ...
        9
        $ echo one two
        one ...o
        ```
            auto lease = co_await f();
        """)
    found = list(blocks_of("page.md", page))
    assert [b.line for b in found] == [2, 7, 11, 14], [b.line for b in found]
    assert not list(wrong_excerpts(found, lambda _: "int a;\nint b;\nint c;\n"))
    assert list(wrong_excerpts(found, lambda _: "int a;\nint b;\nint c; //\n")) == ["page.md:2: not in a.cpp: int c;"]
    assert "int d;" in snippets(found) and "int a;" not in snippets(found) and "co_await e();\nco_return;" in snippets(found)
    assert not list(run_commands(found, ["/"]))
    for wrong in (page.replace("$ seq 9", "$ seq 8"), page.replace("\n2\n", "\n3\n"), page.replace("...o", "...x"),
                  page.replace("\n2\n", "\n"), page.replace("echo 2", "echo 2; false")):
        assert len(list(run_commands(blocks_of("page.md", wrong), ["/"]))) == 1, wrong
    assert len(list(unmarked("page.md", page))) == 1
    there = {"a/page.md": "# Here it is, or `not`\n", "b.cpp": ""}
    links = "[1](page.md#here-it-is-or-not) [2](../b.cpp) [3](https://c) [4](#d) [5](page.md#e) [6](../f.cpp)"
    assert list(broken_links("a/page.md", links, there.get)) == [f"a/page.md: a link to {to}" for to in ("#d", "page.md#e", "../f.cpp")]

    cited = '| `test/a.cpp`: "it works"; `test/a.cpp`: "it flies"; `test/b.cpp`: "it works" |'
    assert [m.split(": ")[-1] for m in missing_tests("page.md", cited, {"test/a.cpp": 'TEST_CASE("it works")'}.get)] == ["it flies", "it works"]


def main():
    mode, *arguments = sys.argv[1:]
    problems = []
    if mode == "--self-test":
        self_test()
    elif mode == "snippets":
        with open(arguments[1], "w", encoding="utf-8") as f:
            f.write(snippets(blocks(arguments[0])))
        with open(arguments[2], "w", encoding="utf-8") as f:  # the folders too, for pages that are new
            read = [arguments[0] + "/" + path for path, _ in pages(arguments[0])]
            f.write(f"{arguments[1]}: {' '.join(sorted({*read, *map(os.path.dirname, read[1:])}))}\n")
    elif mode == "check":
        problems = check(arguments[0])
    elif mode == "commands":
        problems = list(run_commands(blocks(arguments[0]), arguments[1:]))
    elif mode == "builds":
        os.makedirs(arguments[1], exist_ok=True)
        problems = list(build_all(arguments[0], blocks(arguments[0]), arguments[1], arguments[2:]))
    else:
        sys.exit(__doc__)
    if problems:
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    main()
