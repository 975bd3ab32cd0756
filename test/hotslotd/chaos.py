#!/usr/bin/env python3
"""Calls of every kind on 64 connections, while workers are killed and stopped, their sockets removed, the configuration
reloaded, and memory is short.  Usage: chaos.py HOTSLOTD TEST_FUNCTION

Every call has to get one well-formed answer with its own nonce, unless its caller leaves; in the end nothing may be
left. HOTSLOT_CHAOS_SECONDS says how long (60), HOTSLOT_CHAOS_SEED repeats a run's choices."""

import http.client
import json
import os
import random
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time

from hotslotd import PATIENCE, Hotslotd, ask

HOTSLOTD, FUNCTION = (os.path.abspath(p) for p in sys.argv[1:3])
SECONDS = float(os.environ.get("HOTSLOT_CHAOS_SECONDS", "60"))
SEED = int(os.environ.get("HOTSLOT_CHAOS_SEED", time.time_ns() % 1_000_000))
CALLERS = 64
TIMEOUT_S = 2

# What a call of each kind may end with. A worker may be killed at any time, so any call may get 502, and one whose
# worker was stopped 504; 503 is for want of a worker.
MISFORTUNE = {502, 503, 504}
KINDS = {"echo": {200}, "pieces": {200}, "chunks": {200}, "until-close": {200}, "exit-in-call": set(),
         "never-answer": set(), "close-in-body": set(), "garbage": set(), "status-500": set(), "events": {200}}


class Server(Hotslotd):
    def __init__(self, folder):
        self.sockets = os.path.join(folder, "sockets")
        self.reload_count = -1
        super().__init__(HOTSLOTD, folder, [])

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
        self.left = 0
        self.wrong = []

    def note(self, kind, status):
        with self.lock:
            self.statuses[kind, status] = self.statuses.get((kind, status), 0) + 1

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
        try:
            self.connection.request("POST", f"/t/t/{kind}", body=iter([body]) if kind == "pieces" else body,
                                    headers={"X-Nonce": nonce}, encode_chunked=kind == "pieces")
            answer = self.connection.getresponse()
            got = answer.read()
        except http.client.IncompleteRead:
            if kind not in ("pieces", "until-close", "echo"):  # those may have begun when their worker was killed
                raise
            self.results.note(kind, "broken off")
            return self.close()
        except (BrokenPipeError, ConnectionResetError):
            # The server has answered before it had the whole request, and closed.
            self.results.note(kind, "closed amid the request")
            return self.close()
        self.check(kind, nonce, body, answer, got)
        if answer.will_close:
            self.close()

    def check(self, kind, nonce, body, answer, got):
        self.results.note(kind, answer.status)
        if answer.status not in KINDS[kind] | MISFORTUNE:
            self.results.complain(f"{kind} {nonce}: {answer.status} {got[:100]}")
        elif answer.status != 200:
            json.loads(got)["message"]
        elif kind == "pieces" and got != body:
            self.results.complain(f"{kind} {nonce}: {len(got)} bytes of {len(body)}, {got[:60]}")
        elif kind == "echo" and (got.count(b"nonce-") != got.count(nonce.encode()) or not got.endswith(body)):
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


def misfortunes(server, ended, results):
    """One every few milliseconds, until the end."""
    choose = random.Random(SEED)
    while not ended.wait(choose.random() * 0.05):
        what = choose.random()
        workers = server.workers()
        try:
            if what < 0.4 and workers:
                os.kill(choose.choice(workers), signal.SIGKILL)
            elif what < 0.6 and workers:
                os.kill(choose.choice(workers), signal.SIGSTOP)
            elif what < 0.8:
                folders = server.folders()
                if folders:
                    shutil.rmtree(os.path.join(server.sockets, choose.choice(folders)), ignore_errors=True)
            elif what < 0.83:
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
    for t in [*callers, trouble]:
        t.start()
    ended.wait(SECONDS / 5)
    early = server.resident_kb()
    ended.wait(SECONDS * 4 / 5)
    late = server.resident_kb()
    ended.set()
    for t in [*callers, trouble]:
        t.join()
    wrong = results.wrong + leftovers(server)
    # Not at once: the other end of a connection that was just closed may be there still.
    end = time.monotonic() + PATIENCE
    while server.descriptors() > descriptors and time.monotonic() < end:
        pass
    if server.descriptors() > descriptors:
        wrong.append(f"{server.descriptors()} descriptors, {descriptors} before")
    if SECONDS >= 60 and late > 1.1 * early:
        wrong.append(f"memory has grown from {early} kB to {late} kB")
    code = server.stop()
    if code != 0:
        wrong.append(f"exit code {code}")
    calls = sum(results.statuses.values())
    print(f"{calls} calls in {SECONDS:.0f} s, {results.left} callers left, {server.reload_count} reloads, "
          f"memory {early} kB early and {late} kB late")
    print(", ".join(f"{kind} {status}: {n}" for (kind, status), n in sorted(results.statuses.items(), key=str)))
    for what in wrong[:20]:
        print("wrong:", what)
    for line in server.log.matching("handler failed|connection failed"):
        print(line)
    shutil.rmtree(folder)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
