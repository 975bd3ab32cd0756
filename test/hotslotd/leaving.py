#!/usr/bin/env python3
"""Callers that go away, or are too slow, or send what they should not: none of them costs a warm worker.
Usage: leaving.py HOTSLOTD TEST_FUNCTION [NODE]"""

import json
import os
import socket
import sys
import threading
import unittest

NODE = os.path.abspath(sys.argv.pop()) if len(sys.argv) > 3 else None

from hotslotd import PATIENCE
from modes import Server

GONE = 'reason="the caller has gone"'
MEGABYTE = 1 << 20
# Answers how many calls there were at once, after the gate was closed.
COUNTING = """
const http = require("http"), net = require("net"), fs = require("fs"), path = require("path")
const listener = process.env.FN_LISTENER.slice("unix:".length), real = path.join(path.dirname(listener), "node.sock")
let calls = 0, most = 0
http.createServer((request, response) => {
  most = Math.max(most, ++calls)
  net.connect(process.env.GATE).on("close", () => { --calls; response.end(most + " at once") }).resume()
}).listen(real, () => fs.symlinkSync("node.sock", listener))
"""


def head(path, *fields, method="POST"):
    return "\r\n".join((f"{method} {path} HTTP/1.1", "Host: h") + fields).encode() + b"\r\n\r\n"


class Leaving(unittest.TestCase):
    def server(self, functions, **top):
        return Server(self, functions, **top)

    def connect(self, server):
        connection = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)
        self.addCleanup(connection.close)
        return connection

    def answer(self, connection):
        return b"".join(iter(lambda: connection.recv(65536), b""))

    def busy(self, server, name):
        server.until(lambda: server.queue(name)["busy"] == 1)

    def check_kept(self, server, name, body=b"x", calls=1):
        """The next call is served, by the worker that has been there from the start."""
        self.assertEqual(server.call("/t/t/" + name, body)[0], 200)
        totals = server.queue(name)["totals"]
        self.assertEqual((totals["launched"], totals["acquired"]), (1, calls + 1))

    def leave_a_call_without_end(self, server):
        connection = self.connect(server)
        connection.sendall(head("/t/t/never-answer", "Content-Length: 0"))
        self.busy(server, "never-answer")
        connection.close()
        server.log.wait(GONE)

    def test_in_a_call(self):
        for leave in (lambda c: c.close(), lambda c: c.shutdown(socket.SHUT_WR)):
            with self.server({"gate": {}}) as server:
                connection = self.connect(server)
                connection.sendall(head("/t/t/gate", "Content-Length: 0"))
                arrived = server.arrival()
                leave(connection)
                server.log.wait(GONE)
                self.assertEqual(server.queue("gate")["busy"], 1)  # nobody else gets it before it has ended with this one
                arrived.close()
                next_one = threading.Thread(target=server.release)
                next_one.start()
                self.check_kept(server, "gate")
                next_one.join()

    def test_in_a_call_that_does_not_end(self):
        with self.server({"never-answer": {"timeout_s": 1}}) as server:
            self.leave_a_call_without_end(server)
            server.until(lambda: server.queue("never-answer")["totals"]["ejected_dirty"] == 1)

    def test_in_its_request(self):
        for framing, part in (("Content-Length: 1000000", b"x" * 500_000),
                              ("Transfer-Encoding: chunked", b"80000\r\n" + b"x" * 0x80000)):
            with self.server({"count-bytes": {}}, request_buffer_bytes=1000) as server:
                connection = self.connect(server)
                connection.sendall(head("/t/t/count-bytes", framing) + part)
                self.busy(server, "count-bytes")
                connection.close()
                self.check_kept(server, "count-bytes")

    def test_slow_with_its_request(self):
        with self.server({"count-bytes": {"timeout_s": 1}}, request_buffer_bytes=1000) as server:
            connection = self.connect(server)
            connection.sendall(head("/t/t/count-bytes", "Content-Length: 100000") + b"x" * 50_000)
            answer = self.answer(connection)
            self.assertTrue(answer.startswith(b"HTTP/1.1 408 "), answer)
            self.assertIn(b'{"message":"the request did not arrive in time"}', answer)
            self.check_kept(server, "count-bytes")

    def test_slower_than_the_server_waits(self):
        with self.server({"count-bytes": {}}, request_buffer_bytes=1000, timeouts={"body_ms": 1000}) as server:
            connection = self.connect(server)
            connection.sendall(head("/t/t/count-bytes", "Content-Length: 100000") + b"x" * 50_000)
            self.assertTrue(self.answer(connection).startswith(b"HTTP/1.1 408 "))
            self.check_kept(server, "count-bytes")

    def test_with_a_request_that_is_too_large(self):
        with self.server({"count-bytes": {"max_body_bytes": 500_000}}, request_buffer_bytes=1000) as server:
            connection = self.connect(server)
            connection.sendall(head("/t/t/count-bytes", "Transfer-Encoding: chunked") + b"80000\r\n" + b"x" * 0x80000)
            self.assertTrue(self.answer(connection).startswith(b"HTTP/1.1 413 "))
            self.check_kept(server, "count-bytes")

    def test_with_a_request_that_is_none(self):
        with self.server({"count-bytes": {}}, request_buffer_bytes=1000) as server:
            connection = self.connect(server)
            connection.sendall(head("/t/t/count-bytes", "Transfer-Encoding: chunked") + b"8000\r\n" + b"x" * 0x8000 + b"\r\n")
            self.busy(server, "count-bytes")
            connection.sendall(b"no length\r\n")
            self.assertTrue(self.answer(connection).startswith(b"HTTP/1.1 400 "))
            self.check_kept(server, "count-bytes")

    def test_in_its_answer(self):
        with self.server({"echo": {"reply_buffer_bytes": 1000}}) as server:
            connection = self.connect(server)
            connection.sendall(head("/t/t/echo", "Content-Length: 1000000") + b"x" * 1_000_000)
            self.assertTrue(connection.recv(100).startswith(b"HTTP/1.1 200 "))
            connection.close()
            self.check_kept(server, "echo")

    def test_in_a_call_that_does_not_end_with_the_server(self):
        with self.server({"never-answer": {"timeout_s": 300}}, drain_grace_s=0) as server:
            self.leave_a_call_without_end(server)
            self.assertEqual(server.stop(), 0)

    def test_from_events_which_have_no_end(self):
        with self.server({"events": {"timeout_s": 300}}) as server:
            connection = self.connect(server)
            connection.sendall(head("/t/t/events", method="GET"))
            self.assertIn(b" 200 ", connection.recv(4096))
            connection.close()
            server.until(lambda: server.queue("events")["totals"]["ejected_dirty"] == 1)

    def test_in_a_call_of_a_function_that_is_gone(self):
        with self.server({"never-answer": {"timeout_s": 300}}, drain_grace_s=0) as server:
            self.leave_a_call_without_end(server)
            server.write_config({}, drain_grace_s=0)
            self.assertEqual(server.reload(), ["function t/never-answer is gone"])
            self.assertEqual(server.stop(), 0)

    @unittest.skipUnless(NODE, "no node")
    def test_in_a_call_that_goes_on_behind_a_closed_connection(self):
        """As those of Node do, which closes at the end of what it is sent: it must get no other call meanwhile."""
        with self.server({"one": {"command": [NODE, "-e", COUNTING], "memory_mb": 64, "start_timeout_ms": 1000 * PATIENCE}}) as server:
            arrived = []
            for n in range(3):
                connection = self.connect(server)
                connection.sendall(head("/t/t/one", "Content-Length: 0"))
                if n == 0:
                    arrived.append(server.arrival())
                connection.shutdown(socket.SHUT_WR)
                server.log.wait(GONE, n + 1)
            arrived.pop().close()
            last = threading.Thread(target=server.release)
            last.start()
            self.assertEqual(server.call("/t/t/one")[2], b"1 at once")
            last.join()
            self.assertEqual(server.queue("one")["totals"]["launched"], 1)

    def test_that_were_answered_early(self):
        with self.server({"hasty": {}}, request_buffer_bytes=1000) as server:
            for n in range(3):
                status, _, body = server.call("/t/t/hasty", b"x" * (4 * MEGABYTE))
                self.assertEqual((status, body), (200, b"enough"))
            totals = server.queue("hasty")["totals"]
            self.assertEqual((totals["launched"], totals["acquired"]), (1, 3))

    def test_that_the_server_cuts(self):
        with self.server({"gate": {"timeout_s": 60}}, access_log={"to": "file", "file": "access", "format": "json"}) as server:
            connection = self.connect(server)
            connection.sendall(head("/t/t/gate", "Content-Length: 0"))
            arrived = server.arrival()
            server.terminate()
            server.log.wait("draining")
            server.terminate()
            server.log.wait('status=503 reason="the server ends"')
            self.assertEqual(server.wait(), 0)
            with open(os.path.join(server.folder, "access")) as lines:
                self.assertEqual(json.loads(lines.readline())["status"], 503)
            arrived.close()


if __name__ == "__main__":
    unittest.main()
