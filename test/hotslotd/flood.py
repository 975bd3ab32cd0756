#!/usr/bin/env python3
"""Ten thousand idle connections, a thousand slow bodies, a hundred readers of streams and a peer that opens connections as fast as it
can, all at once: others are served, operators too, memory has its bound, and all descriptors come back.
Usage: flood.py HOTSLOTD TEST_FUNCTION. Prints how long answers took, which is not judged."""

import contextlib
import http.client
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

from hotslotd import ENVIRONMENT, PATIENCE, Hotslotd, ask

IDLE, SLOW, STREAMS = 10_000, 1_000, 100
BUDGET = 16 << 20
CALLS = 300
EACH_CONNECTION = 24 * 1024  # as the kernel does not count it: a session, its coroutine, its buffers


def percentile_99(times):
    times = sorted(times)
    return times[len(times) * 99 // 100]


def hold(kind, port):
    """In a process of its own: opens its connections, says so, and keeps them until its input ends."""
    connections = []
    if kind == "flood":
        print("ready", flush=True)
        while True:
            with contextlib.suppress(OSError):
                connections.append(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE))
            if len(connections) > 500:
                connections.pop(0).close()
    for _ in range({"idle": IDLE, "slow": SLOW, "stream": STREAMS}[kind]):
        connection = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        connections.append(connection)
        if kind == "slow":
            with contextlib.suppress(OSError):  # 503 may be there already
                connection.sendall(b"POST /t/t/echo HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n" + b"x" * 60_000)
        elif kind == "stream":
            connection.sendall(b"GET /stats/stream HTTP/1.1\r\nHost: h\r\n\r\n")
            assert b" 200 " in connection.recv(100)
    print("ready", flush=True)
    sys.stdin.read()


class Flood(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="hotslot-flood-")
        self.addCleanup(shutil.rmtree, self.folder)

    @contextlib.contextmanager
    def held(self, kind, port):
        process = subprocess.Popen([sys.executable, os.path.abspath(__file__), kind, str(port)], env=ENVIRONMENT,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            self.assertEqual(process.stdout.readline(), "ready\n", kind)
            yield
        finally:
            process.kill()
            process.communicate()

    def took(self, port, method, path):
        """Whoever is slow to say what it wants may be given up for the next of the flood, and tries again."""
        began = time.monotonic()
        for _ in range(10):
            with contextlib.suppress(http.client.RemoteDisconnected, ConnectionResetError):
                self.assertEqual(ask(port, method, path, b"x" if method == "POST" else None)[0], 200)
                return time.monotonic() - began
        raise AssertionError("given up ten times")

    def calls(self, server):
        """The 99th of a hundred, of calls that open a connection each, and of calls on one that is kept."""
        return (percentile_99([self.took(server.port, "POST", "/t/t/echo") for _ in range(CALLS)]),
                percentile_99(self.kept_calls(server.port)))

    def kept_calls(self, port):
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
            for _ in range(CALLS):
                began = time.monotonic()
                try:
                    connection.request("POST", "/t/t/echo", b"x")
                    answer = connection.getresponse()
                    answer.read()
                    self.assertEqual(answer.status, 200)
                except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                    connection.close()  # given up for the next of the flood
                    continue
                yield time.monotonic() - began

    def descriptors(self, server):
        return len(os.listdir(f"/proc/{server.process.pid}/fd"))

    def resident(self, server):
        with open(f"/proc/{server.process.pid}/status", encoding="utf-8") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS"))

    def test_17_others_are_served(self):
        listen = {"address": "127.0.0.1:0", "max_connections": IDLE}
        with Hotslotd(HOTSLOTD, self.folder, [{"app": "t", "name": "echo", "trigger": "/echo", "command": [FUNCTION, "echo"],
                                               "memory_mb": 16, "idle_timeout_s": 600}],
                      listen=listen, max_buffered_bytes=BUDGET, timeouts={"body_ms": 600_000, "idle_ms": 600_000}) as server:
            quiet = self.calls(server)
            before, small = self.descriptors(server), self.resident(server)
            with contextlib.ExitStack() as callers:
                callers.enter_context(self.held("stream", server.admin))
                for kind in "slow", "idle", "flood":
                    callers.enter_context(self.held(kind, server.port))
                callers.enter_context(self.held("flood", server.admin))
                loud = self.calls(server)
                admin = max(self.took(server.admin, "GET", "/healthz") for _ in range(CALLS))
                grown = self.resident(server) - small
                for name, before_it, then in zip(("that connect", "on a kept connection"), quiet, loud):
                    print(f"p99 of calls {name}: {1000 * before_it:.1f} ms before, {1000 * then:.1f} ms then", file=sys.stderr)
                print(f"the slowest /healthz {1000 * admin:.1f} ms; {grown >> 20} MB more, {self.descriptors(server)} descriptors",
                      file=sys.stderr)
                self.assertLess(grown, BUDGET + (IDLE + STREAMS) * EACH_CONNECTION)
            give_up = time.monotonic() + PATIENCE
            while self.descriptors(server) > before:
                self.assertLess(time.monotonic(), give_up)
            self.calls(server)


if __name__ == "__main__":
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if sys.argv[1] in ("idle", "slow", "stream", "flood"):
        sys.exit(hold(sys.argv[1], int(sys.argv[2])))
    if hard < IDLE + SLOW + 1000:
        print(f"skipped: no {IDLE + SLOW + 1000} descriptors are allowed")
        sys.exit(77)
    HOTSLOTD, FUNCTION = (os.path.abspath(path) for path in sys.argv[1:3])
    del sys.argv[1:]
    unittest.main()
