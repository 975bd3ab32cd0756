#!/usr/bin/env python3
"""hotslotctl, and what it asks of a real hotslotd.  Usage: ctl.py HOTSLOTD HOTSLOTCTL TEST_FUNCTION SLOW_FUNCTION"""

import fcntl
import http.client
import http.server
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import unittest

import hotslotd
from hotslotd import PATIENCE, Hotslotd, ask

HOTSLOTD, HOTSLOTCTL, FUNCTION, SLOW = (os.path.abspath(a) for a in sys.argv[1:5])
del sys.argv[1:5]
ENVIRONMENT = hotslotd.ENVIRONMENT | {"TERM": "xterm"}
TOKEN = "a-token-for-tests"
ENTER, LEAVE = "\x1b[?1049h", "\x1b[?1049l"


def eventually(what):
    end = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


class Server(Hotslotd):
    def __init__(self, folder, admin="127.0.0.1:0"):
        self.functions = [{"app": "t", "name": mode, "trigger": "/" + mode, "command": [FUNCTION, mode], "memory_mb": 16,
                           "starts": {"backoff_ms": 5000}} for mode in ("echo", "about", "exit", "exit-in-call")]
        self.functions.append({"app": "t", "name": "slow", "command": [SLOW], "memory_mb": 16, "config": {"SLOW_MS": "400"}})
        super().__init__(HOTSLOTD, folder, self.functions, admin=admin)


class Fake:
    """An admin address that answers what it is told to, by path."""

    def __init__(self, **answers):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                status, body = answers.get(self.path.split("?")[0].strip("/").replace("/", "_"), (404, "{}"))
                body = body.encode("utf-8", "surrogateescape")
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class Terminal:
    """hotslotctl on a terminal of its own, in a session of its own."""

    def __init__(self, *arguments):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(HOTSLOTCTL, [HOTSLOTCTL, *arguments], ENVIRONMENT)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("4H", 24, 160, 0, 0))
        self.text = ""
        self.code = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.code is None:
            os.kill(self.pid, signal.SIGKILL)
            self.end()
        os.close(self.fd)

    def more(self):
        if not select.select([self.fd], [], [], PATIENCE)[0]:
            raise AssertionError(f"nothing more came after {self.text[-2000:]!r}")
        try:
            got = os.read(self.fd, 65536)
        except OSError:  # how the end shows
            got = b""
        self.text += got.decode("utf-8", "replace")
        return bool(got)

    def wait_for(self, pattern):
        """Forgets what came up to there."""
        while not (found := re.search(pattern, self.text)):
            assert self.more(), f"ended with {self.text[-2000:]!r}"
        before, self.text = self.text[:found.end()], self.text[found.end():]
        return before

    def echoes(self):
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)

    def end(self):
        while self.more():
            pass
        self.code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.code


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="hotslot-ctl-")
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name, text=None):
        path = os.path.join(self.folder, name)
        if text is not None:
            with open(path, "w", encoding="utf-8") as out:
                out.write(text)
        return path

    def ctl(self, url, *arguments, given=""):
        """Exit code, standard output, standard error."""
        done = subprocess.run([HOTSLOTCTL, *arguments], input=given, env=ENVIRONMENT | {"HOTSLOT_ADMIN": url},
                              capture_output=True, text=True, timeout=PATIENCE, check=False)
        return done.returncode, done.stdout, done.stderr

    def done(self, url, *arguments, given=""):
        code, out, err = self.ctl(url, *arguments, given=given)
        self.assertEqual((code, err), (0, ""), out)
        return out


class Commands(Case):
    def test_list_and_stats(self):
        with Server(self.folder) as server:
            self.done(server.admin_url, "call", "t/echo", "-d", "x")
            rows = self.done(server.admin_url, "list").splitlines()
            self.assertEqual(rows[0].split(), ["FUNCTION", "TRIGGER", "IDLE", "BUSY", "WAITING", "CALLS", "ID"])
            echo = next(r.split() for r in rows if r.startswith("t/echo "))
            self.assertEqual(echo[1:6], ["/t/t/echo", "1", "0", "0", "1"])
            self.assertEqual(len(json.loads(self.done(server.admin_url, "list", "--json"))["queues"]), 5)
            self.assertRegex(self.done(server.admin_url, "stats"), r"queues +5\n  acquired +1\n")
            for name in ("t/echo", echo[6]):
                page = self.done(server.admin_url, "stats", name)
                self.assertIn("\nworkers\n", page)
                self.assertRegex(page, r"policy   demand\n")
                self.assertRegex(page, r"calls that did not wait: \d\n")
            self.assertEqual(json.loads(self.done(server.admin_url, "stats", "t/echo", "--json"))["queue"]["name"], "echo")
            code, out, err = self.ctl(server.admin_url, "stats", "t/none")
            self.assertEqual((code, out), (1, ""))
            self.assertEqual(err, f"hotslotctl: {server.admin_url}: no such function: t/none\n")

    def test_call(self):
        with Server(self.folder) as server:
            body = self.done(server.admin_url, "call", "t/echo", "-d", "hello", "-H", "X-Mine: 1", "-H", "Content-Type: a/b")
            self.assertTrue(body.endswith("\r\n\r\nhello") or body.endswith("\n\nhello"), body)  # the request as it came
            self.assertIn("X-Mine: 1", body)
            self.assertIn("Content-Type: a/b", body)
            self.assertIn("hello", self.done(server.admin_url, "call", "t/echo", "-d", "hello", "-H", "Expect: 100-continue"))
            self.assertIn("from a file", self.done(server.admin_url, "call", "t/echo", "-d", "@" + self.path("f", "from a file")))
            self.assertIn("from there", self.done(server.admin_url, "call", "t/echo", "-d", "@-", given="from there"))
            self.assertTrue(self.done(server.admin_url, "call", "t/echo", "-i").startswith("HTTP/1.1 200 OK\n"))
            reply = json.loads(self.done(server.admin_url, "call", "t/echo", "--json", "-d", "x"))
            self.assertEqual(reply["status"], 200)
            self.assertIn("Fn-Call-Id", reply["headers"])
            self.assertTrue(reply["body"].endswith("x"))
            code, out, err = self.ctl(server.admin_url, "call", "t/exit-in-call", "-d", "x")
            self.assertEqual(code, 1)
            self.assertIn("message", json.loads(out))
            self.assertRegex(err, r"^hotslotctl: http://\S+: 502 Bad Gateway: ")
            self.assertIn("404 Not Found: no such function", self.ctl(server.admin_url, "call", "t/none")[2])
            self.assertIn("cannot read /none: No such file", self.ctl(server.admin_url, "call", "t/echo", "-d", "@/none")[2])

    def test_recycle(self):
        with Server(self.folder) as server:
            def pid():
                return re.search(r"X-Pid: (\d+)", self.done(server.admin_url, "call", "t/echo", "-i"))[1]
            before = pid()
            self.assertEqual(pid(), before)
            self.assertEqual(self.done(server.admin_url, "recycle", "t/echo"),
                             "t/echo: 1 idle workers end now, 0 busy ones after their call\n")
            eventually(lambda: server.queue("echo")["totals"]["ejected_recycled"] == 1)
            self.assertNotEqual(pid(), before)
            self.assertEqual(json.loads(self.done(server.admin_url, "recycle", "t/slow", "--json")), {"idle": 0, "busy": 0})
            self.assertEqual(self.ctl(server.admin_url, "recycle", "t/none")[0], 1)

    def test_reload(self):
        with Server(self.folder) as server:
            self.assertEqual(self.done(server.admin_url, "reload"), "nothing has changed\n")
            server.write_config(server.functions, resources={"memory_mb": 200})
            self.assertEqual(self.done(server.admin_url, "reload"), "resources have changed\n")
            server.write_config(server.functions, resources={"memory_mb": 0})
            code, _, err = self.ctl(server.admin_url, "reload")
            self.assertEqual(code, 1)
            self.assertIn("422 Unprocessable Entity: ", err)
            self.assertIn("/resources/memory_mb: must be", err)

    def test_drain_waits_for_calls(self):
        with Server(self.folder) as server:
            call = threading.Thread(target=lambda: answers.append(self.ctl(server.admin_url, "call", "t/slow", "-d", "x")))
            answers = []
            call.start()
            eventually(lambda: server.queue("slow")["busy"] == 1)
            self.assertEqual(self.done(server.admin_url, "drain"), "draining\n")
            server.process.send_signal(signal.SIGTERM)  # the first, which asks for what is done already
            call.join(PATIENCE)
            self.assertEqual([a[0] for a in answers], [0])
            self.assertEqual(server.process.wait(PATIENCE), 0)

    def test_what_is_wrong_is_told(self):
        unused = socket.socket()
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        self.assertEqual(self.ctl(url, "list"), (3, "", f"hotslotctl: {url}: Connection refused\n"))
        unused.listen()  # and never answers
        self.assertEqual(self.ctl(url, "list", "--timeout", "0.1"), (3, "", f"hotslotctl: {url}: no answer in time\n"))
        unused.close()
        self.assertEqual(self.ctl("http://127.0.0.1:x", "list")[0], 2)
        with Fake(stats=(200, "<html>")) as fake:
            self.assertEqual(self.ctl(fake.url, "list"), (3, "", "hotslotctl: the answer is not one of hotslotd\n"))
        with Fake(admin_drain=(500, '{"message": "no \\u001b[2J\\u009b"}')) as fake:
            self.assertEqual(self.ctl(fake.url, "drain"), (1, "", f"hotslotctl: {fake.url}: 500 Internal Server Error: "
                                                                 "no \\x1b[2J\\xc2\\x9b\n"))
        with open("/dev/full", "w", encoding="utf-8") as full, Fake(stats=(200, '{"queues": []}')) as fake:
            done = subprocess.run([HOTSLOTCTL, "list", "--admin", fake.url], env=ENVIRONMENT, stdout=full, stderr=subprocess.PIPE,
                                  text=True, timeout=PATIENCE, check=False)
            self.assertEqual((done.returncode, done.stderr), (1, "hotslotctl: cannot write: No space left on device\n"))

    def test_a_path_before_all_paths(self):
        with Fake(ops_stats=(200, '{"queues": []}')) as fake:
            self.assertEqual(self.done(fake.url + "/ops/", "list").split()[0], "FUNCTION")

    def test_what_functions_say_does_nothing_to_a_terminal(self):
        with Fake(admin_invoke_t_f=(200, "a\x1b[2J\tb\n\udcff\n")) as fake:
            with Terminal("--admin", fake.url, "call", "t/f") as terminal:
                self.assertEqual(terminal.end(), 0)
                self.assertEqual(terminal.text, "a\\x1b[2J\tb\r\n\\xff\r\n")
            done = subprocess.run([HOTSLOTCTL, "--admin", fake.url, "call", "t/f"], env=ENVIRONMENT, capture_output=True,
                                  timeout=PATIENCE, check=False)
            self.assertEqual(done.stdout, b"a\x1b[2J\tb\n\xff\n")  # elsewhere it is what it is


class Admin(Case):
    def test_methods_and_paths(self):
        with Server(self.folder) as server:
            for path in ("reload", "drain", "recycle/t/echo", "invoke/t/echo"):
                status, headers, _ = ask(server.admin, "GET", "/admin/" + path)
                self.assertEqual((status, headers["Allow"]), (405, "POST"), path)
            for path in ("/admin/", "/admin/none", "/admin/drain/", "/admin/recycle", "/admin/recycle/t/none",
                         "/admin/invoke/t/none", "/administration"):
                self.assertEqual(ask(server.admin, "POST", path)[0], 404, path)
            self.assertEqual(ask(server.admin, "POST", "/admin/invoke/t%2fecho")[0], 200)

    def test_web_pages_may_not(self):
        with Server(self.folder) as server:
            for path in ("reload", "drain", "recycle/t/echo", "invoke/t/echo"):
                for origin in ("https://elsewhere.example", server.admin_url, "null"):
                    self.assertEqual(ask(server.admin, "POST", "/admin/" + path, headers={"Origin": origin})[0], 403)
            self.assertEqual(ask(server.admin, "GET", "/readyz")[0], 200)


class Secure(Case):
    def certificate(self, name, addition):
        done = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                               "-days", "1", "-subj", "/CN=" + name, "-addext", addition, "-keyout", self.path(name + ".key"),
                               "-out", self.path(name + ".pem")], env=ENVIRONMENT, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_certificates_and_tokens(self):
        self.certificate("server", "subjectAltName=IP:127.0.0.1")
        self.certificate("client", "subjectAltName=DNS:client")
        self.path("tokens", f"# mine\n\n{TOKEN}\n")
        self.path("others", "another-token\n")
        self.path("none", "# nothing\n")
        admin = {"address": "127.0.0.1:0", "token_file": "tokens",
                 "tls": {"certificate": "server.pem", "key": "server.key", "client_ca": "client.pem"}}
        ca = ("--cacert", self.path("server.pem"))
        own = ("--cert", self.path("client.pem"), "--key", self.path("client.key"))
        token = ("--token-file", self.path("tokens"))
        with Server(self.folder, admin) as server:
            url = server.admin_url
            self.assertIn("t/echo", self.done(url, "list", *ca, *own, *token))
            self.assertIn("hello", self.done(url, "call", "t/echo", "-d", "hello", *ca, *own, *token))
            code, _, err = self.ctl(url, "list", *own, *token)
            self.assertEqual(code, 3)
            self.assertIn("its certificate is not to be trusted: self-signed certificate", err)
            code, _, err = self.ctl(url.replace("127.0.0.1", "localhost"), "list", *ca, *own, *token)
            self.assertEqual(code, 3)
            self.assertIn("is not to be trusted: hostname mismatch", err)
            code, _, err = self.ctl(url, "list", *ca, *token)
            self.assertEqual(code, 3)
            self.assertIn("certificate required", err)
            for tokens in ((), ("--token-file", self.path("others"))):
                code, _, err = self.ctl(url, "list", *ca, *own, *tokens)
                self.assertEqual(code, 1)
                self.assertIn("401 Unauthorized", err)
            for file, told in (("none", "has no token"), ("gone", "No such file")):
                code, _, err = self.ctl(url, "list", *ca, *own, "--token-file", self.path(file))
                self.assertEqual(code, 2)
                self.assertIn(told, err)
            self.assertEqual(self.ctl(url, "list", "--cacert", self.path("tokens"))[0], 2)
            self.assertEqual(self.done(url, "drain", *ca, *own, *token), "draining\n")  # to its last byte
            self.assertEqual(server.process.wait(PATIENCE), 0)


class Watch(Case):
    def test_a_page_on_a_terminal(self):
        with Server(self.folder) as server, Terminal("watch", "--admin", server.admin_url, "--interval", "0.1") as terminal:
            terminal.wait_for(re.escape(ENTER))
            terminal.wait_for(r"FUNCTION ")
            terminal.wait_for(r"t/echo +0 ")
            self.assertFalse(terminal.echoes())
            self.done(server.admin_url, "call", "t/echo", "-d", "x")
            terminal.wait_for(r"t/echo +1 ")
            self.ctl(server.admin_url, "call", "t/exit", "-d", "x")
            terminal.wait_for(r"t/exit [^\n]*exited with")
            os.write(terminal.fd, b"\x03")  # Ctrl-C
            self.assertEqual(terminal.end(), 0)
            self.assertTrue(terminal.text.endswith(LEAVE), terminal.text[-200:])
            self.assertIn("\x1b[?25h", terminal.text)

    def test_the_terminal_is_given_back_while_it_is_stopped(self):
        with Server(self.folder) as server, Terminal("watch", "--admin", server.admin_url) as terminal:
            terminal.wait_for("FUNCTION")
            os.kill(terminal.pid, signal.SIGTSTP)
            terminal.wait_for(re.escape(LEAVE))
            os.waitpid(terminal.pid, os.WUNTRACED)
            self.assertTrue(terminal.echoes())
            os.kill(terminal.pid, signal.SIGCONT)
            terminal.wait_for(re.escape(ENTER))
            terminal.wait_for("FUNCTION")
            os.kill(terminal.pid, signal.SIGTERM)
            self.assertEqual(terminal.end(), 0)
            self.assertTrue(terminal.text.endswith(LEAVE))

    def test_a_server_that_is_lost_and_found(self):
        with Server(self.folder) as server:
            terminal = Terminal("watch", "--admin", server.admin_url, "--interval", "0.1")
            terminal.wait_for("t/echo")
        with terminal:
            terminal.wait_for("figures are of [^\n]*Connection refused; trying again in 1 s")
            terminal.wait_for("t/echo")  # is still to be seen
            with Server(self.folder, server.admin_url.split("/")[2]) as server:
                self.done(server.admin_url, "call", "t/echo", "-d", "x")
                terminal.wait_for(r"t/echo +1 ")
                os.write(terminal.fd, b"\x03")
                self.assertEqual(terminal.end(), 0)

    def test_pages_one_after_another_elsewhere(self):
        with Server(self.folder) as server:
            for arguments, pattern in (((), r"t/echo +0 "), (("--json",), r'"wait_ms"')):
                watch = subprocess.Popen([HOTSLOTCTL, "watch", "--admin", server.admin_url, "--interval", "0.1", *arguments],
                                         env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
                for _ in range(2):
                    line = next(line for line in watch.stdout if re.search(pattern, line))
                self.assertNotIn("\x1b", line)
                if arguments:
                    self.assertEqual(len(json.loads(line)["queues"]), 5)
                watch.send_signal(signal.SIGINT)
                self.assertEqual(watch.wait(PATIENCE), 0)
                watch.stdout.close()

    def test_a_server_without_a_stream(self):
        stats = (200, '{"queues": [{"app": "a", "name": "\\u001b[31m"}]}')
        for answers in ({}, {"stats_stream": (200, "<html>")}):
            with Fake(stats=stats, **answers) as fake, \
                    Terminal("watch", "--admin", fake.url, "--interval", "0.1") as terminal:
                for _ in range(2):
                    page = terminal.wait_for(r"a/\\x1b\[31m")
                    self.assertNotIn("\x1b[31m", page)
                os.write(terminal.fd, b"\x03")
                self.assertEqual(terminal.end(), 0)

    def test_a_server_that_was_never_there(self):
        self.assertEqual(self.ctl("http://127.0.0.1:1", "watch")[:2], (3, ""))

    def test_nobody_reads(self):
        with Server(self.folder) as server:
            done = subprocess.run(f"{HOTSLOTCTL} watch --admin {server.admin_url} --interval 0.1 | head -n 1", shell=True,
                                  env=ENVIRONMENT, capture_output=True, text=True, timeout=PATIENCE, check=False)
            self.assertEqual(len(done.stdout.splitlines()), 1)


if __name__ == "__main__":
    unittest.main()
