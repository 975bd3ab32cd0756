#!/usr/bin/env python3
"""Shows that the simulations can fail: breaks the headers in one way after another, and expects each to be found.

All ways are compiled at once: each is a choice at run time, made by the number in HOTSLOT_BROKEN. Those that change a
declaration are compiled by themselves."""

import argparse
import concurrent.futures
import os
import shutil
import subprocess
import sys

CORE = "detail/queue/queue_core.hpp"
HANDS = "detail/queue/hand_off.hpp"
IDLE = "detail/queue/idle_stack.hpp"
LINE = "detail/queue/waiting_line.hpp"
TERMS = "detail/queue/launcher_terms.hpp"
KEEPING = "detail/queue/idle_keeping.hpp"
KEEPALIVE = "detail/launcher/keepalive_schedule.hpp"
CENSUS = "detail/queue/slot_census.hpp"
IMPL = "detail/asio/queue_impl.hpp"
LOCKED = "detail/asio/locked_queue.hpp"
SERVICE = "detail/asio/queue_service.hpp"
TIMER = "detail/asio/deadline_timer.hpp"
OP = "detail/asio/wait_op.hpp"
ARBITER = "detail/resources/resource_arbiter.hpp"
HUB = "detail/resources/resource_hub.hpp"
RESERVE = "detail/asio/reserve_op.hpp"
WORKERS = "detail/launcher/worker_registry.hpp"
EVICTABLE = "detail/launcher/evictable_workers.hpp"
STATE = "detail/launcher/launcher_core.hpp"
MANAGER = "slot_queue_manager.hpp"
LAUNCHER = "detail/asio/launcher_loop.hpp"
LEASE = "lease.hpp"

# What is looked for is whether the broken headers are found, not how fast they are.
FLAGS = ["-std=c++20", "-O0", "-w", "-pthread"]

SOURCES = {
    "queue": ("world", "activities", "simtest"),
    "pools": ("machine", "pool", "pools_world", "pooltest"),
}

# What is broken: what it breaks, an invariant of docs/design.md by its number or in words, and (file, text, text instead)...
# What is replaced of a text is between the marks, or all of it: whole statements by statements, an expression by one.
QUEUE = {
    "a cancelled waiter keeps its grant": (4, (CORE, "return revoke(w, why, now, out);",
        "granted_.erase(granted_.iterator_to(w)); w.slot = nullptr; w.result = why;"
        " w.phase = wait_node::phase_type::ended; return;")),
    "a destroyed waiter keeps its grant": (4, (CORE, "revoke(w, abandoned, now, out);", "granted_.erase(granted_.iterator_to(w));")),
    "the lock is dropped between nothing idle and queue me": (3,
        (CORE, "«if (has_fresh(now))\n      return grant(w, idle_.take_next(), now, out);»\n    if (terms_", ";"),
        (IMPL, "    const timestamp t = now();\n«»    act([&](state& s, work& todo) {\n      if (op.kind == wait_node::kind_type::drain)",
               "act([&](state& s, work& todo) {\n"
               "  if (s.core.idle() != 0) s.core.grant_idle(op, t, counted, todo);\n});\n"
               "if (op.phase == wait_node::phase_type::granted) return;"),
        (CORE, "«»  /// Starts a wait for the queue to be closed",
               "  void grant_idle(wait_node& w, timestamp now, bool counted, actions& out) noexcept {\n"
               "    if (w.kind == wait_node::kind_type::drain || w.phase == wait_node::phase_type::ended || closed_) return;\n"
               "    if (!counted) enter_waiting();\n    w.id = ++last_wait_;\n    w.since = now;\n"
               "    record_.tell({.kind = queue_event_kind::wait_begun, .wait = w.id});\n"
               "    grant(w, idle_.take_next(), now, out);\n  }\n\n")),
    "every slot wakes every waiter": (4, (HANDS, "line_.remove(w);\n      grant(w, s, now, out);\n      return true;",
        "line_.remove(w); while (!line_.empty()) end_waiting(line_.oldest(), {}, out); grant(w, s, now, out); return true;")),
    "a slot that comes back unused is idle from now on": (4, (HANDS, "«»    record_.tell(queue_event_kind::slot_put_back, s);",
        "s.idle_since += std::chrono::milliseconds(3);")),
    "a slot that comes back unused is the newest": (5, (IDLE, "while («after != slots_.begin() && std::prev(after)->id > s.id»)",
        "false")),
    "close misses the granted slots": (10, (CORE,
        "while (!granted_.empty())\n      revoke(granted_.front(), errc::queue_closed, timestamp(), out);", ";")),
    "close misses the idle slots": (10, (CORE, "close_idle(idle_.oldest(), eject_reason::closed, out);", "break;")),
    "a closed queue takes callers": (10, (CORE, "if (closed_)\n      return refuse(w, errc::queue_closed, out);", ";")),
    "a waiter is counted after the look-up": (8, (MANAGER, "  found<ticket_type> enter(key_view key) {\n«»",
        "auto [q, is_new] = get(key); auto* impl = q.impl_.get(); boost::intrusive_ptr keep(impl);"
        " { auto gone = std::move(q); } { std::lock_guard lock(mutex_); }"
        " return {ticket_type(detail::queue_handle(impl)), is_new};")),
    "callers are served newest first": (5, (LINE, "return insert(callers_.end(), w);", "return insert(callers_.begin(), w);")),
    "idle slots leave oldest first": (5, (IDLE, "return «lends_oldest_ ? slots_.front() : slots_.back()»;", "slots_.front()")),
    "ejection takes the newest idle slot": (5, (KEEPING,
        "core.eject(«core.idle_slots().oldest()», eject_reason::idle, out);", "core.idle_slots().next()")),
    "an ejection takes an acquired slot": (2, (CORE, "if («s.place == slot_node::place_type::offered») {\n      take_from_waiter",
        "s.place == slot_node::place_type::offered || s.place == slot_node::place_type::leased")),
    "an ejected offer can be acquired": (2, (CORE,
        "s.place != slot_node::place_type::offered || s.id != id || closed_ || s.retired != eject_reason::none", "s.id != id")),
    "a returned slot keeps its offer": (2, (HANDS, "«s.id = next_id_++;»\n    s.idle_since",
        "s.id = why == queue_event_kind::slot_queued ? next_id_++ : s.id;")),
    "a resumed waiter goes to the end": (5, (LINE, "insert(younger, w);", "insert(callers_.end(), w);")),
    "a resumed waiter waits beside an idle slot": (3, (HANDS, "if (has_fresh(now))\n      return grant(*w, idle_.take_next(), now, out);", ";"),
        (HANDS, "line_.resume(*w);\n    «serve_with_idle(now, out);»", ";")),
    "a resumed waiter loses its deadline": (9, (LOCKED, "if (todo.resumed)\n        arm_timer(*s, now());", ";")),
    "an earlier deadline does not move the timer": (9, (TIMER, "if («timer_ && armed_for_ <= at»)", "static_cast<bool>(timer_)")),
    "the timer is armed once": (9, (LOCKED, "      else\n        «arm_timer(s, t);»", ";")),
    "a revoked grant counts as busy for ever": (7, (HANDS, "«return_unused(s, now, out);»\n  }\n\n  // A granted",
        "record_.tell(queue_event_kind::slot_put_back, s); settle(s, now, out);")),
    "a refused caller is counted for ever": (7, (HANDS, "noexcept {\n    «stop_waiting(w, why);»\n    w.phase", ";")),
    "an operation completes inline": (9, (OP, "asio::post(ex, std::move(sent));", "asio::dispatch(ex, std::move(sent));")),
    "a dirty slot is offered again": (11, (CORE, "s.retired = dirty ? eject_reason::dirty : terms_.end_after_call(s);",
        "s.retired = terms_.end_after_call(s);")),
    "a lease dropped after use is offered again": (11, (LEASE, "release(«kept_ ? worker_condition::clean : worker_condition::dirty»);",
        "worker_condition::clean")),
    "a retired slot is offered again": (1, (HANDS, "if (s.retired != eject_reason::none)\n      return close_slot(s, s.retired, out);", ";")),
    "drained while slots are out": (10, (HANDS, "return closed_ && «census_.nothing_left() && this->is_idle()»", "this->reserving() == 0")),
    "a slot is closed twice": (1, (LOCKED, "entry_of(s).close_and_destroy();",
        "entry_of(s).slot.close(); entry_of(s).close_and_destroy();")),
    "the bound admits one too many": (10, (CORE, "return «n >= most» && n - most >= startable", "n > most")),
    "nobody wakes the launcher": (3, (IMPL, "todo.wait_changed = op.is_caller() && op.phase == wait_node::phase_type::waiting;", ";")),
    "a failed start is counted for ever": (7, (CORE,
        "«record_.leave(queue_state::starter);»\n    record_.tell({.kind = queue_event_kind::start_ended, .error = why});", ";")),
    "a slot is given out that has to be validated": ("a slot that was idle for long is validated", (HANDS,
        "return line_.empty() && «!upkeep_.is_stale(idle_.next(), now)»;", "true")),
    "a slot that is not fit is offered again": ("what is not fit is closed", (CORE,
        "if («!fit && s.retired == eject_reason::none»)", "false")),
    "a used slot is not reset": ("a used slot is reset", (CORE, "if («upkeep_.resets() && s.retired == eject_reason::none && !closed_»)", "false")),
    "a caller waits beside what could be validated": (3, (CORE, "finish_late(s, what, fit, now, out);\n    «serve_with_idle(now, out);»", ";")),
    "a ping is a use": ("a ping is no use", (CORE, "if («what == slot_task::keepalive»)\n      settle", "false")),
    "a slot that comes back stale is granted": ("a slot that was idle for long is validated", (HANDS,
        "if («!fit && upkeep_.is_stale(s, now)»)", "false")),
    "a suspended queue lends": ("a suspended queue lends nothing", (HANDS, "if (idle_.empty() || «suspended_»)", "false")),
    "a suspended queue grants what comes back": ("a suspended queue lends nothing", (HANDS,
        "if («!line_.empty() && !suspended_») {\n      if (!fit", "!line_.empty()")),
    "a resumed queue lets its callers wait": (3, (CORE,
        ".kind = queue_event_kind::queue_resumed});\n    out.signal = true;\n    «serve_with_idle(now, out);»", ";")),
    "those who wait for a validation are overtaken": (5, (HANDS, "return «line_.empty()» && !upkeep_", "true")),
    "a detached slot is closed": ("a detached slot is its caller's", (IMPL,
        "std::destroy_at(std::addressof(e.slot));", "e.slot.close(); std::destroy_at(std::addressof(e.slot));")),
    "a detached slot still lives": ("a detached slot is its caller's", (CENSUS,
        "«--live_;»\n    by_hand_ -= !s.launched;\n    detached_", ";")),
    "nobody is told that slots are idle": ("waits for idle slots end when there are as many", (HANDS,
        "if (line_.has_idle_waits()) [[unlikely]]\n      notice_idle(out);", ";")),
    "a lease leaks too soon": ("what is told of leaks is true", ("detail/queue/leased_slots.hpp",
        "if («next_leak() > now»)", "out_.empty()")),
    "a lease that is back may leak": ("what is told of leaks is true", (HANDS,
        "if (watches_leases_) [[unlikely]]\n      leases_.end(s);", ";")),
}

POOLS = {
    "a worker is gone when its close() has begun": ("what a worker takes is taken until its close() has returned", (LAUNCHER,
        "self->impl_->start_watch(*w.release(), *entry, 0);", "w.reset();")),
    "there is room once a close() has begun": ("a slot is there until its close() has returned", (STATE,
        "there = «core.present()» + core.under_way();\n    const", "core.live()")),
    "nobody is told that a close() has returned": ("a slot is there until its close() has returned", (CORE,
        "out.signal |= terms_.seen_closed();", ";")),
    "drained while a close() runs": ("a slot is there until its close() has returned", (CENSUS, "live_ == 0 && «closing_ == 0»", "true")),
    "a maximum that was lowered ends nobody": ("no more workers than there may be", (STATE,
        "shrink_to(core, options.max_workers, todo);", ";")),
    "whoever a worker could start for waits too much": ("a bound refuses those that nothing can be started for", (CORE,
        "«n - most >= startable && n - most - startable >= under_way() + spare()»;", "true")),
    "nobody looks at workers that become idle later": ("every wake-up has its cause", (STATE,
        "core.terms().watch_idle_above(options.min_idle);", ";")),
    "what leaves is asked for again": ("no more is evicted than is wanted", (EVICTABLE,
        "evicting_.load() + read([](const core_type& core) { return core.census().leaving(); })", "evicting_.load()")),
    "workers are recycled while starts fail": ("a bad backend costs no good worker",
        (WORKERS, "recycled_at_a_time_ == 0 || failing", "recycled_at_a_time_ == 0"),
        (WORKERS, "out = «missing», left", "std::uint64_t(0)")),
    "a start that throws is counted for ever": ("every start ends", (LAUNCHER,
        "r->self->fail(*r->start, core::describe(error));", "r->start->counted.drop_one();")),
    "a start that takes no notice is never late": ("every start ends", (LAUNCHER,
        "fail(*r.start, {.code = code, .message = code.message()});", ";")),
    "a wait for resources is not destroyed with its context": ("a context may end", (RESERVE,
        "if (op)\n      op->destroy();", ";")),
    "the queues' service is made before the channels'": ("a context may end", (SERVICE,
        "queue_signaller<Executor>(ex, 1);\n    asio::make_strand(ex);", ";")),
    "an eviction that never runs keeps its worker": ("every slot is closed once",
        (EVICTABLE, "«evict();»\n  }\n  void set_worth", ";"),
        (EVICTABLE, "if (slot_)\n        slot_.queue().decline(*slot_, id_);", ";")),
    "what a policy wants in advance is thrown away": ("nobody waits for what is free", (STATE,
        "needed_ = demanded(core) + in_advance_;", "needed_ = demanded(core);")),
    "a lowered total leaves impossible waits": ("nobody waits for what cannot be had", (ARBITER,
        "total_ = total;\n    «changed_ = true;»", ";")),
    "a raised minimum leaves impossible waits": ("nobody waits for what cannot be had", (ARBITER,
        "set_aside_ += a.set_aside();\n    «changed_ = true;»", ";")),
    "an ended launcher keeps its minimum": ("nobody waits for what is free", (STATE,
        "account_->change({.weight = options.account.weight});", ";")),
    "a weight may be none": ("nobody waits for what is free", (ARBITER,
        "a.weight = weight > least_weight ? weight : least_weight;", "a.weight = weight;")),
    "more is taken than there is": ("no more is taken than there is", (ARBITER,
        "if (!r.fits_in(available_to(a)))\n      return false;", ";")),
    "what is given back is offered to nobody": ("nobody waits for what is free", (HUB,
        "«serve_after([&] { arbiter_.give_back(a, r); });»", "const std::lock_guard lock(mutex_); arbiter_.give_back(a, r);")),
    "the poor give to the rich": ("no account is worse off", (HUB,
        "richest && «may_be_left_with(*richest, kept(*richest) - richest->workers->worker_size())»", "true")),
    "what was asked for is never withdrawn": ("no account is worse off", (HUB, "w.surrender(n - 1);", ";")),
    "a slot queued by hand is evicted": ("nothing is ended for nothing", (KEEPING,
        "core.idle() > keep ? «core.idle_slots().oldest_launched()» : nullptr", "&core.idle_slots().oldest()")),
    "a slot queued by hand is surrendered": ("nothing is ended for nothing", (TERMS,
        "if («s.launched && surrender_ != 0»)", "surrender_ != 0")),
    "reconfigure changes what a worker takes": ("what lives is reserved", (STATE,
        "fresh->per_worker = options.per_worker;", ";")),
    "a new policy waits for the one that failed": ("callers without a worker get one", (STATE, "ask_again_ = {};", ";")),
    "resume() runs under the manager's lock": ("no user's code under a lock", (MANAGER,
        "it->second.queue.try_acquire(where, got)", "it->second.queue.try_acquire(where)")),
    "shed callers are not counted": ("each call is counted once", (HANDS, "++record_.totals.shed_overloaded;", ";")),
    "late callers are not counted": ("each call is counted once", (CORE, "++record_.totals.shed_late;", ";")),
    "a start fails with success": ("an error has no lease", (STATE,
        "«e.code() && e.code() != operation_aborted»", "e.code() != operation_aborted")),
    "a start's cancellation is its callers'": ("a caller that waits was not cancelled", (STATE,
        "«e.code() && e.code() != operation_aborted»", "static_cast<bool>(e.code())")),
    "a queue with a lease out is deleted": ("nobody uses a deleted queue", (IMPL,
        "unused = !s || «(s->core.is_idle() && s->core.present() == 0 && !s->core.suspended())»;", "true")),
}

# Of the queue, too.
BY_THEMSELVES = {
    "an operation completes on the queue's executor": (9, (OP, "asio::prefer(asio::get_associated_executor(handler, impl_->get_executor()),",
        "asio::prefer(impl_->get_executor(),"), (OP, "using handler_executor = asio::associated_executor_t<Handler, typename Impl::executor_type>;",
        "using handler_executor = typename Impl::executor_type;")),
}


def marked(text):
    """What comes before the part that is replaced, that part, what comes after it."""
    if "«" not in text:
        return "", text, ""
    before, _, rest = text.partition("«")
    old, _, after = rest.partition("»")
    return before, old, after


class Headers:
    """A copy of the headers, in which texts are replaced."""

    def __init__(self, root, folder):
        self.folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(os.path.join(root, "include", "hotslot"), self.path(""))
        self.places = {}  # file -> (from, to) -> [(number, text instead)]

    def path(self, file):
        return os.path.join(self.folder, "include", "hotslot", file)

    def read(self, file):
        with open(self.path(file), encoding="utf-8") as f:
            return f.read()

    def replace(self, number, file, text, new):
        """Number None: in all programs."""
        before, old, after = marked(text)
        whole = self.read(file)
        if whole.count(before + old + after) != 1:
            raise ValueError(f"{file} has {whole.count(before + old + after)} times: {before + old + after}")
        start = whole.index(before + old + after) + len(before)
        self.places.setdefault(file, {}).setdefault((start, start + len(old)), []).append((number, new))

    def write(self):
        for file, places in self.places.items():
            whole = self.read(file)
            end = len(whole)
            for (start, stop), ways in sorted(places.items(), reverse=True):
                if stop > end:
                    raise ValueError(f"{file} is replaced twice: {whole[start:stop]}")
                whole = whole[:start] + choice(whole[start:stop], ways) + whole[stop:]
                end = start
            with open(self.path(file), "w", encoding="utf-8") as f:
                f.write(whole)


def choice(old, ways):
    text = old
    for number, new in ways:
        if number is None:
            text = new
        elif not old or old.endswith((";", "}")):
            text = f"if (hotslot::sim::broken == {number}) {{ {new} }} else {{ {text} }}"
        else:
            text = f"(hotslot::sim::broken == {number} ? ({new}) : ({text}))"
    return text


def is_declaration(new):
    return new.startswith("  void ")


class Builder:
    """Compiles Asio's headers once."""

    def __init__(self, args):
        self.args = args
        self.folder = os.path.join(args.work, "whole")
        os.makedirs(self.folder, exist_ok=True)
        self.compile("-x", "c++-header", os.path.join(args.root, "src", "pch", "header", "boost.hpp"),
                     "-o", os.path.join(self.folder, "boost.hpp.gch"))
        self.broken = os.path.join(self.folder, "broken.hpp")
        with open(self.broken, "w", encoding="utf-8") as f:
            f.write("#pragma once\n#include <cstdlib>\nnamespace hotslot::sim {\n"
                    'inline const int broken = std::getenv("HOTSLOT_BROKEN") ? std::atoi(std::getenv("HOTSLOT_BROKEN")) : 0;\n}\n')

    def compile(self, *arguments):
        subprocess.run([*self.args.compiler, *FLAGS, *arguments], check=True, capture_output=True, text=True)

    def build(self, folder, world):
        """A simulation with the headers of `folder`."""
        unit = os.path.join(folder, world + ".cpp")
        with open(unit, "w", encoding="utf-8") as f:
            for name in SOURCES[world]:
                f.write(f'#include "{self.args.root}/test/sim/{name}.cpp"\n')
        program = os.path.join(folder, world)
        self.compile("-include", os.path.join(self.folder, "boost.hpp"), "-include", self.broken,
                     "-I", os.path.join(folder, "include"), unit, *self.args.link, "-o", program)
        return program


def found(program, seeds, number):
    """What the simulation said, or None where nothing was wrong in all its runs."""
    try:
        said = subprocess.run([program, "--seeds", seeds, "--seed", "1"], capture_output=True, text=True, timeout=120,
                              env={**os.environ, "HOTSLOT_BROKEN": str(number)}, check=False)
    except subprocess.TimeoutExpired:
        return "it did not end"
    if said.returncode == 0:
        return None
    lines = (said.stdout + said.stderr).strip().splitlines()
    return lines[-2] + "; " + lines[-1] if said.returncode == 1 else f"ended by {said.returncode}: {lines[-1]}"


def build_choices(args, builder, pool):
    """A program for each world, in which every way is a choice; each way with its program, to come, and its number."""
    headers = Headers(args.root, os.path.join(args.work, "choices"))
    ways = []
    for world, mutations in (("queue", QUEUE), ("pools", POOLS)):
        for name, (_, *edits) in mutations.items():
            number = len(ways) + 1
            for file, old, new in edits:
                headers.replace(None if is_declaration(new) else number, file, old, new)
            ways.append((world, name, number))
    headers.write()
    programs = {world: pool.submit(builder.build, headers.folder, world) for world in SOURCES}
    return [(name, programs[world], number) for world, name, number in ways]


def build_alone(args, builder, name):
    headers = Headers(args.root, os.path.join(args.work, "alone"))
    for file, old, new in BY_THEMSELVES[name][1:]:
        headers.replace(None, file, old, new)
    headers.write()
    return builder.build(headers.folder, "queue")


def attempt(args, name, program, number):
    broken, *_ = {**QUEUE, **POOLS, **BY_THEMSELVES}[name]
    what = found(program.result(), args.seeds, number)
    return f"{name} ({broken}): {what or 'NOT FOUND'}", what is not None


def unbroken(args, programs):
    """What the programs find where nothing is broken: nothing, or they show nothing."""
    for program in programs:
        what = found(program.result(), "200", 0)
        if what:
            raise ValueError(f"found in what is not broken: {what}")


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", required=True, help="the checkout")
    parser.add_argument("--work", required=True, help="a folder for the broken copies")
    parser.add_argument("--seeds", default="5000", help="how many runs may be needed to find one")
    parser.add_argument("--only", default="", help="those whose name has this in it")
    parser.add_argument("--compiler", required=True, type=str.split, help="the compiler, its launcher before it")
    parser.add_argument("--define", default=[], type=str.split, help="its definitions, which those that are linked have, too")
    parser.add_argument("--link", required=True, nargs="+", help="the simulations' other objects and their libraries")
    return parser.parse_args()


def main():
    args = parse()
    FLAGS.extend(args.define)
    builder = Builder(args)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        ways = build_choices(args, builder, pool)
        ways += [(name, pool.submit(build_alone, args, builder, name), 0) for name in BY_THEMSELVES if args.only in name]
        ways = [way for way in ways if args.only in way[0]]
        try:
            concurrent.futures.wait([program for _, program, _ in ways])
            unbroken(args, {program for name, program, _ in ways if name not in BY_THEMSELVES})
        except subprocess.CalledProcessError as e:
            print(f"does not compile\n{e.stderr[-4000:]}")
            return 1
        right = 0
        for line, is_found in pool.map(lambda way: attempt(args, *way), ways):
            print(line, flush=True)
            right += is_found
    print(f"{right} of {len(ways)} found")
    return 0 if ways and right == len(ways) else 1


if __name__ == "__main__":
    sys.exit(main())
