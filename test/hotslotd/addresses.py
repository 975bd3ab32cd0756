#!/usr/bin/env python3
"""Several addresses, and unix sockets.  Usage: addresses.py HOTSLOTD TEST_FUNCTION [NGINX]"""

import grp
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import unittest

from hotslotd import ENVIRONMENT, PATIENCE, Hotslotd, UnixConnection, ask

HOTSLOTD, FUNCTION, *NGINX = (os.path.abspath(path) for path in sys.argv[1:])
del sys.argv[1:]


def has_v6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


HAS_V6 = has_v6()


def ask_socket(path, method, target, body=None, headers=None):
    connection = UnixConnection(path)
    try:
        connection.request(method, target, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="hotslot-addresses-")
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def server(self, **config):
        return Hotslotd(HOTSLOTD, self.folder, [
            {"app": "t", "name": "echo", "trigger": "/echo", "command": [FUNCTION, "echo"], "memory_mb": 16}], **config)

    def run_on(self, config, *flags):
        return subprocess.run([HOTSLOTD, "--config", config, *flags], env=ENVIRONMENT, capture_output=True, text=True, timeout=PATIENCE, check=False)

    def checked(self, **config):
        done = self.run_on(self.server(**config).config, "--check-config")
        return done.returncode, done.stderr

    def refused(self, **config):
        """What it says when it does not start."""
        server = self.server(**config)
        done = self.run_on(server.config)
        self.assertEqual(done.returncode, 2, done.stderr)
        return done.stderr


class Several(Case):
    def test_each_is_served_as_it_is_configured(self):
        listen = ["127.0.0.1:0", {"address": "127.0.0.2:0", "probes": True}, "unix:calls.sock"]
        with open(self.path("tokens"), "w", encoding="utf-8") as out:
            out.write("a-token-for-tests\n")
        admin = [{"address": "127.0.0.1:0", "token_file": "tokens"}, "unix:admin.sock"]
        with self.server(listen=listen, admin=admin) as server:
            first, second, calls, at_admin, operators = server.urls
            self.assertRegex(first, r"^http://127\.0\.0\.1:\d+$")
            self.assertRegex(second, r"^http://127\.0\.0\.2:\d+$")
            self.assertEqual([calls, operators], ["unix:" + self.path(name) for name in ("calls.sock", "admin.sock")])
            self.assertEqual(ask(server.port, "POST", "/t/t/echo", b"x")[0], 200)
            self.assertEqual(ask_socket(self.path("calls.sock"), "POST", "/t/t/echo", b"x")[0], 200)
            self.assertEqual(ask_socket(self.path("calls.sock"), "GET", "/healthz")[0], 404)
            self.assertEqual(ask(server.admin, "GET", "/stats")[0], 401)
            self.assertEqual(ask_socket(self.path("admin.sock"), "GET", "/stats")[0], 200)
            metrics = ask_socket(self.path("admin.sock"), "GET", "/metrics")[2].decode()
            for listener, url in (("calls", first), ("calls", second), ("calls", calls), ("admin", at_admin), ("admin", operators)):
                address = url.removeprefix("http://")
                self.assertIn(f'hotslotd_connections_open{{listener="{listener}",address="{address}"}} ', metrics)
                self.assertIn(f'hotslotd_received_bytes_total{{listener="{listener}",address="{address}"}} ', metrics)
            self.assertIn('hotslotd_requests_refused_total{listener="admin",address="' + at_admin.removeprefix("http://") + '",reason="token"} 1\n', metrics)
            self.assertIn(f'hotslotd_sent_bytes_total{{listener="calls",address="{second.removeprefix("http://")}"}} 0\n', metrics)

    def test_all_of_them_drain(self):
        with self.server(listen=["127.0.0.1:0", "unix:calls.sock"], admin=["127.0.0.1:0", "unix:admin.sock"]) as server:
            kept = UnixConnection(self.path("calls.sock"))
            kept.request("POST", "/t/t/echo", b"x")
            kept.getresponse().read()
            self.assertEqual(ask_socket(self.path("admin.sock"), "POST", "/admin/drain")[0], 202)
            self.assertEqual(server.wait(), 0)
            self.assertEqual(kept.sock.recv(1), b"")
            kept.close()
            self.assertFalse(os.path.exists(self.path("calls.sock")))
            self.assertFalse(os.path.exists(self.path("admin.sock")))

    def test_those_that_cannot_be(self):
        for listen, told in (
                ([], "/listen: must not be empty"),
                (["127.0.0.1:0", 1], "/listen/1: must be a string, not a number"),
                ([{"probes": True}], "/listen/0/address: this member is required"),
                (["unix:a", "unix:./a"], "/listen/1: is the address of /listen/0, too: unix:" + self.path("a")),
                ([{"address": "127.0.0.1:0", "mode": "600"}], "/listen/0/mode: only unix sockets have one"),
                ({"address": "unix:a", "mode": "0888"}, '/listen/mode: must be three octal digits in a string, as "660"'),
                ({"address": "unix:a", "mode": 600}, "/listen/mode: must be a string, not a number"),
                ({"address": "unix:a", "group": "no-such-group"}, "/listen/group: there is no group of that name"),
                ("unix:", "/listen: must be ADDR:PORT")):
            self.assertIn(told, self.refused(listen=listen))
        self.assertIn("/admin/0: is the address of /listen, too: 127.0.0.1:9",
                      self.refused(listen="127.0.0.1:9", admin=["127.0.0.1:9", "127.0.0.1:10"]))


    @unittest.skipUnless(HAS_V6, "no IPv6")
    def test_one_port_of_both_kinds_of_address(self):
        for order in (("0.0.0.0", "[::]"), ("[::]", "0.0.0.0")):
            with socket.socket(socket.AF_INET6) as probe:
                probe.bind(("::", 0))
                port = probe.getsockname()[1]
            with self.server(listen=[f"{address}:{port}" for address in order]):
                for caller in ("127.0.0.1", "::1"):
                    with socket.create_connection((caller, port), timeout=PATIENCE) as connection:
                        connection.sendall(b"GET /t/t/echo HTTP/1.0\r\n\r\n")
                        self.assertIn(b" 200 ", connection.recv(100))

    def test_what_is_in_use_is_told_in_a_few_words(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            told = self.refused(listen=["unix:calls.sock", f"127.0.0.1:{port}"])
            self.assertEqual(told.splitlines()[-1], f"hotslotd: cannot listen on 127.0.0.1:{port}: Address already in use [system:98]")
        self.assertFalse(os.path.exists(self.path("calls.sock")))

    def test_probes_are_for_those_who_ask_first_too(self):
        with self.server(listen={"address": "127.0.0.1:0", "probes": True}) as server:
            self.assertEqual(ask(server.port, "GET", "/healthz", headers={"Expect": "100-continue"})[0], 200)


class UnixSockets(Case):
    def mode(self, name):
        return stat.S_IMODE(os.stat(self.path(name)).st_mode)

    def test_the_file_says_who_may_connect(self):
        group = os.getgroups()[0] if os.getgroups() else os.getgid()
        listen = {"address": "unix:calls.sock", "mode": "606", "group": grp.getgrgid(group).gr_name}
        with self.server(listen=listen, admin=["127.0.0.1:0", "unix:admin.sock"]):
            self.assertEqual(self.mode("calls.sock"), 0o606)
            self.assertEqual(os.stat(self.path("calls.sock")).st_gid, group)
            self.assertEqual(self.mode("admin.sock"), 0o660)

    def test_what_a_killed_server_left_is_in_nobodys_way(self):
        server = self.server(listen="unix:calls.sock")
        server.start()
        server.process.kill()
        server.wait()
        self.assertTrue(os.path.exists(self.path("calls.sock")))
        with server:
            self.assertEqual(ask_socket(self.path("calls.sock"), "POST", "/t/t/echo", b"x")[0], 200)
        self.assertFalse(os.path.exists(self.path("calls.sock")))

    def test_what_is_anothers_is_left_to_it(self):
        with self.server(listen="unix:calls.sock"):
            self.assertIn(f"cannot listen on unix:{self.path('calls.sock')}: Address already in use",
                          self.refused(listen="unix:calls.sock"))
            self.assertEqual(ask_socket(self.path("calls.sock"), "POST", "/t/t/echo", b"x")[0], 200)
            os.rename(self.path("calls.sock"), self.path("before.sock"))
            with open(self.path("calls.sock"), "w", encoding="utf-8"):
                pass
        self.assertTrue(os.path.exists(self.path("calls.sock")))
        self.assertIn(f"cannot listen on unix:{self.path('calls.sock')}: there is a file that is no socket",
                      self.refused(listen="unix:calls.sock"))
        self.assertTrue(os.path.exists(self.path("calls.sock")))

    def test_who_leaves_takes_nothing_of_who_has_come(self):
        """The one that drains has closed its socket, so that the next one's file may have the number that its own had."""
        before = self.server(listen=["unix:calls.sock", "127.0.0.1:0"], drain_grace_s=300)
        with before:
            with socket.create_connection(("127.0.0.1", int(before.urls[1].rpartition(":")[2])), timeout=PATIENCE) as caller:
                caller.sendall(b"POST /t/t/echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n")
                self.assertIn(b" 100 ", caller.recv(100))  # it is in a call
                before.terminate()
                before.log.wait("msg=draining")
                while os.path.exists(self.path("calls.sock")):
                    pass
                os.rename(before.config, self.path("before.json"))
                with self.server(listen="unix:calls.sock") as after:
                    caller.sendall(b"x")
                    caller.settimeout(PATIENCE)
                    self.assertIn(b" 200 ", caller.recv(100))
                    self.assertEqual(before.wait(), 0)
                    self.assertEqual(ask_socket(self.path("calls.sock"), "POST", "/t/t/echo", b"x")[0], 200)
                    self.assertEqual(after.url, "unix:" + self.path("calls.sock"))
        self.assertEqual([name for name in os.listdir(self.folder) if name.endswith((".sock", ".new", ".old"))], [])

    def test_signals_are_no_harm_however_late(self):
        for _ in range(10):
            server = self.server(listen="unix:calls.sock")
            server.start()
            while server.process.poll() is None:
                server.terminate()
            self.assertEqual(server.wait(), 0)
            self.assertFalse(os.path.exists(self.path("calls.sock")))

    def test_of_many_that_start_at_once_one_serves(self):
        for _ in range(3):
            left = socket.socket(socket.AF_UNIX)
            left.bind(self.path("calls.sock"))
            left.close()
            servers = []
            for n in range(6):
                server = self.server(listen="unix:calls.sock")
                os.rename(server.config, self.path(f"{n}.json"))
                servers.append(subprocess.Popen([HOTSLOTD, "--config", self.path(f"{n}.json")], env=ENVIRONMENT, text=True,
                                                stdout=subprocess.PIPE, stderr=subprocess.PIPE))
            ended = [server for server in servers if not server.stdout.readline()]
            self.assertEqual(len(ended), len(servers) - 1)
            for server in ended:
                self.assertEqual(server.wait(PATIENCE), 2)
            self.assertEqual(ask_socket(self.path("calls.sock"), "POST", "/t/t/echo", b"x")[0], 200)
            for server in servers:
                server.send_signal(signal.SIGTERM)
                _, said = server.communicate(timeout=PATIENCE)
                if server in ended:
                    self.assertIn("Address already in use", said)
            self.assertEqual([name for name in os.listdir(self.folder) if not name.endswith(".json")], [])

    @unittest.skipUnless(os.getuid() == 0, "only root has other groups")
    def test_its_group_is_not_that_of_the_folder(self):
        try:
            os.chown(self.folder, 0, 1)
        except OSError:
            self.skipTest("there is no other group here")
        os.chmod(self.folder, 0o2755)
        with self.server(listen="unix:calls.sock"):
            self.assertEqual(os.stat(self.path("calls.sock")).st_gid, os.getgid())

    def test_paths_that_cannot_be(self):
        self.assertIn(f"cannot listen on unix:{self.path('none/calls.sock')}: No such file or directory",
                      self.refused(listen="unix:none/calls.sock"))
        self.assertIn("a socket's path has at most 107 bytes", self.refused(listen="unix:" + "x" * 100 + "/calls.sock"))

    def test_a_check_tells_of_what_a_start_would_refuse(self):
        with open(self.path("file"), "w", encoding="utf-8"):
            pass
        self.assertEqual(self.checked(listen="unix:calls.sock"), (0, ""))
        self.assertEqual(os.listdir(self.folder), ["file", "hotslot.json"])
        for config, told in (({"listen": "unix:none/a.sock"}, "No such file or directory"), ({"listen": "unix:" + "x" * 108}, "at most 107 bytes"),
                             ({"admin": ["127.0.0.1:0", "unix:file"]}, "there is a file that is no socket"),
                             ({"access_log": {"format": "json", "to": "file", "file": "file/log"}}, "is in the way"),
                             ({"function_log": {"to": "file", "file": self.folder}}, "is in the way")):
            code, said = self.checked(**config)
            self.assertEqual(code, 2, config)
            self.assertIn(told, said)
        server = self.server()
        server.write_config([{"app": "t", "name": "none", "command": ["./none"]}])
        done = self.run_on(server.config, "--check-config")
        self.assertEqual((done.returncode, done.stderr), (0, f"hotslotd: t/none cannot be started as long as there is no {self.path('./none')}\n"))

    def test_callers_have_no_address(self):
        with self.server(listen={"address": "unix:calls.sock", "max_connections_per_address": 1}, admin="unix:admin.sock",
                         access_log={"format": "json", "to": "file", "file": self.path("access")}) as server:
            first, second = (UnixConnection(self.path("calls.sock")) for _ in range(2))
            for one in first, second:
                one.request("POST", "/t/t/echo", b"x", {"X-Forwarded-For": "192.0.2.1"})
                self.assertEqual(one.getresponse().status, 200)
                one.close()
            self.assertEqual(ask_socket(self.path("admin.sock"), "POST", "/admin/recycle/t/echo", headers={"Host": "any.example.org"})[0], 202)
            server.log.wait('msg="asked for at the admin address" client=unix: method=POST')
        with open(self.path("access"), encoding="utf-8") as access:
            self.assertEqual(access.read().count('"peer":"unix:","client":"unix:"'), 2)

    @unittest.skipUnless(NGINX, "no nginx")
    def test_nginx_asks_by_one(self):
        with self.server(listen="unix:calls.sock", trusted_proxies=["unix:"],
                         access_log={"format": "json", "to": "file", "file": self.path("access")}):
            config = self.path("nginx.conf")
            with open(config, "w", encoding="utf-8") as out:
                out.write(f"""daemon off; worker_processes 1; pid {self.folder}/nginx.pid; user root;
events {{ worker_connections 64; }}
http {{
  access_log off; client_body_temp_path {self.folder}/body; proxy_temp_path {self.folder}/proxy;
  fastcgi_temp_path {self.folder}/f; uwsgi_temp_path {self.folder}/u; scgi_temp_path {self.folder}/s;
  upstream hotslot {{ server unix:{self.path("calls.sock")}; keepalive 4; }}
  server {{
    listen unix:{self.path("nginx.sock")};
    location / {{ proxy_pass http://hotslot; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header X-Forwarded-For 192.0.2.7; }}
  }}
}}
""")
            nginx = subprocess.Popen([NGINX[0], "-c", config, "-p", self.folder, "-e", self.path("error.log")], env=ENVIRONMENT)
            try:
                while nginx.poll() is None:
                    with socket.socket(socket.AF_UNIX) as probe:
                        if probe.connect_ex(self.path("nginx.sock")) == 0:
                            break
                for _ in range(3):
                    self.assertEqual(ask_socket(self.path("nginx.sock"), "POST", "/t/t/echo", b"hello")[0], 200)
            finally:
                nginx.send_signal(signal.SIGTERM)
                nginx.wait(PATIENCE)
        with open(self.path("access"), encoding="utf-8") as access:
            self.assertEqual(access.read().count('"peer":"unix:","client":"192.0.2.7"'), 3)


if __name__ == "__main__":
    unittest.main()
