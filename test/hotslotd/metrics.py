#!/usr/bin/env python3
"""What /metrics of hotslotd tells of calls, connections, bodies, resources and the process.  Usage: metrics.py HOTSLOTD TEST_FUNCTION"""

import json
import os
import re
import shutil
import socket
import sys
import tempfile
import time
import unittest

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "monitoring"))
from certificates import Certificates
from hotslotd import PATIENCE, Hotslotd, ask
from server_metrics import SERVER_METRICS

HOTSLOTD, FUNCTION = (os.path.abspath(path) for path in sys.argv[1:3])
del sys.argv[1:]
SAMPLE = re.compile(r"^([a-z_]+(?:\{.*\})?) (\S+)$", re.MULTILINE)
A_DAY = 24 * 60 * 60


def at_calls(server, name, more=""):
    return f'{name}{{listener="calls",address="127.0.0.1:{server.port}"{more}}}'


class Metrics(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="hotslot-metrics-")
        self.addCleanup(shutil.rmtree, self.folder)

    def server(self, **top):
        return Hotslotd(HOTSLOTD, self.folder, [
            {"app": "t", "name": mode, "trigger": "/" + mode, "command": [FUNCTION, mode], "max_workers": 3, "memory_mb": 16}
            for mode in ("echo", "exit-in-call", "status-500")], **top)

    def metrics(self, server):
        return {name: float(value) for name, value in SAMPLE.findall(ask(server.admin, "GET", "/metrics")[2].decode())}

    def wait_for(self, server, name, value):
        give_up = time.monotonic() + PATIENCE
        while (found := self.metrics(server).get(name)) != value:
            self.assertLess(time.monotonic(), give_up, f"{name} is {found}")

    def test_calls_by_class_of_status(self):
        with self.server() as server:
            for _ in range(3):
                self.assertEqual(ask(server.port, "POST", "/t/t/echo", b"x")[0], 200)
            self.assertEqual(ask(server.port, "POST", "/t/t/exit-in-call", b"x")[0], 502)
            self.assertEqual(ask(server.port, "POST", "/t/t/no-such", b"x")[0], 404)  # of no function
            found = self.metrics(server)
            self.assertEqual({name: value for name, value in found.items() if name.startswith("hotslotd_calls_total")}, {
                'hotslotd_calls_total{app="t",fn="echo",code="2xx"}': 3,
                'hotslotd_calls_total{app="t",fn="exit-in-call",code="5xx"}': 1})
            self.assertEqual(found['hotslotd_function_max_workers{app="t",fn="echo"}'], 3)
            server.write_config([{"app": "t", "name": "echo", "trigger": "/other", "command": [FUNCTION, "echo"],
                                  "max_workers": 3, "memory_mb": 16}])
            self.assertEqual(ask(server.admin, "POST", "/admin/reload")[0], 200)
            self.assertEqual(self.metrics(server)['hotslotd_calls_total{app="t",fn="echo",code="2xx"}'], 3)

    def test_functions_whose_calls_fail_come_first(self):
        with self.server() as server:
            def queues(by):
                return json.loads(ask(server.admin, "GET", "/stats?by=" + by)[2])["queues"]
            for n in range(1, 7):
                for name in ("status-500", "exit-in-call", "echo"):
                    self.assertEqual(ask(server.port, "POST", "/t/t/" + name, b"x")[0],
                                     200 if name == "echo" else 502)
                self.assertEqual([q["failed_calls"] for q in sorted(queues("need"), key=lambda q: q["name"])],
                                 [{"total": 0, "in_a_row": 0}] + 2 * [{"total": n, "in_a_row": n}])
                self.assertEqual([q["condition"] == "calls_fail" for q in queues("need")], [n >= 5, n >= 5, False])
            self.assertEqual([q["errors"] for q in queues("errors")], [6, 6, 0])
            self.assertEqual(json.loads(ask(server.admin, "GET", "/stats")[2])["totals"]["errors"], 12)
            self.assertEqual({q["name"] for q in queues("need")[:2]}, {"status-500", "exit-in-call"})
            server.write_config([{"app": "t", "name": "status-500", "trigger": "/status-500", "command": [FUNCTION, "echo"], "memory_mb": 16}])
            self.assertEqual(ask(server.admin, "POST", "/admin/reload")[0], 200)
            self.assertEqual(ask(server.port, "POST", "/t/t/status-500", b"x")[0], 200)
            self.assertEqual(queues("need")[0]["failed_calls"]["in_a_row"], 0)

    def test_callers_who_go_are_no_failures(self):
        slow = [{"app": "t", "name": "slow", "trigger": "/slow", "command": [FUNCTION, "never-answer"], "memory_mb": 16, "max_workers": 8, "timeout_s": 300,
                 "stop_grace_ms": 0}]
        with Hotslotd(HOTSLOTD, self.folder, slow) as server:
            for n in range(1, 7):
                with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as caller:
                    caller.sendall(b"GET /t/t/slow HTTP/1.1\r\nHost: h\r\n\r\n")
                    give_up = time.monotonic() + PATIENCE
                    while server.queue("slow")["states"]["runner"] != n:  # who is not answered yet runs on for a while
                        self.assertLess(time.monotonic(), give_up)
                self.wait_for(server, at_calls(server, "hotslotd_connections_open"), 0)
            self.assertEqual(server.queue("slow")["failed_calls"], {"total": 0, "in_a_row": 0})

    def test_connections(self):
        listen = {"address": "127.0.0.1:0", "max_connections": 3, "max_connections_per_address": 2}
        with self.server(listen=listen) as server:
            first, second, third = (socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) for _ in range(3))
            self.assertEqual(third.recv(1), b"")
            self.wait_for(server, at_calls(server, "hotslotd_connections_open"), 2)
            found = self.metrics(server)
            self.assertEqual(found[at_calls(server, "hotslotd_connections_max")], 3)
            self.assertEqual(found[at_calls(server, "hotslotd_connections_accepted_total")], 3)
            self.assertEqual(found[at_calls(server, "hotslotd_connections_refused_total", ',reason="address"')], 1)
            for connection in first, second, third:
                connection.close()
            self.wait_for(server, at_calls(server, "hotslotd_connections_open"), 0)

    def test_bytes(self):
        with self.server() as server, socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as caller:
            text = b"GET /t/t/echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
            caller.sendall(text)
            answer = b""
            while piece := caller.recv(65536):
                answer += piece
            found = self.metrics(server)
            self.assertEqual(found[at_calls(server, "hotslotd_received_bytes_total")], len(text))
            self.assertEqual(found[at_calls(server, "hotslotd_sent_bytes_total")], len(answer))

    def test_certificates_and_those_who_speak_no_tls(self):
        Certificates(self.folder)
        tls = {"certificate": "server.pem", "key": "server.key"}
        with self.server(listen={"address": "127.0.0.1:0", "tls": tls}) as server:
            with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as caller:
                caller.sendall(b"GET / HTTP/1.1\r\n\r\n")
                self.assertTrue(caller.recv(12).startswith(b"HTTP/1.1 400"))
            self.wait_for(server, at_calls(server, "hotslotd_connections_refused_total", ',reason="tls"'), 1)
            left = self.metrics(server)[at_calls(server, "hotslotd_certificate_expires_timestamp_seconds", f',certificate="{os.path.join(self.folder, "server.pem")}"')] - time.time()
            self.assertGreater(left, 0)
            self.assertLess(left, 10_000 * A_DAY)

    def test_bodies_and_resources(self):
        with self.server(resources={"memory_mb": 64, "cpu_milli": 1000}, max_buffered_bytes=1 << 20) as server:
            self.assertEqual(ask(server.port, "POST", "/t/t/echo", b"x")[0], 200)
            with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as caller:
                caller.sendall(b"POST /t/t/echo HTTP/1.1\r\nHost: h\r\nContent-Length: 100001\r\n\r\n" + b"x" * 100_000)
                self.wait_for(server, "hotslotd_buffered_bytes", 128 * 1024)
                found = self.metrics(server)
                self.assertEqual(found["hotslotd_buffered_bytes_max"], 1 << 20)
                self.assertEqual(found['hotslotd_resources_limit{resource="memory_mb"}'], 64)
                self.assertEqual(found['hotslotd_resources_reserved{resource="memory_mb"}'], 16)
            self.wait_for(server, "hotslotd_buffered_bytes", 0)

    def test_all_that_there_is(self):
        """What alerts and dashboard may ask for."""
        Certificates(self.folder)
        listen = {"address": "127.0.0.1:0", "tls": {"certificate": "server.pem", "key": "server.key"}}
        with self.server(listen=listen) as server:
            self.assertEqual(ask(server.admin, "POST", "/admin/invoke/t/echo", b"x")[0], 200)
            found = {}
            for name in self.metrics(server):
                if not name.startswith("hotslot_"):
                    found.setdefault(name.split("{")[0], set()).update(re.findall(r'(\w+)="', name))
        seldom = {"hotslotd_function_log_dropped_lines_total", "hotslotd_moved_calls_total"}
        self.assertEqual(found, {name: labels for name, labels in SERVER_METRICS.items() if name not in seldom})

    def test_the_process(self):
        with self.server() as server:
            began = time.time()
            found = self.metrics(server)
            self.assertLess(abs(found["process_start_time_seconds"] - began), PATIENCE)
            self.assertGreater(found["process_resident_memory_bytes"], 1 << 20)
            self.assertGreater(found["process_virtual_memory_bytes"], found["process_resident_memory_bytes"])
            with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE):
                self.wait_for(server, at_calls(server, "hotslotd_connections_open"), 1)
                self.wait_for(server, "process_open_fds", found["process_open_fds"] + 1)
            with open(f"/proc/{server.process.pid}/limits", encoding="utf-8") as limits:
                limit = re.search(r"Max open files\s+(\d+)", limits.read())[1]
            self.assertEqual(found["process_max_fds"], int(limit))
            self.assertGreater(found["process_cpu_seconds_total"], 0)


if __name__ == "__main__":
    unittest.main()
