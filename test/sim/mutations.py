#!/usr/bin/env python3
"""Shows that the simulation can fail: breaks the queue in one way after another, and expects each to be found."""

import argparse
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys

CORE = "detail/queue/queue_core.hpp"
IDLE = "detail/queue/idle_stack.hpp"
LINE = "detail/queue/waiting_line.hpp"
IMPL = "detail/asio/queue_impl.hpp"
TIMER = "detail/asio/deadline_timer.hpp"
OP = "detail/asio/wait_op.hpp"
MANAGER = "slot_queue_manager.hpp"
LAUNCHER = "launcher.hpp"
LEASE = "lease.hpp"

# Instantiated by test/sim/queue.cpp, but for members that are templates: where a mutation is in these only, that file is
# compiled and linked in front of the rest, which has them unbroken. It takes a fifth of the time. Nothing is inlined, so
# there is one of each in the program, and the linker takes the first.
INSIDE = {CORE, IDLE, LINE, IMPL, TIMER}

# What is looked for is whether the broken queue is found, not how fast it is.
FLAGS = ["-std=c++20", "-O0", "-w", "-pthread"]

# What is broken: the invariant of docs/design.md that it breaks, and (file, text, text instead)...
MUTATIONS = {
    "a cancelled waiter keeps its grant": (4, (CORE, "return revoke(w, why, now, out);",
        "granted_.erase(granted_.iterator_to(w));\n      w.slot = nullptr;\n      w.result = why;\n"
        "      w.phase = wait_node::phase_type::ended;\n      return;")),
    "a destroyed waiter keeps its grant": (4, (CORE, "revoke(w, abandoned, now, out);", "granted_.erase(granted_.iterator_to(w));")),
    "the lock is dropped between nothing idle and queue me": (3,
        (CORE, "if (!idle_.empty())\n      return grant(w, idle_.take_newest(), now, out);\n    if (terms_", "if (terms_"),
        (IMPL, "    const timestamp t = now();\n    act([&](state& s, work& todo) {\n      if (op.kind == wait_node::kind_type::drain)",
               "    const timestamp t = now();\n    act([&](state& s, work& todo) {\n"
               "      if (s.core.idle() != 0) s.core.grant_idle(op, t, counted, todo);\n    });\n"
               "    if (op.phase == wait_node::phase_type::granted) return;\n"
               "    act([&](state& s, work& todo) {\n      if (op.kind == wait_node::kind_type::drain)"),
        (CORE, "  /// Starts a wait for the queue to be closed",
               "  void grant_idle(wait_node& w, timestamp now, bool counted, actions& out) noexcept {\n"
               "    if (w.kind == wait_node::kind_type::drain || w.phase == wait_node::phase_type::ended || closed_) return;\n"
               "    if (!counted) enter_waiting();\n    w.id = ++last_wait_;\n    w.since = now;\n"
               "    record_.tell({.kind = queue_event_kind::wait_begun, .wait = w.id});\n"
               "    grant(w, idle_.take_newest(), now, out);\n  }\n\n"
               "  /// Starts a wait for the queue to be closed")),
    "every slot wakes every waiter": (4, (CORE, "      line_.remove(w);\n      return grant(w, s, now, out);",
        "      line_.remove(w);\n      while (!line_.empty()) end_waiting(line_.oldest(), {}, out);\n"
        "      return grant(w, s, now, out);")),
    "a slot that comes back unused is idle from now on": (4, (CORE, "    record_.tell(queue_event_kind::slot_put_back, s);",
        "    s.idle_since += std::chrono::milliseconds(3);\n    record_.tell(queue_event_kind::slot_put_back, s);")),
    "a slot that comes back unused is the newest": (5, (IDLE, "while (after != slots_.begin() && std::prev(after)->id > s.id)",
        "while (false)")),
    "close misses the granted slots": (10, (CORE, "    while (!granted_.empty())\n      revoke(granted_.front(), errc::queue_closed, timestamp(), out); // to nobody else\n", "")),
    "close misses the idle slots": (10, (CORE, "close_idle(idle_.oldest(), eject_reason::closed, out);", "break;")),
    "a closed queue takes callers": (10, (CORE, "    if (closed_)\n      return refuse(w, errc::queue_closed, out);\n", "")),
    "a waiter is counted after the look-up": (8,
        (MANAGER, "    std::lock_guard lock(mutex_);\n    auto [queue, is_new] = find(key);\n    try {\n      return {queue->enter(), is_new};",
                  "    auto [q, is_new] = get(key);\n    auto* impl = q.impl_.get();\n    boost::intrusive_ptr keep(impl);\n"
                  "    { auto gone = std::move(q); }\n    { std::lock_guard lock(mutex_); }\n"
                  "    try {\n      return {ticket_type(detail::queue_handle(impl)), is_new};")),
    "callers are served newest first": (5, (LINE, "return insert(callers_.end(), w);", "return insert(callers_.begin(), w);")),
    "idle slots leave oldest first": (5, (IDLE, "    slot_node& s = slots_.back();\n    slots_.pop_back();", "    slot_node& s = slots_.front();\n    slots_.pop_front();")),
    "ejection takes the newest idle slot": (5, (CORE, "close_idle(idle_.oldest(), eject_reason::idle, out);",
        "close_slot(idle_.take_newest(), eject_reason::idle, out);")),
    "an ejection takes an acquired slot": (2, (CORE, "    if (s.place == slot_node::place_type::offered) {\n      take_from_waiter",
        "    if (s.place == slot_node::place_type::offered || s.place == slot_node::place_type::leased) {\n      take_from_waiter")),
    "an ejected offer can be acquired": (2, (CORE, "    if (s.place != slot_node::place_type::offered || s.id != id || closed_ || s.retired != eject_reason::none)",
        "    if (s.id != id)")),
    "a returned slot keeps its offer": (2, (CORE, "    s.id = next_id_++;\n    s.idle_since", "    s.id = why == queue_event_kind::slot_queued ? next_id_++ : s.id;\n    s.idle_since")),
    "a resumed waiter goes to the end": (5, (LINE, "    insert(younger, w);", "    insert(callers_.end(), w);")),
    "a resumed waiter waits beside an idle slot": (3, (CORE, "    if (!idle_.empty())\n      return grant(*w, idle_.take_newest(), now, out);\n", "")),
    "a resumed waiter loses its deadline": (9, (IMPL, "      if (todo.resumed)\n        arm_timer(*s, now());\n", "")),
    "an earlier deadline does not move the timer": (9, (TIMER, "if (timer_ && armed_for_ <= at)", "if (timer_)")),
    "the timer is armed once": (9, (IMPL, "      else\n        arm_timer(s, t);\n", "")),
    "a revoked grant counts as busy for ever": (7, (CORE, "    return_unused(s, now, out);\n  }\n\n  // A granted", "    record_.tell(queue_event_kind::slot_put_back, s);\n    settle(s, now, out);\n  }\n\n  // A granted")),
    "a refused caller is counted for ever": (7, (CORE, "noexcept {\n    stop_waiting(w, why);\n    w.phase", "noexcept {\n    w.phase")),
    "an operation completes inline": (9, (OP, "asio::post(ex, std::move(sent));", "asio::dispatch(ex, std::move(sent));")),
    "an operation completes on the queue's executor": (9, (OP, "asio::prefer(asio::get_associated_executor(handler, impl_->get_executor()),",
        "asio::prefer(impl_->get_executor(),"), (OP, "using handler_executor = asio::associated_executor_t<Handler, typename Impl::executor_type>;",
        "using handler_executor = typename Impl::executor_type;")),
    "a dirty slot is offered again": (11, (CORE, "s.retired = dirty ? eject_reason::dirty : terms_.end_after_call(s);", "s.retired = terms_.end_after_call(s);")),
    "a lease dropped after use is offered again": (11, (LEASE, "    if (touched_)\n      discard();", "    if (touched_)\n      release();")),
    "a retired slot is offered again": (1, (CORE, "    if (s.retired != eject_reason::none)\n      return close_slot(s, s.retired, out);\n", "")),
    "drained while slots are out": (10, (CORE, "return closed_ && live_ == 0 && is_idle()", "return closed_ && resource_waiters_ == 0")),
    "a slot is closed twice": (1, (IMPL, "      e.close_and_destroy();", "      e.slot.close();\n      e.close_and_destroy();")),
    "the bound admits one too many": (10, (CORE, "if (line_.size() >= overload_.options().max_waiting)", "if (line_.size() > overload_.options().max_waiting)")),
    "nobody wakes the launcher": (3, (IMPL, "      todo.wait_changed = op.phase == wait_node::phase_type::waiting;\n", "")),
    "a failed start is counted for ever": (7, (CORE, "    record_.leave(queue_state::starter);\n    record_.tell({.kind = queue_event_kind::start_ended, .error = why});",
        "    record_.tell({.kind = queue_event_kind::start_ended, .error = why});")),
}


def copy_of(root, work, name, edits):
    folder = os.path.join(work, re.sub(r"\W+", "-", name))
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(os.path.join(root, "include", "hotslot"), os.path.join(folder, "include", "hotslot"))
    for file, old, new in edits:
        path = os.path.join(folder, "include", "hotslot", file)
        with open(path, encoding="utf-8") as f:
            text = f.read()
        if text.count(old) != 1:
            raise ValueError(f"{file} has {text.count(old)} times: {old}")
        with open(path, "w", encoding="utf-8") as f:
            f.write(text.replace(old, new))
    return folder


def run(command):
    subprocess.run(command, check=True, capture_output=True, text=True)


class Builder:
    """Compiles what no mutation changes once: Asio's headers, and the two sources that know the queue."""

    def __init__(self, args):
        self.args = args
        self.folder = os.path.join(args.work, "whole")
        os.makedirs(self.folder, exist_ok=True)
        self.compile("-x", "c++-header", os.path.join(args.root, "src", "pch", "header", "boost.hpp"),
                     "-o", os.path.join(self.folder, "boost.hpp.gch"))
        self.rest = os.path.join(self.folder, "unit.o")
        self.compile_with(args.root, "-c", self.unit(self.folder), "-o", self.rest)

    def compile(self, *arguments):
        run([*self.args.compiler, *FLAGS, *arguments])

    def compile_with(self, root, *arguments):
        self.compile("-I", self.folder, "-include", "boost.hpp", "-I", os.path.join(root, "include"), *arguments)

    def unit(self, folder):
        path = os.path.join(folder, "unit.cpp")
        with open(path, "w", encoding="utf-8") as f:
            for name in ("world", "activities"):
                f.write(f'#include "{self.args.root}/test/sim/{name}.cpp"\n')
        return path

    def build(self, folder, files):
        """The simulation with the headers of `folder`, of which `files` are mutated."""
        program = os.path.join(folder, "simtest")
        inside = [os.path.join(self.args.root, "test", "sim", "queue.cpp"), self.rest] if files <= INSIDE else []
        self.compile_with(folder, *(inside or [self.unit(folder)]), *self.args.link, "-lcrypto", "-o", program)
        return program


def found(program, seeds):
    """What the simulation said, or None where nothing was wrong in all its runs."""
    try:
        said = subprocess.run([program, "--seeds", seeds, "--seed", "1"], capture_output=True, text=True, timeout=120,
                              check=False)
    except subprocess.TimeoutExpired:
        return "it did not end"
    if said.returncode == 0:
        return None
    lines = (said.stdout + said.stderr).strip().splitlines()
    return lines[-2] + "; " + lines[-1] if said.returncode == 1 else f"ended by {said.returncode}: {lines[-1]}"


def attempt(args, builder, name):
    invariant, *edits = MUTATIONS[name]
    try:
        folder = copy_of(args.root, args.work, name, edits)
        what = found(builder.build(folder, {file for file, *_ in edits}), args.seeds)
    except subprocess.CalledProcessError as e:
        return f"{name}: does not compile\n{e.stderr[-2000:]}", False
    except ValueError as e:
        return f"{name}: {e}", False
    shutil.rmtree(folder)
    return f"{name} (invariant {invariant}): {what or 'NOT FOUND'}", what is not None


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", required=True, help="the checkout")
    parser.add_argument("--work", required=True, help="a folder for the broken copies")
    parser.add_argument("--seeds", default="5000", help="how many runs may be needed to find one")
    parser.add_argument("--only", default="", help="those whose name has this in it")
    parser.add_argument("--compiler", required=True, type=str.split, help="the compiler, its launcher before it")
    parser.add_argument("--define", default=[], type=str.split, help="its definitions, which those that are linked have, too")
    parser.add_argument("--link", required=True, nargs="+", help="the simulation's other objects and its libraries")
    return parser.parse_args()


def main():
    args = parse()
    FLAGS.extend(args.define)
    names = [n for n in MUTATIONS if args.only in n]
    builder = Builder(args)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        right = 0
        for line, is_found in pool.map(lambda n: attempt(args, builder, n), names):
            print(line, flush=True)
            right += is_found
    print(f"{right} of {len(names)} found")
    return 0 if names and right == len(names) else 1


if __name__ == "__main__":
    sys.exit(main())
