#!/usr/bin/env python3
"""Detached calls, limits, timeouts and traces of a real hotslotd.  Usage: calls.py HOTSLOTD TEST_FUNCTION"""

import http.client
import json
import re
import socket
import time
import unittest

from collector import Collector, attributes, tracing
from hotslotd import PATIENCE
from modes import DETACHED, Server

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"


class Detached(unittest.TestCase):
    def test_it_is_accepted_at_once_and_runs_later(self):
        with Server(self, {"gate": {}}) as server:
            call = server.accepted(body=b"x" * 1000)
            arrived = server.arrival()
            server.log.wait("body of 1000 bytes")
            self.assertEqual(server.counts(), {"waiting": 0, "running": 1, "accepted": 1, "refused": 0, "succeeded": 0,
                                               "failed": 0, "lost": 0})
            arrived.close()
            server.log.wait(f'info msg="detached call ended" app=t fn=gate call={call} status=200 ms=')
            server.until(lambda: server.counts()["succeeded"] == 1)
            metrics = server.call("/metrics", method="GET", port=server.admin)[2].decode()
            self.assertRegex(metrics, r'hotslot_detached_calls_total\{app="t",fn="gate",key="\w+",outcome="succeeded"\} 1')

    def test_long_bodies_are_read_whole(self):
        with Server(self, {"gate": {}}, request_buffer_bytes=100) as server:
            for chunked in (False, True):
                server.accepted(body=b"x" * 200_000, chunked=chunked)
                server.release()
            server.log.wait("body of 200000 bytes", 2)

    def test_failures_are_told(self):
        with Server(self, {"exit-in-call": {}, "never-answer": {"timeout_s": 1}, "exit": {}, "status-500": {}}) as server:
            calls = {name: server.accepted(name) for name in ("exit-in-call", "never-answer", "exit", "status-500")}
            for name, status in (("exit-in-call", 502), ("never-answer", 504), ("exit", 502), ("status-500", 502)):
                server.log.wait(f'warn msg="detached call failed" app=t fn={name} call={calls[name]} status={status} '
                                r"ms=\d+ reason=.+")
                server.until(lambda name=name: server.counts(name)["failed"] == 1)

    def test_there_is_no_room_for_more(self):
        with Server(self, {"gate": {}}, detached={"max_waiting": 2}) as server:
            server.accepted()
            first = server.arrival()
            server.accepted()
            server.accepted()
            status, headers, body = server.detached()
            self.assertEqual((status, json.loads(body)), (503, {"message": "too many detached calls"}))
            self.assertGreaterEqual(int(headers["Retry-After"]), 1)
            self.assertEqual(server.counts()["refused"], 1)
            first.close()
            server.release(2)
            server.until(lambda: server.counts()["succeeded"] == 3)
            server.accepted()
            server.release()

    def test_bodies_take_no_more_than_they_may(self):
        with Server(self, {"gate": {}}, request_buffer_bytes=0,
                    detached={"max_bytes": 50_000, "max_body_bytes": 40_000}) as server:
            for chunked in (False, True):
                self.assertEqual(server.detached(body=b"x" * 40_001, chunked=chunked)[0], 413)
            server.accepted(body=b"x" * 40_000)
            first = server.arrival()
            for chunked in (False, True):
                self.assertEqual(server.detached(body=b"x" * 40_000, chunked=chunked)[0], 503)
            first.close()
            server.until(lambda: server.counts()["succeeded"] == 1)
            server.accepted(body=b"x" * 40_000)
            server.release()

    def test_a_function_may_take_none(self):
        with Server(self, {"echo": {"detached": False}}) as server:
            status, _, body = server.detached("echo")
            self.assertEqual((status, json.loads(body)), (400, {"message": "the function takes no detached calls"}))
            self.assertEqual(server.call("/t/t/echo", headers=DETACHED)[0], 200)  # a trigger waits
            self.assertNotIn("detached", server.queue("echo"))

    def test_a_reload_loses_none(self):
        functions = {"gate": {}}
        with Server(self, functions) as server:
            server.accepted()
            first = server.arrival()
            server.accepted()
            functions["gate"] = {"memory_mb": 20, "max_workers": 2}  # new workers
            server.write_config(functions, detached={"max_waiting": 1})
            self.assertIn("detached has changed", server.reload())
            self.assertEqual(server.detached()[0], 503)
            first.close()
            server.release()
            server.until(lambda: server.counts()["succeeded"] == 2)
            server.accepted()
            server.release()
            server.until(lambda: server.counts()["succeeded"] == 3)

    def test_a_drain_runs_what_waits(self):
        with Server(self, {"gate": {}}) as server:
            calls = [server.accepted() for _ in range(3)]
            server.terminate()
            server.log.wait("draining")
            server.release(3)
            server.wait()
            for call in calls:
                server.log.wait(f"detached call ended.*call={call} status=200")

    def test_a_drain_tells_what_is_lost(self):
        with Server(self, {"gate": {}}, drain_grace_s=0) as server:
            calls = [server.accepted() for _ in range(3)]
            first = server.arrival()
            server.end()
            for call in calls:
                server.log.wait(f'error msg="detached call lost" app=t fn=gate call={call}')
            first.close()

    def test_14_17_those_of_the_admin_address_are_drained_before(self):
        with Server(self, {"gate": {}}, request_buffer_bytes=0) as server:
            with socket.create_connection(("127.0.0.1", server.admin), timeout=PATIENCE) as caller:
                caller.sendall(b"POST /admin/invoke/t/gate HTTP/1.1\r\nHost: h\r\nFn-Invoke-Type: detached\r\n"
                               b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n")
                self.assertIn(b" 100 ", caller.recv(100))  # it is being read
                server.terminate()
                server.log.wait("draining")
                caller.sendall(b"abc")
                self.assertIn(b" 202 ", caller.recv(100))
            server.release()
            server.wait()
            server.log.wait("detached call ended")

    def test_a_second_signal_ends_a_drain(self):
        with Server(self, {"gate": {}}) as server:
            calls = [server.accepted() for _ in range(2)]
            first = server.arrival()
            server.terminate()
            server.log.wait("draining")
            server.end()
            server.log.wait("detached call lost", len(calls))
            first.close()


class Limits(unittest.TestCase):
    def refused(self, status, answer, message):
        self.assertEqual((answer[0], json.loads(answer[2])), (status, {"message": message}))
        self.assertRegex(answer[1]["Fn-Call-Id"], "^[0-9a-f]{26}$")

    def test_bodies(self):
        with Server(self, {"echo": {"max_body_bytes": 1000}, "swallow": {"max_body_bytes": 200_000},
                           "pieces": {"max_body_bytes": 200_000}}, request_buffer_bytes=10_000) as server:
            self.assertEqual(server.call("/t/t/echo", b"x" * 1000)[0], 200)
            for body, chunked in ((b"x" * 1001, False), (b"x" * 1001, True), (b"x" * 20_000, False)):
                self.refused(413, server.call("/t/t/echo", body, chunked=chunked), "the body is too large")
            self.assertEqual(server.call("/t/t/pieces", b"x" * 200_000, chunked=True)[2], b"x" * 200_000)
            # Found out while the function reads.
            self.refused(413, server.call("/t/t/swallow", b"x" * 200_001, chunked=True), "the body is too large")
            self.assertEqual(server.call("/t/t/pieces", b"x" * 100_000)[0], 200)

    def test_replies(self):
        large = "The header or the body of the reply exceeds its limit"
        with Server(self, {"huge-body": {"max_reply_bytes": 99_999}, "huge-chunks": {"max_reply_bytes": 10},
                           "echo": {"max_reply_bytes": 10_000}, "pieces": {"max_reply_bytes": 100_000}}) as server:
            for name in ("huge-body", "huge-chunks"):
                answer = server.call("/t/t/" + name)
                self.assertEqual(answer[0], 502, large)
            self.assertEqual(server.call("/t/t/echo")[0], 200)
            self.assertEqual(server.call("/t/t/echo", b"x" * 10_000)[0], 502)
            self.assertEqual(server.call("/t/t/pieces", b"x" * 100_000, chunked=True)[0], 200)
            with self.assertRaises((http.client.HTTPException, OSError)):  # it had begun
                server.call("/t/t/pieces", b"x" * 5_000_000, chunked=True)

    def test_rates(self):
        functions = {"echo": {"rate_limit": {"per_second": 1, "burst": 5}}}
        with Server(self, functions) as server:
            began = time.monotonic()

            def served(calls):
                answers = [server.call("/t/t/echo") for _ in range(calls)]
                for answer in answers:
                    if answer[0] != 200:
                        self.refused(429, answer, "the function is called too often")
                        self.assertEqual(answer[1]["Retry-After"], "1")
                return sum(answer[0] == 200 for answer in answers)

            first = served(20)
            self.assertGreaterEqual(first, 5)
            server.write_config({"echo": functions["echo"] | {"timeout_s": 20}})
            server.reload()
            first += served(10)
            self.assertLessEqual(first, 5 + time.monotonic() - began)  # the bucket was kept
            self.assertEqual(server.queue("echo")["rate_limited"], 30 - first)
            self.assertEqual(server.call("/invoke/t/echo", headers=DETACHED)[0], 429)
            server.write_config({"echo": {"rate_limit": {"per_second": 1, "burst": 6}}})
            server.reload()
            self.assertGreaterEqual(served(6), 6)

    def test_timeouts(self):
        with Server(self, {"echo": {}}, timeouts={"header_ms": 100, "body_ms": 100, "idle_ms": 100}) as server:
            whole = b"POST /t/t/echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
            for sent, first in ((whole[:20], b"HTTP/1.1 408"), (whole[:-1], b"HTTP/1.1 408"), (whole, b"HTTP/1.1 200")):
                with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
                    connection.sendall(sent)
                    got = b""
                    while piece := connection.recv(4096):  # until it is closed
                        got += piece
                    self.assertEqual(got[:12], first)


def seen_traceparent(body):
    return re.findall(rb"\r\ntraceparent: (\S+)\r\n", body)


class Traces(unittest.TestCase):
    def test_without_a_collector_it_is_passed_on(self):
        with Server(self, {"echo": {}}) as server:
            given = f"00-{TRACE}-{SPAN}-01"
            for path in ("/t/t/echo", "/invoke/t/echo"):
                self.assertEqual(seen_traceparent(server.call(path, headers={"traceparent": given})[2]), [given.encode()])
                self.assertEqual(seen_traceparent(server.call(path)[2]), [])
            self.assertNotIn("spans", server.stats())

    def check_shape(self, span):
        self.assertRegex(span["traceId"], "^[0-9a-f]{32}$")
        self.assertRegex(span["spanId"], "^[0-9a-f]{16}$")
        self.assertIsInstance(span["startTimeUnixNano"], str)
        self.assertLessEqual(int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"]))
        for attribute in span["attributes"]:
            self.assertEqual(set(attribute), {"key", "value"})
            self.assertEqual(len(attribute["value"]), 1)
        self.assertEqual(len(span["attributes"]), len(attributes(span)))

    def test_a_call_in_spans(self):
        with Collector() as collector, Server(self, {"echo": {}}, **tracing(collector)) as server:
            status, headers, body = server.call("/t/t/echo", headers={
                "traceparent": f"00-{TRACE}-{SPAN}-01", "tracestate": "a=b", "User-Agent": "test"})
            self.assertEqual(status, 200)
            spans = {span["name"]: span for span in collector.wait_for(3)}
            for span in spans.values():
                self.check_shape(span)
                self.assertEqual((span["traceId"], span["traceState"], span["status"]), (TRACE, "a=b", {}))
            root, wait, run = (spans[name] for name in ("POST /t/t/echo", "wait for a worker", "run t/echo"))
            self.assertEqual((root["kind"], wait["kind"], run["kind"]), (2, 1, 3))
            self.assertEqual(root["parentSpanId"], SPAN)
            self.assertEqual((wait["parentSpanId"], run["parentSpanId"]), (root["spanId"], root["spanId"]))
            self.assertEqual(seen_traceparent(body), [f"00-{TRACE}-{run['spanId']}-01".encode()])
            self.assertIn(b"\r\ntracestate: a=b\r\n", body)
            expected = {"http.request.method": "POST", "http.route": "/t/t/echo", "url.path": "/t/t/echo",
                        "url.scheme": "http", "http.response.status_code": "200", "client.address": "127.0.0.1",
                        "network.protocol.version": "1.1", "user_agent.original": "test", "faas.trigger": "http",
                        "faas.name": "t/echo", "faas.invocation_id": headers["Fn-Call-Id"], "faas.coldstart": True}
            self.assertEqual(attributes(root), expected)
            self.assertIs(attributes(wait)["faas.coldstart"], True)
            self.assertEqual(collector.resource["service.name"], "tested")
            server.until(lambda: server.stats()["spans"] == {"queued": 0, "exported": 3, "dropped": 0})
            server.call("/invoke/t/echo")  # warm
            server.end()
            names = [span["name"] for span in collector.spans[3:]]
            self.assertEqual(names, ["run t/echo", "POST /invoke/t/echo"])

    def test_failures_in_spans(self):
        with Collector() as collector, Server(self, {"exit-in-call": {}}, **tracing(collector)) as server:
            self.assertEqual(server.call("/t/t/exit-in-call")[0], 502)
            server.end()
            spans = {span["name"]: span for span in collector.spans}
            self.assertEqual(spans["run t/exit-in-call"]["status"]["code"], 2)
            root = spans["POST /t/t/exit-in-call"]
            self.assertEqual((root["status"]["code"], attributes(root)["error.type"]), (2, "502"))

    def test_answers_in_pieces_in_spans(self):
        functions = {"pieces": {"max_reply_bytes": 200_000}}
        with Collector() as collector, Server(self, functions, **tracing(collector)) as server:
            self.assertEqual(server.call("/t/t/pieces", b"x" * 200_000, chunked=True)[0], 200)
            with self.assertRaises((http.client.HTTPException, OSError)):
                server.call("/t/t/pieces", b"x" * 5_000_000, chunked=True)
            server.end()
            roots = [span for span in collector.spans if span["name"] == "POST /t/t/pieces"]
            for root in roots:
                self.check_shape(root)
                self.assertEqual(attributes(root)["http.response.status_code"], "200")
            self.assertEqual([root["status"].get("code") for root in roots], [None, 2])

    def test_traces_begin_where_none_is_carried_on(self):
        with Collector() as collector, Server(self, {"echo": {}}, **tracing(collector)) as server:
            given = f"00-{TRACE}-{SPAN}-01"
            for bad in (None, given.upper(), given + "-x", f"ff-{TRACE}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01", "x"):
                headers = {"tracestate": "a=b"} | ({"traceparent": bad} if bad else {})
                body = server.call("/t/t/echo", headers=headers)[2]
                seen, = seen_traceparent(body)
                self.assertRegex(seen.decode(), "^00-[0-9a-f]{32}-[0-9a-f]{16}-01$")
                self.assertNotIn(TRACE, seen.decode())
                self.assertNotIn(b"tracestate", body)

    def test_who_samples(self):
        with Collector() as collector, Server(self, {"echo": {}}, **tracing(collector, sample_ratio=0)) as server:
            seen, = seen_traceparent(server.call("/t/t/echo")[2])
            self.assertTrue(seen.endswith(b"-00"))
            seen, = seen_traceparent(server.call("/t/t/echo", headers={"traceparent": f"00-{TRACE}-{SPAN}-00"})[2])
            self.assertRegex(seen.decode(), f"^00-{TRACE}-[0-9a-f]{{16}}-00$")
            self.assertNotIn(SPAN, seen.decode())
            server.call("/t/t/echo", headers={"traceparent": f"00-{TRACE}-{SPAN}-01"})
            server.end()  # which sends what there is
            self.assertEqual({span["traceId"] for span in collector.spans}, {TRACE})
            self.assertEqual(len(collector.spans), 2)

    def test_a_detached_call_in_spans(self):
        with Collector() as collector, Server(self, {"echo": {}}, **tracing(collector)) as server:
            server.call("/invoke/t/echo", headers=DETACHED | {"traceparent": f"00-{TRACE}-{SPAN}-01"})
            server.end()
            spans = {span["name"]: span for span in collector.spans}
            accepted, later = spans["POST /invoke/t/echo"], spans["detached t/echo"]
            self.assertEqual({span["traceId"] for span in spans.values()}, {TRACE})
            self.assertEqual(attributes(accepted)["http.response.status_code"], "202")
            self.assertEqual((later["kind"], later["parentSpanId"]), (5, accepted["spanId"]))
            self.assertEqual(spans["run t/echo"]["parentSpanId"], later["spanId"])

    def test_14_29_a_collector_says_when_it_wants_to_be_asked_again(self):
        with Collector() as collector, Server(self, {"echo": {}}, **tracing(collector)) as server:
            collector.statuses = [503]
            collector.fields = {"Retry-After": "299"}
            server.call("/t/t/echo")
            server.log.wait("answered with 503, and is asked again in 299 s")
            server.end()  # which does not wait for that
            self.assertEqual(len(collector.spans), 3)

    def test_14_29_a_collector_takes_only_some(self):
        with Collector() as collector, Server(self, {"echo": {}}, **tracing(collector)) as server:
            collector.reply = b'{"partialSuccess": {"rejectedSpans": "2", "errorMessage": "too old"}}'
            server.call("/t/t/echo")
            server.until(lambda: server.stats()["spans"] == {"queued": 0, "exported": 1, "dropped": 2})
            server.log.wait('does not take all spans.*rejected=2 reason="too old"')

    def test_a_busy_collector_is_asked_again(self):
        with Collector() as collector, Server(self, {"echo": {}}, tracing={
                "collector": collector.url.replace("127.0.0.1", "localhost")}) as server:
            collector.statuses = [503]
            server.call("/t/t/echo")
            collector.wait_for(3)
            server.log.wait("spans are not exported.*answered with 503")
            server.log.wait("spans are exported again")
            collector.statuses = [400]  # which it will say again
            server.call("/t/t/echo")
            server.end()
            server.log.wait("spans were lost\" dropped=2 left=0")
            self.assertEqual(len(collector.spans), 3)

    def check_calls_go_on(self, url):
        with Server(self, {"echo": {}}, tracing={"collector": url, "max_queued": 20}) as server:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
            slowest = 0
            for n in range(300):
                began = time.monotonic()
                connection.request("POST", "/t/t/echo")
                self.assertEqual(connection.getresponse().read()[:4], b"POST")
                slowest = max(slowest, time.monotonic() - began) if n else 0
            connection.close()
            self.assertLess(slowest, 1)
            spans = server.stats()["spans"]
            self.assertEqual((spans["queued"] + spans["dropped"], spans["exported"]), (601, 0))
            self.assertLessEqual(spans["queued"], 20)
            began = time.monotonic()
            server.end()
            self.assertLess(time.monotonic() - began, PATIENCE / 3)
            server.log.wait("spans were lost")

    def test_a_dead_collector_slows_nobody(self):
        with socket.create_server(("127.0.0.1", 0)) as unused:
            url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        self.check_calls_go_on(url)

    def test_a_hanging_collector_slows_nobody(self):
        with socket.create_server(("127.0.0.1", 0)) as hanging:  # the kernel accepts, nobody answers
            self.check_calls_go_on(f"http://127.0.0.1:{hanging.getsockname()[1]}")


if __name__ == "__main__":
    unittest.main()
