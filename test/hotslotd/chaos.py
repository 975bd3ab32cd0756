#!/usr/bin/env python3
"""Calls of every kind on 64 connections, while workers are killed and stopped, end by themselves, their sockets are removed,
the configuration is reloaded, memory is short, and who reads the log stalls.  Usage: chaos.py HOTSLOTD TEST_FUNCTION

Every call has to get one well-formed answer with its own nonce, unless its caller leaves; none may fail that could have gone on
to another worker; /healthz has to be answered throughout; in the end nothing may be left. HOTSLOT_CHAOS_SECONDS says how long
(60), HOTSLOT_CHAOS_SEED repeats a run's choices, HOTSLOT_CHAOS_STALL is for how many seconds at most the log is not read (0)."""

import http.client
import json
import os
import random
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from hotslotd import ENVIRONMENT, PATIENCE, Hotslotd, Lines, ask

HOTSLOTD, FUNCTION = (os.path.abspath(p) for p in sys.argv[1:3]) if sys.argv[1] != "--health" else (None, None)
SECONDS = float(os.environ.get("HOTSLOT_CHAOS_SECONDS", "60"))
SEED = int(os.environ.get("HOTSLOT_CHAOS_SEED", time.time_ns() % 1_000_000))
STALL_S = float(os.environ.get("HOTSLOT_CHAOS_STALL", "0"))
LONG_RUN_S = 600
HEALTHY_S = 0.1  # of a long run: on a machine that does other things, too, less tells nothing
CALLERS = 64
TIMEOUT_S = 2

# What a call of each kind may end with. A worker may be killed at any time, so any call may get 502, and one whose
# worker was stopped 504; 503 is for want of a worker. Those that say that the time is up are true only when it is.
MISFORTUNE = {502, 503, 504}
LATE = {408, 504}
KINDS = {"echo": {200}, "pieces": {200}, "chunks": {200}, "until-close": {200}, "exit-in-call": set(),
         "never-answer": set(), "close-in-body": set(), "garbage": set(), "status-500": set(), "events": {200},
         "end-at-random": {200}, "talk": {200}}
ECHOING = ("echo", "end-at-random", "talk")
# They end by themselves, and nothing else is done to them: so each of their calls that fails has been sent.
MORTAL = "end-at-random"
LOST = "the function closed its connection before it had replied"


LISTENER = re.compile(b"FN_LISTENER=unix:([^\\0]+)")


class StallingLines(Lines):
    """Read by somebody who is held up now and then."""

    def __init__(self):
        super().__init__()
        self.random = random.Random(SEED)
        self.ended = threading.Event()

    def take(self, line):
        super().take(line)
        if STALL_S and self.random.random() < 0.001:
            self.ended.wait(self.random.random() * STALL_S)


class Server(Hotslotd):
    def __init__(self, folder):
        self.sockets = os.path.join(folder, "sockets")
        self.reload_count = -1
        super().__init__(HOTSLOTD, folder, [])
        self.log = StallingLines()

    def write_config(self, _=None):
        """The next of its configurations."""
        self.reload_count += 1
        super().write_config([
            {"app": "t", "name": kind, "trigger": "/" + kind, "command": [FUNCTION, kind], "memory_mb": 64,
             "max_workers": 4 + self.reload_count % 3, "timeout_s": TIMEOUT_S, "wait_timeout_s": 5,
             "reply_buffer_bytes": 64 * 1024, "idle_timeout_s": 1 + self.reload_count % 2, "stop_grace_ms": 100,
             "config": {"RELOAD": str(self.reload_count // 4)}} for kind in KINDS],
            socket_dir=self.sockets, resources={"memory_mb": 64 * 16}, request_buffer_bytes=64 * 1024)

    def totals(self):
        return self.stats()["totals"]

    def workers(self):
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="utf-8") as children:
            found = [int(p) for p in children.read().split()]
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            try:
                with open(f"/proc/{self.process.pid}/task/{task}/children", encoding="utf-8") as children:
                    found += [int(p) for p in children.read().split()]
            except OSError:
                pass
        return sorted(set(found))

    def victims(self):
        """Workers that something may be done to, and the folder of each."""
        found = []
        for pid in self.workers():
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as command, open(f"/proc/{pid}/environ", "rb") as environment:
                    kind, listener = command.read().split(b"\0")[1:2], LISTENER.search(environment.read())
            except OSError:
                continue
            if listener and kind and kind[0].decode() != MORTAL:
                found.append((pid, os.path.dirname(listener[1].decode())))
        return found

    def resident_kb(self):
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

    def folders(self):
        """Of the workers' sockets."""
        return [name for name in os.listdir(self.sockets) if name.startswith("hw-")]

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


class Results:
    def __init__(self):
        self.lock = threading.Lock()
        self.statuses = {}
        self.reasons = {}
        self.left = 0
        self.wrong = []

    def note(self, kind, status):
        with self.lock:
            self.statuses[kind, status] = self.statuses.get((kind, status), 0) + 1

    def note_reason(self, status, reason):
        with self.lock:
            self.reasons[status, reason] = self.reasons.get((status, reason), 0) + 1

    def note_left(self):
        with self.lock:
            self.left += 1

    def complain(self, what):
        with self.lock:
            self.wrong.append(what)


class Caller(threading.Thread):
    def __init__(self, n, port, ended, results):
        super().__init__()
        self.n = n
        self.port = port
        self.ended = ended
        self.results = results
        self.random = random.Random(SEED * 1000 + n)
        self.connection = None
        self.calls = 0

    def run(self):
        while not self.ended.is_set():
            kind = self.random.choice(list(KINDS))
            self.calls += 1
            nonce = f"nonce-{self.n}-{self.calls}-"
            try:
                if kind == "events" or self.random.random() < 0.05:
                    self.leave(kind, nonce)
                else:
                    self.call(kind, nonce)
            except (OSError, http.client.HTTPException, ValueError) as e:
                self.results.complain(f"{kind} {nonce}: {e!r}")
                self.close()
        self.close()

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def call(self, kind, nonce):
        if not self.connection:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        size = self.random.choice((0, 10, 1000, 100_000, 1_000_000))
        body = (nonce * (size // len(nonce) + 1)).encode()
        began = time.monotonic()
        try:
            method = self.random.choice(("GET", "PUT", "POST"))
            self.connection.request(method, f"/t/t/{kind}", body=iter([body]) if kind == "pieces" else body,
                                    headers={"X-Nonce": nonce}, encode_chunked=kind == "pieces")
            answer = self.connection.getresponse()
            got = answer.read()
        except http.client.IncompleteRead:
            if kind not in ("pieces", "until-close", *ECHOING):  # those may have begun when their worker was killed
                raise
            self.results.note(kind, "broken off")
            return self.close()
        except (BrokenPipeError, ConnectionResetError):
            # The server has answered before it had the whole request, and closed.
            self.results.note(kind, "closed amid the request")
            return self.close()
        self.check(kind, nonce, body, answer, got, time.monotonic() - began)
        if answer.will_close:
            self.close()

    def check(self, kind, nonce, body, answer, got, took):
        self.results.note(kind, answer.status)
        # A thread that a busy machine holds up may be late with what the kernel does not take at once.
        slow = {408} if len(body) >= 100_000 else set()
        if answer.status in LATE and took < TIMEOUT_S:
            self.results.complain(f"{kind} {nonce}: {answer.status} after {took:.3f} s {got[:100]}")
        elif answer.status not in KINDS[kind] | MISFORTUNE | slow:
            self.results.complain(f"{kind} {nonce}: {answer.status} {got[:100]}")
        elif answer.status != 200:
            reason = json.loads(got)["message"].partition(" (")[0]
            self.results.note_reason(answer.status, reason)
            if kind == MORTAL and answer.status == 502 and reason != LOST:
                self.results.complain(f"{kind} {nonce}: {reason}")
        elif kind == "pieces" and got != body:
            self.results.complain(f"{kind} {nonce}: {len(got)} bytes of {len(body)}, {got[:60]}")
        elif kind in ECHOING and (got.count(b"nonce-") != got.count(nonce.encode()) or not got.endswith(body)):
            self.results.complain(f"{kind} {nonce}: {got[:200]}")

    def leave(self, kind, nonce):
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as s:
            s.sendall(f"POST /t/t/{kind} HTTP/1.1\r\nHost: h\r\nX-Nonce: {nonce}\r\nContent-Length: 100000\r\n\r\n".encode())
            if self.random.random() < 0.5:
                s.sendall(b"x" * self.random.randrange(100_000))
            if kind == "events":
                s.settimeout(self.random.random())
                try:
                    s.recv(1000)
                except TimeoutError:
                    pass
        self.results.note_left()


def ask_for_health(port):
    """All the time, until its input ends; then it tells how often that was, the longest wait, and what was wrong."""
    asked, slowest, wrong = 0, 0.0, []
    while not select.select([sys.stdin], [], [], 0.01)[0]:
        began = time.monotonic()
        try:
            status = ask(port, "GET", "/healthz")[0]
        except OSError as e:
            status = repr(e)
        asked += 1
        slowest = max(slowest, time.monotonic() - began)
        if status != 200:
            wrong.append(f"/healthz: {status}")
    print(json.dumps([asked, slowest, wrong]))


class Health:
    """Asked for by a process of its own, which does not wait for the callers' threads."""

    def __init__(self, port):
        self.process = subprocess.Popen([sys.executable, os.path.abspath(__file__), "--health", str(port)], env=ENVIRONMENT,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def end(self):
        """What was wrong."""
        self.asked, self.slowest, wrong = json.loads(self.process.communicate(timeout=PATIENCE)[0])
        if SECONDS >= LONG_RUN_S and self.slowest > HEALTHY_S:
            wrong.append(f"/healthz took {1000 * self.slowest:.0f} ms")
        return wrong


def misfortunes(server, ended, results):
    """One every few milliseconds, until the end."""
    choose = random.Random(SEED)
    while not ended.wait(choose.random() * 0.05):
        what = choose.random()
        victims = server.victims()
        pid, folder = choose.choice(victims) if victims else (None, None)
        try:
            if what < 0.4 and pid:
                os.kill(pid, signal.SIGKILL)
            elif what < 0.6 and pid:
                os.kill(pid, signal.SIGSTOP)
            elif what < 0.8 and pid:
                shutil.rmtree(folder, ignore_errors=True)
            elif 0.8 <= what < 0.83:
                server.write_config()
                status, _, body = ask(server.admin, "POST", "/admin/reload")
                if status != 200:
                    results.complain(f"reload: {status} {body}")
        except (ProcessLookupError, FileNotFoundError):
            pass


def wait_until_quiet(server):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        totals = server.totals()
        if not any(totals["states"].values()) and totals["busy"] == 0:
            return []
    return [f"not quiet in the end: {totals}"]


def leftovers(server):
    wrong = wait_until_quiet(server)
    end = time.monotonic() + PATIENCE
    while (server.workers() or server.folders()) and time.monotonic() < end:
        pass  # idle ones end by their timeout
    if server.workers():
        wrong.append(f"workers in the end: {server.workers()}")
    if server.folders():
        wrong.append(f"socket directories in the end: {server.folders()}")
    return wrong


def main():
    print(f"seed {SEED}", flush=True)
    folder = tempfile.mkdtemp(prefix="hotslot-chaos-")
    server = Server(folder)
    server.start()
    server.stats()
    descriptors = server.descriptors()
    ended = threading.Event()
    results = Results()
    callers = [Caller(n, server.port, ended, results) for n in range(CALLERS)]
    trouble = threading.Thread(target=misfortunes, args=(server, ended, results))
    health = Health(server.admin)
    for t in [*callers, trouble]:
        t.start()
    ended.wait(SECONDS / 5)
    early = server.resident_kb()
    ended.wait(SECONDS * 4 / 5)
    late = server.resident_kb()
    ended.set()
    server.log.ended.set()
    wrong = health.end()
    for t in [*callers, trouble]:
        t.join()
    wrong += results.wrong + leftovers(server)
    # Not at once: the other end of a connection that was just closed may be there still.
    end = time.monotonic() + PATIENCE
    while server.descriptors() > descriptors and time.monotonic() < end:
        pass
    if server.descriptors() > descriptors:
        wrong.append(f"{server.descriptors()} descriptors, {descriptors} before")
    # On a busy machine not every thread has come to its own memory early.
    if SECONDS >= 60 and late > 1.1 * early + 2048:
        wrong.append(f"memory has grown from {early} kB to {late} kB")
    code = server.stop()
    if code != 0:
        wrong.append(f"exit code {code}")
    calls = sum(results.statuses.values())
    print(f"{calls} calls in {SECONDS:.0f} s, {results.left} callers left, {server.reload_count} reloads, "
          f"memory {early} kB early and {late} kB late")
    print(", ".join(f"{kind} {status}: {n}" for (kind, status), n in sorted(results.statuses.items(), key=str)))
    for (status, reason), n in sorted(results.reasons.items(), key=str):
        print(f"{status} {reason}: {n}")
    print(f"/healthz asked {health.asked} times, the slowest answer took {1000 * health.slowest:.1f} ms")
    for what in wrong[:20]:
        print("wrong:", what)
    for line in server.log.matching("handler failed|connection failed"):
        print(line)
    shutil.rmtree(folder)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(ask_for_health(int(sys.argv[2])) if sys.argv[1] == "--health" else main())
