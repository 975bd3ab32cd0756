#!/usr/bin/env python3
"""Calls whose worker ends, closes its connection, is paused, or loses its directory.  Usage: workers.py HOTSLOTD TEST_FUNCTION"""

import http.client
import os
import re
import shutil
import signal
import tempfile
import time
import unittest

from collector import Collector, attributes, tracing
from hotslotd import PATIENCE, ask, children, state_of
from modes import DETACHED, Server


class EndedWorkers(unittest.TestCase):
    """14.11: until something of a call has been sent, the end of a worker is not the end of the call."""

    rounds = 20

    def all_are_idle(self, server):
        """Their processes, once there is nothing else below it: nothing starts, nothing ends."""
        now, processes = server.queue("echo"), children(server.process.pid)
        return now["idle"] >= 2 and now["states"]["starter"] == 0 and len(processes) == now["idle"] and processes

    def stopped_while(self, server, kill, connection, headers):
        """Everything has happened when it looks again: the ends of the workers and the call."""
        server.process.send_signal(signal.SIGSTOP)
        for task in os.listdir(f"/proc/{server.process.pid}/task"):
            while state_of(f"{server.process.pid}/task/{task}") != "T":
                pass
        for pid in kill:
            os.kill(pid, signal.SIGKILL)
            while state_of(pid) != "Z":
                pass
        connection.request("POST", "/invoke/t/echo", b"x", headers)
        server.process.send_signal(signal.SIGCONT)
        return connection.getresponse()

    def check(self, headers, expected, is_over):
        with Collector() as collector, Server(self, {"echo": {"max_workers": 4, "min_idle": 2}}, **tracing(collector)) as server:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
            for n in range(self.rounds):
                connection.request("POST", "/invoke/t/echo", b"x")
                self.assertEqual(connection.getresponse().read()[:1], b"P")
                idle = server.until(lambda: self.all_are_idle(server))
                answer = self.stopped_while(server, idle, connection, headers)
                body = answer.read()
                self.assertEqual((answer.status, body[:1]), expected, body)
                server.until(lambda n=n: is_over(server, n + 1))
            connection.close()
            metrics = server.call("/metrics", method="GET", port=server.admin)[2].decode()
            moved = int(re.search(r'hotslotd_moved_calls_total\{app="t",fn="echo"\} (\d+)', metrics)[1])
            server.end()
            self.assertGreaterEqual([span["name"] for span in collector.spans].count("wait for a worker"), moved)
            check_runs_follow_waits(self, collector.spans)

    def test_14_11_a_call_goes_on_to_another(self):
        self.check({}, (200, b"P"), lambda *_: True)

    def test_14_11_so_does_a_detached_one(self):
        self.check(DETACHED, (202, b""), lambda server, calls: server.counts("echo")["succeeded"] == calls)


def check_runs_follow_waits(case, spans):
    """Of a call that went on to another worker, its span tells when it ran there."""
    waits = {}
    for span in spans:
        if span["name"] == "wait for a worker":
            waits[span["parentSpanId"]] = max(waits.get(span["parentSpanId"], 0), int(span["endTimeUnixNano"]))
    for span in spans:
        if span["name"].startswith("run "):
            case.assertGreaterEqual(int(span["startTimeUnixNano"]), waits.get(span["parentSpanId"], 0))


class LostReplies(unittest.TestCase):
    """14.12: of a call that was sent and not answered, only whether it may be sent again is known."""

    def check(self, name, methods, status, workers, path="/t/t/", body=b"x", chunked=False):
        for method in methods:
            with self.subTest(name, method=method), Server(self, {name: {}}, request_buffer_bytes=10_000) as server:
                first = server.call("/t/t/" + name, b"x")
                answer = server.call(path + name, body, method=method, chunked=chunked)
                self.assertEqual((first[0], answer[0]), (200, status), answer[2])
                if status == 200:
                    self.assertNotEqual(first[1]["X-Pid"], answer[1]["X-Pid"])
                self.assertEqual(server.queue(name)["totals"]["launched"], workers)

    def test_14_12_idempotent_calls_are_sent_again(self):
        self.check("close-while-reading", ("GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"), 200, 2)

    def test_14_12_in_spans(self):
        with Collector() as collector, Server(self, {"close-while-reading": {}}, **tracing(collector)) as server:
            for _ in range(2):
                self.assertEqual(server.call("/t/t/close-while-reading", method="GET")[0], 200)
            server.end()
            names = [span["name"] for span in collector.spans]
            self.assertEqual((names.count("wait for a worker"), names.count("run t/close-while-reading")), (2, 2))
            runs = [attributes(span) for span in collector.spans if span["name"].startswith("run ")]
            self.assertEqual([run["hotslot.worker.id"] for run in runs], ["1", "2"])
            check_runs_follow_waits(self, collector.spans)

    def test_14_12_others_are_not(self):
        self.check("close-while-reading", ("POST", "PATCH", "get"), 502, 1)
        self.check("close-while-reading", ("POST",), 502, 1, path="/invoke/t/")

    def test_14_12_nor_what_is_still_being_uploaded(self):
        self.check("close-while-reading", ("PUT",), 502, 1, body=b"x" * 1_000_000, chunked=True)

    def lost(self, name, method, workers):
        with Server(self, {name: {}}) as server:
            self.assertEqual(server.call("/t/t/" + name, method=method)[0], 502)
            self.assertEqual(server.queue(name)["totals"]["launched"], workers)

    def test_14_12_once(self):
        self.lost("exit-in-call", "GET", 2)
        self.lost("exit-in-call", "POST", 1)

    def test_14_12_not_where_a_reply_has_begun(self):
        for name in ("close-in-head", "close-in-body", "close-after-interim"):
            self.lost(name, "GET", 1)


class ChangedWorkers(unittest.TestCase):
    def test_14_13_a_paused_one_is_called_over_a_new_connection(self):
        """Its timers go on while it is stopped: it may close the kept one as it resumes."""
        with Server(self, {"count-connections": {"pause_after_ms": 10}}) as server:
            for connections in (b"1", b"2", b"3"):
                self.assertEqual(server.call("/t/t/count-connections")[2], connections)
                (worker,) = children(server.process.pid)
                server.until(lambda pid=worker: state_of(pid) == "T")

    def test_14_15_another_listener_under_the_same_name(self):
        with Server(self, {"replace-listener": {}}) as server:
            first = server.call("/t/t/replace-listener")
            server.log.wait("line=replaced")
            again = server.call("/t/t/replace-listener")
            self.assertEqual((again[0], again[1]["X-Pid"]), (200, first[1]["X-Pid"]))


class SocketDirectories(unittest.TestCase):
    def check(self, **config):
        with Server(self, {"echo": {}}, **config) as server:
            for _ in range(2):
                self.assertEqual(server.call("/t/t/echo")[0], 200)
                (worker,) = children(server.process.pid)
                with open(f"/proc/{worker}/environ", encoding="utf-8") as environment:
                    listener = re.search("FN_LISTENER=unix:([^\0]+)", environment.read())[1]
                shutil.rmtree(os.path.dirname(os.path.dirname(listener)))
                self.assertEqual(server.call("/t/t/echo")[0], 200)
                os.kill(worker, signal.SIGKILL)
                server.until(lambda: not children(server.process.pid))

    def test_14_14_one_that_is_removed_is_made_again(self):
        self.check()

    def test_14_14_so_is_a_configured_one(self):
        with tempfile.TemporaryDirectory(prefix="hotslot-workers-") as folder:
            self.check(socket_dir=os.path.join(folder, "sockets"))


class FailedStarts(unittest.TestCase):
    def test_14_28_paths_are_for_the_log(self):
        failures = {"dangling": "lsnr.sock leads nowhere", "echo": "/no/such/command", "exit": "status 7"}
        with tempfile.TemporaryDirectory(prefix="hotslot-workers-") as folder:
            sockets = os.path.join(folder, "sockets")
            with Server(self, {"dangling": {}, "echo": {"command": ["/no/such/command"]}, "exit": {}, "talk": {}},
                        socket_dir=sockets) as server:
                for name, why in failures.items():
                    status, _, body = server.call("/t/t/" + name)
                    self.assertEqual(status, 502)
                    self.assertNotIn(b"/", body)
                    server.log.wait(f"worker not started.*{why}")
                os.chmod(sockets, 0o777)
                shutil.rmtree(sockets)
                os.symlink(folder, sockets)  # is not made again in the place of something else
                status, _, body = server.call("/t/t/talk")
                self.assertEqual(status, 503)
                self.assertNotIn(b"/", body)
                server.log.wait(f"worker not started.*{sockets}")


class Ends(unittest.TestCase):
    def test_what_nobody_asked_for_is_a_warning(self):
        with Server(self, {"exit-in-call": {}, "echo": {}}) as server:
            self.assertEqual(server.call("/t/t/exit-in-call")[0], 502)
            server.log.wait('level=warn msg="exited with status 1" app=t fn=exit-in-call')
            self.assertEqual(server.call("/t/t/echo")[0], 200)
            self.assertEqual(ask(server.admin, "POST", "/admin/recycle/t/echo")[0], 202)
            server.log.wait('level=info msg="killed by signal 15" app=t fn=echo')


class LaterSignals(unittest.TestCase):
    """14.18: a second one ends the grace of workers, whatever the end has come to."""

    def check(self, server, first, second):
        began = time.monotonic()
        self.assertEqual(server.call("/t/t/ignore-term")[0], 200)
        server.terminate()
        server.log.wait(first)
        server.end()
        server.log.wait(second)
        self.assertLess(time.monotonic() - began, PATIENCE)

    def test_14_18_once_calls_are_drained(self):
        with Server(self, {"ignore-term": {"stop_grace_ms": 1000 * PATIENCE}}) as server:
            self.check(server, "asked to end", "killed by signal 9")

    def test_14_18_while_they_are(self):
        with Server(self, {"ignore-term": {"stop_grace_ms": 1000 * PATIENCE}, "gate": {}}) as server:
            server.accepted()
            held = server.arrival()
            self.check(server, "draining", "detached call lost")
            held.close()


if __name__ == "__main__":
    unittest.main()
