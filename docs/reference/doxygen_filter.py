#!/usr/bin/env python3
"""What Doxygen is to see of a file, on standard output:  doxygen_filter.py FILE

Of a header: its first comment as that of the file, all of it in the group of its subject, and the words by which docstrings
promise something as headings. Of a page: links and headings as they are in the reference. Lines keep their numbers."""

import os
import re
import sys

GROUPS = {
    "queue": ["slot", "slot_queue", "lease", "slot_token", "slot_upkeep", "leak_detection", "detached_slot", "dequeuer", "any_slot", "errc", "queue_traits", "decided_by", "lease_error"],
    "launcher": ["launcher", "launcher_options", "launch_failure", "start_context"],
    "manager": ["slot_queue_manager", "launch_each", "queue_key", "slot_key"],
    "resources": ["resources", "resource_tracker", "evictable", "machine"],
}
FOLDERS = {"policies", "stats", "http", "process"}
NO_GROUP = {"version", "hotslot"}

PROMISES = ("Completion signature|Preconditions?|Lifetime|Executor|Cancellation|Errors|Thread safety|Cost|Locks|Invariants?|Source|"
            "Parameters|Memory")


def name_of(path):
    return re.sub(r".*include/(hotslot/)?|\.hpp$", "", path)


def group_of(path):
    """None where nobody has said of which it is."""
    name = name_of(path)
    folder = name.split("/")[0]
    return folder if folder in FOLDERS else next((group for group, names in GROUPS.items() if name in names), None)


def blank(match):
    return "\n" * match[0].count("\n")


def header(path, text):
    text = re.sub(r"^template <>\nstruct boost::system::.*?;$", blank, text, flags=re.M)
    text = re.sub(r"^template <>\nstruct std::hash<.*?^};$", blank, text, flags=re.M | re.S)
    # A member's definition behind its class, which Doxygen would take for a function of its own.
    text = re.sub(r"^template <[^\n]*>\n[^\n]*>::\w+\([^\n]*\{\n.*?^\}$", blank, text, flags=re.M | re.S)
    text = re.sub(rf"((?:^\s*|\.\s+|[.:]\n\s*)///\s+|\.\s+)({PROMISES}): ", r"\1\\promise{\2} ", text, flags=re.M)
    first = re.match(r"(?://.*\n)+", text)
    brief = " ".join(line.lstrip("/ ") for line in first[0].splitlines())
    body = re.sub(r"^#define HOTSLOT_\w+_HPP$", "", text[first.end():], count=1, flags=re.M)
    body = re.sub(r"^#ifndef HOTSLOT_\w+_HPP\n", "", body)  # the comment has a line more
    group = group_of(path)
    if group:  # within the namespace, which would itself be put into the group
        body = re.sub(r"^namespace hotslot(::(?!detail)\w+)? \{$", rf"\g<0> /** \\addtogroup {group} */ /**\\{{*/", body, flags=re.M)
        body = re.sub(r"^\} // namespace hotslot(::(?!detail)\w+)?$", r"/**\\}*/ \g<0>", body, flags=re.M)
    return "/** \\file\n" * first[0].count("\n") + f"{brief} */\n" + body.rstrip().removesuffix("#endif") + "\n"


def page_name(path):
    """That of docs/tutorial/1-a-pool.md is page_tutorial_1_a_pool: Doxygen has pages of its own, as functions."""
    return "page_" + re.sub(r"[^a-z0-9]+", "_", re.sub(r".*docs/|\.md$", "", path).lower())


def anchor(page, title):
    """As GitHub makes it of a heading, and after the name of the page, since Doxygen's are all of one space."""
    slug = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
    return f"{page}_{slug.replace('-', '_')}"


def link(page, path, match):
    label, target = match[1], match[2]
    if re.match(r"https?:", target):
        return match[0]
    where, _, fragment = target.partition("#")
    to = os.path.normpath(os.path.join(os.path.dirname(path), where)) if where else path
    if to.endswith(".md") and "docs/" in to and os.path.exists(to):
        name = page_name(to)
        return f"[{label}]({'index' if name == 'page_readme' else name}.html{'#' + anchor(name, fragment) if fragment else ''})"
    if re.search(r"/examples/((?:tutorial|sizing)/)?\w+\.cpp$", to) and os.path.exists(to):
        return f"[{label}]({os.path.basename(to).replace('.', '_8')}-example.html)"
    return label  # which is not in the reference


def markdown_text(page, path, text):
    text = re.sub(r"(?<!!)\[((?:[^\[\]]|`[^`]*`)+)\]\(([^)\s]+)\)", lambda m: link(page, path, m), text)
    text = re.sub(r"^#{1,5} (.+)$", lambda m: f"{m[0]} {{#{anchor(page, m[1])}}}", text, flags=re.M)
    return re.sub(r"!\[([^\]]*)\]\((?:\S*/)?([^)/\s]+)\)", r"![\1](\2)", text)


def markdown(path, text):
    page = page_name(path)
    parts = re.split(r"(^```.*?^```$)", text, flags=re.M | re.S)
    text = "".join(part if part.startswith("```") else markdown_text(page, path, part) for part in parts)
    title, _, rest = text.partition("\n")  # the only heading of the first order that Doxygen wants
    return re.sub(r"\{#.*\}", f"{{#{page}}}", title) + "\n" + re.sub(r"^# ", "## ", rest, flags=re.M)


def main():
    path = os.path.abspath(sys.argv[1])
    with open(path, encoding="utf-8") as f:
        text = f.read()
    if path.endswith(".hpp"):
        text = header(path, text)
    elif path.endswith(".md"):
        text = markdown(path, text)
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
