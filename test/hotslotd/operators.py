#!/usr/bin/env python3
"""Who may look and act at the admin address, and what is told of it.  Usage: operators.py HOTSLOTD TEST_FUNCTION"""

import http.client
import os
import shutil
import signal
import socket
import struct
import sys
import tempfile
import unittest

from hotslotd import PATIENCE, Hotslotd, ask

HOTSLOTD, FUNCTION = (os.path.abspath(path) for path in sys.argv[1:3])
del sys.argv[1:3]
OPERATOR, SCRAPER = "operators-token", "scrapers-token"


def bearing(token):
    return {"Authorization": "Bearer " + token}


class Operators(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="hotslot-operators-")
        self.addCleanup(shutil.rmtree, self.folder)
        with open(os.path.join(self.folder, "tokens"), "w", encoding="utf-8") as out:
            out.write(f"{OPERATOR}\n{SCRAPER} read\n")

    def server(self, admin=None, **top):
        return Hotslotd(HOTSLOTD, self.folder, [
            {"app": "t", "name": "echo", "trigger": "/echo", "command": [FUNCTION, "echo"], "memory_mb": 16}],
            admin={"address": "127.0.0.1:0"} | (admin or {}), **top)

    def status(self, server, method, path, headers=None):
        return ask(server.admin, method, path, headers=headers)[0]

    def test_a_token_may_be_for_reading_only(self):
        with self.server({"token_file": "tokens"}) as server:
            self.assertIn("this token is not known", ask(server.admin, "GET", "/stats", headers=bearing("guess"))[2].decode())
            self.assertIn("a token is needed", ask(server.admin, "GET", "/stats")[2].decode())
            for path in "/stats", "/metrics", "/":
                self.assertEqual(self.status(server, "GET", path, bearing(SCRAPER)), 200, path)
            self.assertEqual(self.status(server, "POST", "/admin/drain", bearing(SCRAPER)), 403)
            self.assertEqual(self.status(server, "POST", "/admin/reload", bearing(SCRAPER)), 403)
            self.assertEqual(self.status(server, "POST", "/admin/reload", bearing(OPERATOR)), 200)

    def test_who_has_asked_for_the_end_need_not_hear_the_answer(self):
        with self.server() as server:
            with socket.create_connection(("127.0.0.1", server.admin), timeout=PATIENCE) as caller:
                caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closed, it resets
                caller.sendall(b"POST /admin/drain HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.assertEqual(server.wait(), 0)
        self.assertEqual(server.log.matching("cutting"), [])

    def test_actions_and_refusals_have_lines(self):
        with self.server({"token_file": "tokens"}) as server:
            self.status(server, "POST", "/admin/recycle/t/echo", bearing(OPERATOR))
            server.log.wait('msg="asked for at the admin address" client=127.0.0.1 method=POST path=/admin/recycle/t/echo status=202')
            for _ in range(3):
                self.assertEqual(self.status(server, "POST", "/admin/drain", bearing("guess")), 401)
            server.log.wait('level=warn msg="refused at the admin address" client=127.0.0.1 method=POST path=/admin/drain status=401', 3)
            for _ in range(200):
                self.assertEqual(self.status(server, "GET", "/stats", bearing("guess")), 401)
            metrics = ask(server.admin, "GET", "/metrics", headers=bearing(SCRAPER))[2].decode()
            self.assertIn(f'hotslotd_requests_refused_total{{listener="admin",address="127.0.0.1:{server.admin}",reason="token"}} 203\n', metrics)
            self.assertEqual(self.status(server, "GET", "/stats", bearing(SCRAPER)), 200)
            lines = server.log.matching("refused at the admin address")
            self.assertLess(len(lines), 100) # whoever guesses fills no log
            self.assertFalse(server.log.matching("asked for.*path=/stats"))

    def test_a_page_by_another_name_reads_nothing(self):
        with self.server({"hosts": ["ops.example.org"]}) as server:
            for host, status in ((f"127.0.0.1:{server.admin}", 200), ("localhost", 200), ("ops.example.org:8081", 200),
                                 ("rebound.example.org", 421)):
                self.assertEqual(self.status(server, "GET", "/stats", {"Host": host}), status, host)
            self.assertEqual(ask(server.port, "POST", "/t/t/echo", b"", {"Host": "any.example.org"})[0], 200)

    def test_probes_for_everybody(self):
        with self.server({"token_file": "tokens"}) as server:
            self.assertEqual(self.status(server, "GET", "/healthz"), 401)
            self.assertEqual(ask(server.port, "GET", "/healthz")[0], 404)
        listen = {"address": "127.0.0.1:0", "probes": True}
        with self.server({"token_file": "tokens", "probes": True}, listen=listen) as server:
            for port in server.admin, server.port:
                for path in "/healthz", "/readyz":
                    self.assertEqual(ask(port, "GET", path)[0], 200, path)
            self.assertEqual(self.status(server, "GET", "/stats"), 401)
            self.assertEqual(ask(server.port, "GET", "/stats")[0], 404)
            self.assertEqual(ask(server.port, "POST", "/healthz")[0], 405)

    def test_calls_go_on_while_others_notice_the_end(self):
        listen = {"address": "127.0.0.1:0", "probes": True}
        with self.server(listen=listen, drain_delay_s=300) as server:
            self.assertEqual(ask(server.port, "GET", "/readyz")[0], 200)
            server.process.send_signal(signal.SIGTERM)
            server.log.wait("msg=draining .*delay_s=300")
            self.assertEqual(ask(server.port, "GET", "/readyz")[0], 503)
            self.assertEqual(ask(server.port, "GET", "/healthz")[0], 200)
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
            for _ in range(2): # kept, too
                connection.request("POST", "/t/t/echo", b"x")
                answer = connection.getresponse()
                self.assertEqual((answer.status, answer.will_close), (200, False))
                answer.read()
            connection.close()
            server.process.send_signal(signal.SIGTERM) # at once, then
            self.assertEqual(server.process.wait(timeout=PATIENCE), 0)


if __name__ == "__main__":
    unittest.main()
