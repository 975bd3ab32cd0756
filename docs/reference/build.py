#!/usr/bin/env python3
"""Makes the reference of the public headers, and fails at whatever Doxygen warns of.

    build.py ROOT OUTPUT    OUTPUT/html/index.html, from the source tree at ROOT
    build.py --self-test    check that it can fail

What explains itself needs no docstring: fields, member types, and the functions that the language asks for."""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

import doxygen_filter as seen


def explains_itself(warning):
    """Fields, member types, operators, what has no parameters and changes nothing, constructors that take options or another."""
    match = re.search(r"warning: (?:Member|Compound) (.*?)(?: \((.*)\) of (?:\w+) (\S+))? is not documented", warning)
    if not match:
        return False
    member, kind, owner = match.groups()
    if kind in ("variable", "typedef", "macro definition") or member.endswith("::rebind_executor"):
        return True
    name = (owner or "").split("::")[-1]
    return (member.startswith("operator") or re.match(r"\w+\(\) (const|noexcept)", member) is not None or
            re.match(rf"{name}\(({name} &&\w*|{name}_options options=\{{\}}|)\)", member) is not None)


def headers(root):
    found = glob.glob("include/**/*.hpp", root_dir=root, recursive=True)
    return sorted(path for path in found if "/detail/" not in path and "/core/" not in path)


def settings(root, output):
    examples = sorted(path for folder in ("", "tutorial/", "sizing/") for path in glob.glob(f"examples/{folder}*.cpp", root_dir=root))
    with open(os.path.join(root, "docs/reference/Doxyfile"), encoding="utf-8") as f:
        base = f.read()
    dox = os.path.join(output, "examples.dox")
    with open(dox, "w", encoding="utf-8") as f:
        f.writelines(f"/** \\example {os.path.basename(path)} */\n" for path in examples)
    layout = os.path.join(output, "layout.xml")
    with open(os.path.join(root, "docs/reference/layout.xml"), encoding="utf-8") as f:
        tabs = f.read()
    with open(layout, "w", encoding="utf-8") as f:
        f.write(tabs if doxygen_version() < (1, 9, 8) else tabs.replace('"modules"', '"topics"'))  # since there are C++'s
    script = os.path.join(root, "docs/reference/doxygen_filter.py")
    return base + "\n".join([
        f'INPUT = include docs/reference {" ".join(pages(root))} "{dox}"',
        f'OUTPUT_DIRECTORY = "{output}"',
        f'STRIP_FROM_PATH = include "{root}/include" docs "{output}"',
        f'FILTER_PATTERNS = "*.hpp=python3 {script}" "*.md=python3 {script}"',
        f'LAYOUT_FILE = "{layout}"',
        f'WARN_LOGFILE = "{output}/warnings"',
        f"PROJECT_NUMBER = {version(root)}", ""])


def doxygen_version():
    said = subprocess.run(["doxygen", "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(map(int, re.match(r"(\d+)\.(\d+)\.(\d+)", said).groups()))


def version(root):
    with open(os.path.join(root, "include/hotslot/version.hpp"), encoding="utf-8") as f:
        return re.search(r'"(.*)"', f.read())[1]


def pages(root):
    """All but the index, which the front page is here."""
    return sorted(p for p in glob.glob("docs/**/*.md", root_dir=root, recursive=True) if p != "docs/README.md")


def dangling(html):
    """The links within the reference that lead nowhere."""
    texts = {}
    for path in glob.glob(os.path.join(html, "*.html")):
        with open(path, encoding="utf-8") as f:
            texts[os.path.basename(path)] = f.read()
    anchors = {name: set(re.findall(r'(?:id|name)="([^"]+)"', text)) for name, text in texts.items()}
    for name, text in sorted(texts.items()):
        if not name.startswith(("index", "page_")):
            continue  # Doxygen's own
        for to, fragment in re.findall(r'href="([\w.-]*\.html)?(?:#([^"]+))?"', text):
            where = to or name
            if where not in texts or (fragment and fragment not in anchors[where]):
                yield f"{name}: no {where}{'#' + fragment if fragment else ''}"


def build(root, output):
    """What is wrong, a line each."""
    shutil.rmtree(output, ignore_errors=True)
    os.makedirs(output)
    problems = []
    for path in headers(root):
        if not seen.group_of(path) and seen.name_of(path) not in seen.NO_GROUP:
            problems.append(f"{path}: of no group (docs/reference/doxygen_filter.py)")
    done = subprocess.run(["doxygen", "-"], input=settings(root, output), cwd=root, text=True, check=False)
    if done.returncode != 0:
        problems.append(f"doxygen: exit code {done.returncode}")
    with open(os.path.join(output, "warnings"), encoding="utf-8") as f:
        problems += [line.rstrip().removeprefix(root + "/") for line in f if not explains_itself(line)]
    return problems + list(dangling(os.path.join(output, "html")))


def self_test():
    here = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    with tempfile.TemporaryDirectory() as folder:
        root = os.path.join(folder, "root")
        for name in ("include", "docs", "examples"):
            shutil.copytree(os.path.join(here, name), os.path.join(root, name), ignore=shutil.ignore_patterns("node_modules"))
        with open(os.path.join(root, "include/hotslot/novel.hpp"), "w", encoding="utf-8") as f:
            f.write("// Of no group.\n#ifndef HOTSLOT_NOVEL_HPP\n#define HOTSLOT_NOVEL_HPP\n#endif\n")
        with open(os.path.join(root, "include/hotslot/resources.hpp"), "a", encoding="utf-8") as f:
            f.write("namespace hotslot {\nvoid unexplained(int n);\n}\n")
        with open(os.path.join(root, "docs/policies.md"), "a", encoding="utf-8") as f:
            f.write("[nowhere](embedding.md#nowhere)\n")
        found = "\n".join(build(root, os.path.join(folder, "output")))
    for expected in ("novel.hpp: of no group", "unexplained(int n)", "no page_embedding.html#page_embedding_nowhere"):
        if expected not in found:
            sys.exit(f"not found: {expected}\n{found}")


def main():
    if sys.argv[1:] == ["--self-test"]:
        self_test()
        return
    root, output = map(os.path.abspath, sys.argv[1:])
    problems = build(root, output)
    if problems:
        sys.exit("\n".join(problems))
    print(os.path.join(output, "html/index.html"))


if __name__ == "__main__":
    main()
