#!/usr/bin/env python3
"""Bodies that pass through hotslotd in pieces.  Usage: streams.py HOTSLOTD TEST_FUNCTION

HOTSLOT_STREAM_MB is the size of the long ones, 200 where it is not set. With HOTSLOT_INSTRUMENTED, memory is not
judged: sanitizers keep what was freed."""

import os
import shutil
import socket
import sys
import tempfile
import threading
import unittest

from hotslotd import PATIENCE, Hotslotd

FUNCTION = os.path.abspath(sys.argv.pop())
HOTSLOTD = os.path.abspath(sys.argv.pop())
MB = 1 << 20
PIECE = bytes(range(256)) * 256
INSTRUMENTED = "HOTSLOT_INSTRUMENTED" in os.environ
LONG = int(os.environ.get("HOTSLOT_STREAM_MB", "40" if INSTRUMENTED else "200")) * MB


class Server(Hotslotd):
    def __init__(self, folder):
        super().__init__(HOTSLOTD, folder, [
            {"app": "t", "name": mode, "trigger": "/" + mode, "command": [FUNCTION, mode], "memory_mb": 16,
             "max_workers": 100, "timeout_s": PATIENCE, "wait_timeout_s": PATIENCE, "start_timeout_ms": 1000 * PATIENCE} for mode in ("pieces", "events", "echo", "exit-in-call", "swallow")],
            max_body_bytes=4 << 30)

    def memory(self, what="VmRSS"):
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith(what))

    def forget_peak(self):
        with open(f"/proc/{self.process.pid}/clear_refs", "w", encoding="utf-8") as out:
            out.write("5")


class Call:
    """A connection, byte by byte."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.bytes = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def more(self):
        got = self.socket.recv(1 << 16)
        self.bytes += got
        return bool(got)

    def read_head(self):
        while b"\r\n\r\n" not in self.bytes:
            assert self.more(), "ended in the head"
        head, self.bytes = self.bytes.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        return int(lines[0].split()[1]), {k.lower(): v for k, v in (f.split(": ", 1) for f in lines[1:])}

    def rest(self):
        while self.more():
            pass
        return self.bytes

    def line(self):
        while b"\n" not in self.bytes:
            assert self.more(), "ended in a line"
        line, self.bytes = self.bytes.split(b"\n", 1)
        return line


class Counter:
    """What came of a body that repeats PIECE: how much of it, and whether all of it was right."""

    def __init__(self):
        self.size = 0
        self.right = True

    def add(self, data):
        at = self.size % len(PIECE)
        expected = PIECE[at:] + PIECE * (len(data) // len(PIECE) + 1)
        self.right = self.right and expected.startswith(data)
        self.size += len(data)


def pass_through(server, size, in_chunks):
    """Sends so much and reads it back at the same time."""
    with Call(server.port) as call:
        framing = "Transfer-Encoding: chunked" if in_chunks else f"Content-Length: {size}"
        call.send(f"POST /t/t/pieces HTTP/1.1\r\nHost: h\r\n{framing}\r\n\r\n".encode())

        def upload():
            for _ in range(size // len(PIECE)):
                call.send(b"%x\r\n%b\r\n" % (len(PIECE), PIECE) if in_chunks else PIECE)
            if in_chunks:
                call.send(b"0\r\n\r\n")

        sender = threading.Thread(target=upload)
        sender.start()
        status, fields = call.read_head()
        counter = Counter()
        if in_chunks:
            assert fields["transfer-encoding"] == "chunked"
            read_chunks(call, counter)
        else:
            assert int(fields["content-length"]) == size
            read_bytes(call, counter, size)
        sender.join()
        return status, counter


def read_bytes(call, counter, size):
    while size:
        if not call.bytes:
            assert call.more(), f"ended with {size} bytes to come"
        data, call.bytes = call.bytes[:size], call.bytes[size:]
        counter.add(data)
        size -= len(data)


def read_chunks(call, counter):
    while size := int(call.line(), 16):
        read_bytes(call, counter, size)
        assert call.line() == b"\r"
    assert call.line() == b"\r"


class Streams(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="hotslot-streams-")
        self.addCleanup(shutil.rmtree, self.folder)

    def test_long_bodies_both_ways(self):
        with Server(self.folder) as server:
            pass_through(server, 4 * MB, False)
            for in_chunks in (False, True):
                server.forget_peak()
                before = server.memory()
                status, counter = pass_through(server, LONG, in_chunks)
                growth = server.memory("VmHWM") - before
                print(f"{LONG // MB} MB both ways, {'in chunks' if in_chunks else 'with its length'}: "
                      f"{growth / MB:.1f} MB of memory", file=sys.stderr)
                self.assertEqual((status, counter.size, counter.right), (200, LONG, True))
                if not INSTRUMENTED:
                    self.assertLessEqual(growth, 8 * MB)
            self.assertEqual(server.queue("pieces")["totals"]["ejected_dirty"], 0)

    def test_a_hundred_at_once(self):
        with Server(self.folder) as server:
            pass_through(server, 4 * MB, False)
            before = server.memory()
            server.forget_peak()
            results = []
            size = 2 * MB + len(PIECE)  # more than a buffer: what is there as a whole goes on with its length
            threads = [threading.Thread(target=lambda n=n: results.append(pass_through(server, size, n % 2 == 0)))
                       for n in range(100)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
            self.assertEqual({(s, c.size, c.right) for s, c in results}, {(200, size, True)})
            self.assertEqual(len(results), 100)
            growth = server.memory("VmHWM") - before
            print(f"100 at once: {growth / MB:.1f} MB of memory", file=sys.stderr)
            if not INSTRUMENTED:
                self.assertLessEqual(growth, 200 * MB)  # two buffers of 1 MB each

    def test_events_arrive_as_they_are_written_and_a_caller_that_leaves_ends_them(self):
        with Server(self.folder) as server:
            with Call(server.port) as call:
                call.send(b"GET /t/t/events HTTP/1.1\r\nHost: h\r\n\r\n")
                self.assertEqual(call.read_head()[0], 200)
                self.assertEqual(call.line(), b"b\r")
                self.assertEqual(call.line(), b"data: one")
                self.assertEqual(server.queue("events")["states"]["runner"], 1)
            while server.queue("events")["states"]["runner"] != 0:
                pass
            self.assertEqual(server.queue("events")["totals"]["ejected_dirty"], 1)

    def test_an_answer_that_comes_before_the_request_has_ended(self):
        with Server(self.folder) as server, Call(server.port) as call:
            call.send(b"POST /t/t/exit-in-call HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(20):
                call.send(b"%x\r\n%b\r\n" % (len(PIECE), PIECE))
            self.assertEqual(call.read_head()[0], 502)

    def test_a_caller_that_leaves_in_its_request_frees_the_worker(self):
        with Server(self.folder) as server:
            with Call(server.port) as call:
                call.send(b"POST /t/t/echo HTTP/1.1\r\nHost: h\r\nContent-Length: 100000000\r\n\r\n" + PIECE)
                while server.queue("echo")["states"]["runner"] != 1:
                    pass
            while server.queue("echo")["states"]["runner"] != 0:
                pass

    def test_a_request_that_breaks_off_is_refused(self):
        with Server(self.folder) as server, Call(server.port) as call:
            call.send(b"POST /t/t/swallow HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(17):  # a little more than is read at first
                call.send(b"%x\r\n%b\r\n" % (len(PIECE), PIECE))
            while server.queue("swallow")["states"]["runner"] != 1:
                pass
            call.send(b"nonsense\r\n")
            status, fields = call.read_head()
            self.assertEqual((status, fields["connection"]), (400, "close"))


if __name__ == "__main__":
    unittest.main()
