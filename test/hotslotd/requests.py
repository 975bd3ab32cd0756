#!/usr/bin/env python3
"""What of a request reaches a function, and what is refused.
Usage: requests.py HOTSLOTD TEST_FUNCTION [NODE HELLO_DIRECTORY]"""

import json
import os
import re
import shutil
import socket
import sys
import tempfile
import time
import unittest

from hotslotd import PATIENCE, Hotslotd, ask

HOTSLOTD, FUNCTION = (os.path.abspath(path) for path in sys.argv[1:3])
NODE, HELLO = (os.path.abspath(path) for path in sys.argv[3:5]) if len(sys.argv) > 4 else (None, None)
del sys.argv[1:]
FDK = HELLO and os.path.isdir(os.path.join(HELLO, "node_modules", "@fnproject", "fdk"))
DETACHED = {"Fn-Invoke-Type": "detached"}


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="hotslot-requests-")
        self.addCleanup(shutil.rmtree, self.folder)

    def server(self, mode="echo", function=None, **top):
        """One function, t/f at the trigger /f."""
        return Hotslotd(HOTSLOTD, self.folder, [
            {"app": "t", "name": "f", "trigger": "/f", "command": [FUNCTION, mode], "max_workers": 1} | (function or {})], **top)

    def call(self, server, headers=None, body=b"", path="/t/t/f", method="POST", **more):
        return ask(server.port, method, path, body, headers or {}, **more)

    def raw(self, server, data, end=False):
        """All that is answered to these bytes until the connection is closed; what `end` closes is the caller's side."""
        with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
            connection.sendall(data)
            if end:
                connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def status(self, answer):
        return int(answer.split(b" ", 2)[1])

    def until(self, holds):
        """Nothing tells."""
        give_up = time.monotonic() + PATIENCE
        while not holds():
            self.assertLess(time.monotonic(), give_up)

    def fields(self, answer):
        """What the function that echoes was sent: names and values."""
        status, _, body = answer
        self.assertEqual(status, 200, body)
        head = body.partition(b"\r\n\r\n")[0].decode("latin-1")
        return [tuple(line.split(": ", 1)) for line in head.split("\r\n")[1:]]


class Size(Case):
    """14.20: no caller makes a header too large for a function that another could have called."""

    def started(self, server):
        return server.queue("f")["totals"]["launched"]

    def test_14_20_each_header_is_sent_once(self):
        with self.server() as server:
            sent = {"Cookie": "c", "Content-Type": "a/b", "X-A": "1", "Authorization": "x"}
            got = self.fields(self.call(server, sent))
            for name, value in sent.items():
                prefixed = [f for f in got if f[0] == "Fn-Http-H-" + name]
                plain = [f for f in got if f[0] == name]
                self.assertEqual((prefixed, plain), ([], [(name, value)]) if name == "Content-Type" else
                                 ([("Fn-Http-H-" + name, value)], []))

    def test_14_20_what_is_too_large_takes_no_worker(self):
        with self.server() as server:
            many = {f"a{n}": "" for n in range(1400)}  # 14 KB, and twice that when they are prefixed
            status, headers, body = self.call(server, many)
            self.assertEqual((status, body), (431, b'{"message":"the header is too large for the function"}'))
            self.assertRegex(headers["Fn-Call-Id"], "^[0-9a-f]{26}$")
            self.assertEqual(server.stats()["totals"]["acquired"], 0)
            self.assertEqual(self.call(server, many, path="/invoke/t/f")[0], 200)
            self.assertEqual(self.call(server, many | DETACHED, path="/invoke/t/f")[0], 202)

    def test_14_20_the_bound_is_the_functions(self):
        with self.server(function={"max_header_bytes": 2000}) as server:
            for path, more in (("/t/t/f", {}), ("/invoke/t/f", {}), ("/invoke/t/f", DETACHED)):
                self.assertEqual(self.call(server, {"Cookie": "c" * 2000} | more, path=path)[0], 431)
                self.assertIn(self.call(server, {"Cookie": "c" * 1500} | more, path=path)[0], (200, 202))
        with self.server(function={"max_header_bytes": 65536}, max_header_bytes=65536) as server:
            self.assertEqual(self.call(server, {"Cookie": "c" * 60000})[0], 200)

    def test_14_20_a_functions_431_costs_nobody_a_worker(self):
        large = {"Cookie": "c" * 9000}
        with self.server("narrow", request_buffer_bytes=1000) as server:
            self.assertEqual(self.call(server)[0], 200)
            for body, chunked in ((b"", False), (b"x" * 900, False), (b"x" * 3_000_000, False), (b"x" * 3_000_000, True)):
                status, _, answer = self.call(server, large, body, chunked=chunked)
                self.assertEqual((status, answer), (431, b'{"message":"the header is too large for the function"}'))
                self.assertEqual(self.call(server)[0], 200)
            for n, size in enumerate((0, 900_000)):
                self.assertEqual(self.call(server, large | DETACHED, b"x" * size, path="/invoke/t/f")[0], 202)
                server.log.wait("detached call failed.*status=431", n + 1)
                self.assertEqual(self.call(server)[0], 200)
            self.assertEqual(self.started(server), 1)

    @unittest.skipUnless(FDK, "needs node, and npm ci in the sample function's folder")
    def test_14_20_the_node_fdk_keeps_its_process(self):
        with self.server(function={"command": [NODE, "func.js"], "dir": HELLO, "start_timeout_ms": 20000}) as server:
            for size, status in ((0, 200), (9_000, 200), (15_000, 200), (16_200, 431)) * 3:
                self.assertEqual(self.call(server, {"Cookie": "c" * size})[0], status)
            many = {f"a{n}": "" for n in range(800)}
            self.assertEqual(self.call(server, many)[0], 200)
            self.assertEqual(self.started(server), 1)


class Names(Case):
    """14.22: FDKs take "_" for "-" in the names of headers."""

    SPOOFED = ("Fn_Intent", "Fn_Http_H_X_User", "fn_call_id", "Fn_Http_Request_Url", "Content_Length", "Transfer_Encoding")

    def names(self, server, path):
        sent = {name: "spoofed" for name in self.SPOOFED} | {"X_User": "spoofed", "X-User": "true"}
        return [f for f in self.fields(self.call(server, sent, path=path)) if f[1] in ("spoofed", "true")]

    def test_14_22_names_with_underscores_are_dropped(self):
        with self.server() as server:
            self.assertEqual(self.names(server, "/t/t/f"), [("Fn-Http-H-X-User", "true")])
            self.assertEqual(self.names(server, "/invoke/t/f"), [("X-User", "true")])

    def test_14_22_by_a_switch_they_pass_unless_they_are_reserved(self):
        with self.server(underscores_in_headers=True) as server:
            self.assertEqual(self.names(server, "/t/t/f"), [("Fn-Http-H-X_User", "spoofed"), ("Fn-Http-H-X-User", "true")])
            self.assertEqual(self.names(server, "/invoke/t/f"), [("X_User", "spoofed"), ("X-User", "true")])


POST = b"POST /t/t/f HTTP/1.1\r\nConnection: close\r\n"


class Url(Case):
    """14.23: what a function is told of whom it was asked for is what was asked."""

    def url(self, answer):
        return re.search(rb"Fn-Http-Request-Url: (.*)\r\n", answer)[1].decode()

    def test_14_23_an_invalid_host_is_refused(self):
        with self.server() as server:
            for host in (b"evil.test/x?", b"evil.test#x", b"evil.test?x", b"user@evil.test", b"evil.test:80x", b"evil.test:99999",
                         b"[::1", b"::1", b"[::1]x", b"evil test", b"evil.test,other.test", b"", b":80", b"evil.test\\x",
                         b"evil\xff.test", b"<evil>", b"http://evil.test", b"evil.test%2", b'"evil"'):
                for version in (b"1.1", b"1.0"):
                    answer = self.raw(server, POST.replace(b"1.1", version) + b"Host: " + host + b"\r\nContent-Length: 0\r\n\r\n")
                    self.assertEqual(self.status(answer), 400, host)
            self.assertEqual(server.stats()["totals"]["acquired"], 0)
            for host in ("h", "h:", "h:80", "[::1]:80", "[2001:db8::1]", "127.0.0.1:1", "a_b.test", "xn--bcher-kva.test", "a%20b"):
                answer = self.raw(server, POST + f"Host: {host}\r\nContent-Length: 0\r\n\r\n".encode())
                self.assertEqual(self.url(answer), f"http://{host}/t/t/f")

    def test_14_23_without_a_host_it_is_the_address(self):
        with self.server() as server:
            answer = self.raw(server, b"POST /t/t/f?a=b HTTP/1.0\r\nContent-Length: 0\r\n\r\n")
            self.assertEqual(self.url(answer), f"http://127.0.0.1:{server.port}/t/t/f?a=b")

    def test_14_23_a_target_that_is_a_url_counts_before_host(self):
        with self.server() as server:
            for scheme in (b"http", b"HTTPS"):
                answer = self.raw(server, POST.replace(b" /t", b" " + scheme + b"://other.test:1/t") + b"Host: h\r\nContent-Length: 0\r\n\r\n")
                self.assertEqual(self.url(answer), "http://other.test:1/t/t/f")
                self.assertIn(b"\r\nFn-Http-H-Host: other.test:1\r\n", answer)

    def test_14_23_a_target_of_no_form_is_refused(self):
        with self.server() as server:
            for target, status in ((b"http://user@h/t/t/f", 400), (b"http:///t/t/f", 400), (b"t/t/f", 400), (b"/t/t/f#x", 400),
                                   (b"ftp://h/t/t/f", 400), (b"http://h:x/t/t/f", 400), (b"http://h?/t/t/f", 404), (b"*", 400)):
                answer = self.raw(server, POST.replace(b"/t/t/f", target) + b"Host: h\r\nContent-Length: 0\r\n\r\n")
                self.assertEqual(self.status(answer), status, target)

    FORWARDED = {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "x", "X-Real-IP": "192.0.2.1"}

    def test_14_23_a_trusted_proxy_says_for_whom_it_asks(self):
        access = os.path.join(self.folder, "access")
        with self.server(trusted_proxies=["127.0.0.0/8", "2001:db8::1"],
                         access_log={"format": "json", "to": "file", "file": access}) as server:
            def clients():
                with open(access, encoding="utf-8") as lines:
                    return [json.loads(line)["client"] for line in lines]

            asked = []
            for headers, scheme, client in (
                    ({}, "http", "127.0.0.1"), (self.FORWARDED, "https", "192.0.2.1"),
                    ({"Forwarded": 'for="[2001:db8::2]:80";proto=https'}, "https", "2001:db8::2")):
                answer = self.call(server, headers | {"Host": "h"})
                self.assertEqual(self.url(answer[2]), scheme + "://h/t/t/f")
                self.assertLessEqual({("Fn-Http-H-" + name, value) for name, value in headers.items()}, set(self.fields(answer)))
                asked.append(client)
                self.until(lambda: clients() == asked)

    def test_14_23_others_do_not(self):
        spoofed = self.FORWARDED | {"Forwarded": "for=192.0.2.1;proto=https"}
        for more in ({}, {"trusted_proxies": ["127.0.0.2", "10.0.0.0/8"]}):
            with self.server(**more) as server:
                for path in ("/t/t/f", "/invoke/t/f"):
                    answer = self.call(server, spoofed | {"Host": "h"}, path=path)
                    for name, _ in self.fields(answer):
                        self.assertNotRegex(name, "(?i)forwarded|real-ip")
                self.assertEqual(self.url(self.call(server, spoofed | {"Host": "h"})[2]), "http://h/t/t/f")
        with self.server(underscores_in_headers=True, trusted_proxies=["127.0.0.1"]) as server:
            self.assertEqual([f for f in self.fields(self.call(server, {"X_Forwarded_For": "192.0.2.1"})) if "orwarded" in f[0]], [])


class Paths(Case):
    """14.25: a path names what a proxy that has looked at it before has read."""

    def functions(self, *names):
        return [{"app": "t", "name": name, "trigger": "/in/" + name, "command": [FUNCTION, "echo"]} | more for name, more in names]

    def test_14_25_an_escaped_slash_is_of_a_segment(self):
        with Hotslotd(HOTSLOTD, self.folder, self.functions(("e f", {}))) as server:
            for path, status in (("/t/t/in/e%20f", 200), ("/%74/t/in/e%20f", 404), ("/t/%74/in/e%20%66", 200), ("/t/t/in%2Fe%20f", 404),
                                 ("/t/t%2fin/e%20f", 404), ("/invoke/t/e%20f", 200), ("/invoke/t%2Fe%20f", 404), ("/invoke/t%2fe f", 404),
                                 ("/t/t/in/e%20f%", 404), ("/t/t/in/e%2", 404)):
                answer = self.raw(server, f"POST {path.replace(' ', '%20')} HTTP/1.0\r\nContent-Length: 0\r\n\r\n".encode())
                self.assertEqual(self.status(answer), status, path)
            for path, status in (("/admin/recycle/t/e%20f", 202), ("/admin/recycle/t%2Fe%20f", 404), ("/admin/invoke/t%2Fe%20f", 404)):
                self.assertEqual(ask(server.admin, "POST", path)[0], status, path)

    def test_14_25_names_are_taken_literally_by_a_reload(self):
        limited = {"rate_limit": {"per_second": 1, "burst": 1000}}
        functions = self.functions(("e", limited))
        with Hotslotd(HOTSLOTD, self.folder, functions) as server:
            self.assertEqual(ask(server.port, "POST", "/invoke/t/e", headers=DETACHED)[0], 202)
            server.log.wait("detached call ended")
            server.write_config(functions + self.functions(("%65", limited)))
            self.assertEqual(ask(server.admin, "POST", "/admin/reload")[0], 200)
            self.assertNotIn("detached", {k for k, v in server.queue("%65").items() if k == "detached" and v["accepted"]})
            for path, name in (("/invoke/t/%2565", "%65"), ("/invoke/t/%65", "e")):
                before = server.queue(name)["totals"]["acquired"]
                self.assertEqual(ask(server.port, "POST", path)[0], 200)
                self.assertEqual(server.queue(name)["totals"]["acquired"], before + 1)


class Answers(Case):
    """14.24: of the form that the standard gives them."""

    def head(self, answer):
        return answer.partition(b"\r\n\r\n")[0].decode().split("\r\n")

    def test_14_24_nobody_knows_the_length_for_head(self):
        with self.server("empty") as server:
            ask_for = b"%s /t/t/f HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
            self.assertNotIn("Content-Length: 0", self.head(self.raw(server, ask_for % b"HEAD")))
            self.assertIn("Content-Length: 0", self.head(self.raw(server, ask_for % b"GET")))
        with self.server("no-blank") as server:
            self.assertIn("Content-Length: 2", self.head(self.raw(server, ask_for % b"HEAD")))

    def test_14_24_a_status_without_a_body_has_none(self):
        with self.server("status-205") as server:
            answer = self.raw(server, POST + b"Host: h\r\n\r\n")
            self.assertEqual((self.head(answer)[0], answer.partition(b"\r\n\r\n")[2]), ("HTTP/1.1 205 Reset Content", b""))
            self.assertIn("Content-Length: 0", self.head(answer))

    def test_14_24_a_status_that_nobody_knows_has_no_reason(self):
        with self.server("status-222") as server:
            self.assertEqual(self.head(self.raw(server, POST + b"Host: h\r\n\r\n"))[0], "HTTP/1.1 222 ")

    def test_14_24_what_the_head_tells_comes_before_100(self):
        with self.server(function={"max_body_bytes": 10, "max_header_bytes": 2000}, detached={"max_body_bytes": 5}) as server:
            for path, more, length, status in (
                    ("/t/t/f", "", 10, 100), ("/t/t/f", "", 11, 413), ("/t/t/none", "", 1, 404), ("/invoke/none", "", 1, 404),
                    ("/t/t/f", "X: " + "x" * 2000 + "\r\n", 1, 431), ("/invoke/t/f", "Fn-Invoke-Type: detached\r\n", 6, 413),
                    ("/invoke/t/f", "Fn-Invoke-Type: detached\r\n", 5, 100)):
                with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
                    connection.sendall(f"POST {path} HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n"
                                       f"{more}\r\n".encode())
                    self.assertEqual(self.status(connection.recv(4096)), status, (path, length))
            for path in ("/admin/none", "/admin/invoke/t/none"):
                with socket.create_connection(("127.0.0.1", server.admin), timeout=PATIENCE) as connection:
                    connection.sendall(f"POST {path} HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n".encode())
                    self.assertEqual(self.status(connection.recv(4096)), 404)

    def test_14_24_a_reply_needs_no_blank_behind_its_code(self):
        for mode in ("no-blank", "no-blank-in-bytes"):
            with self.server(mode) as server:
                for path in ("/t/t/f", "/invoke/t/f") * 2:
                    status, _, body = self.call(server, path=path)
                    self.assertEqual((status, body), (200, b"ok"))
                self.assertEqual(server.queue("f")["totals"]["launched"], 1)
        with self.server("short-garbage") as server:
            self.assertEqual(self.call(server)[0], 502)


class HalfClosed(Case):
    """14.27: a caller that ends its side has gone, as to nginx and to Envoy: nobody can tell it from one that has."""

    def test_14_27_a_caller_that_ends_its_side_has_gone(self):
        with self.server("never-answer") as server:
            with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
                connection.sendall(POST + b"Host: h\r\n\r\n")
                self.until(lambda: server.queue("f")["busy"] == 1)
                connection.shutdown(socket.SHUT_WR)
                self.assertEqual(connection.recv(1), b"")
            server.log.wait('reason="the caller has gone"')

    def test_14_27_so_has_one_whose_request_is_its_last(self):
        with self.server("never-answer") as server:
            self.assertEqual(self.raw(server, POST + b"Host: h\r\n\r\n", end=True), b"")
            server.log.wait('reason="the caller has gone"')


if __name__ == "__main__":
    unittest.main()
