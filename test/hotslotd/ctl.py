#!/usr/bin/env python3
"""hotslotctl, and what it asks of a real hotslotd.  Usage: ctl.py HOTSLOTD HOTSLOTCTL TEST_FUNCTION SLOW_FUNCTION"""

import fcntl
import http.client
import http.server
import json
import os
import pty
import re
import resource
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
import peer
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


class Fake(peer.Peer):
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

        super().__init__(Handler)


class Terminal:
    """hotslotctl on a terminal of its own, in a session of its own."""

    def __init__(self, *arguments, **environment):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            os.execve(HOTSLOTCTL, [HOTSLOTCTL, *arguments], ENVIRONMENT | environment)
        self.text = ""
        self.code = None
        self.resize(24)

    def resize(self, rows):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("4H", rows, 160, 0, 0))

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
            self.assertEqual(rows[0].split(), ["FUNCTION", "TRIGGER", "STATE", "IDLE", "BUSY", "WAITING", "CALLS", "ERRORS", "ID"])
            echo = next(r.split() for r in rows if r.startswith("t/echo "))
            self.assertEqual(echo[1:8], ["/t/t/echo", "resting", "1", "0", "0", "1", "0"])
            self.assertEqual(len(json.loads(self.done(server.admin_url, "list", "--json"))["queues"]), 5)
            self.assertRegex(self.done(server.admin_url, "stats"), r"queues +5\n  errors +0\n  acquired +1\n")
            for name in ("t/echo", echo[8]):
                page = self.done(server.admin_url, "stats", name)
                self.assertIn("\nworkers\n", page)
                self.assertRegex(page, r"policy   demand\n")
                self.assertRegex(page, r"calls that did not wait: \d\n")
            self.assertEqual(json.loads(self.done(server.admin_url, "stats", "t/echo", "--json"))["queue"]["name"], "echo")
            names = [row.split()[0] for row in self.done(server.admin_url, "list", "--by", "acquired", "--match", "t/E").splitlines()]
            self.assertEqual(names, ["FUNCTION", "t/echo", "t/exit", "t/exit-in-call"])
            self.assertIn("by has to be one of need, errors", self.ctl(server.admin_url, "list", "--by", "beauty")[2])
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
                         "/admin/invoke/t/none", "/admin/invoke/t%2fecho", "/administration"):
                self.assertEqual(ask(server.admin, "POST", path)[0], 404, path)
            self.assertEqual(ask(server.admin, "POST", "/admin/invoke/t/%65cho")[0], 200)

    def test_web_pages_may_not(self):
        with Server(self.folder) as server:
            for path in ("reload", "drain", "recycle/t/echo", "invoke/t/echo"):
                for origin in ("https://elsewhere.example", server.admin_url, "null"):
                    self.assertEqual(ask(server.admin, "POST", "/admin/" + path, headers={"Origin": origin})[0], 403)
            self.assertEqual(ask(server.admin, "GET", "/readyz")[0], 200)


class UnixSocket(Case):
    def test_all_that_operators_do(self):
        with Server(self.folder, admin="unix:" + self.path("admin.sock")) as server:
            self.assertEqual(server.admin_url, "unix:" + self.path("admin.sock"))
            self.assertIn("t/echo", self.done(server.admin_url, "list"))
            self.assertTrue(self.done(server.admin_url, "call", "t/echo", "-d", "x").endswith("\nx"))
            self.done(server.admin_url, "reload")
            with Terminal("watch", "--admin", server.admin_url) as terminal:
                terminal.wait_for("t/echo +resting +1 ")
                os.write(terminal.fd, b"q")
                self.assertEqual(terminal.end(), 0)
            self.done(server.admin_url, "drain")
        code, _, err = self.ctl(server.admin_url, "list")
        self.assertEqual((code, err), (3, f"hotslotctl: unix:{self.path('admin.sock')}: No such file or directory\n"))

    def test_one_where_too_many_wait(self):
        with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as first:
            listener.bind(self.path("busy.sock"))
            listener.listen(0)
            first.connect(self.path("busy.sock"))
            code, _, err = self.ctl("unix:" + self.path("busy.sock"), "--timeout", "0.3", "list")
            self.assertEqual((code, err), (3, f"hotslotctl: unix:{self.path('busy.sock')}: no answer in time\n"))


class Secure(Case):
    def certificate(self, name, addition):
        done = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                               "-days", "1", "-subj", "/CN=" + name, "-addext", addition, "-keyout", self.path(name + ".key"),
                               "-out", self.path(name + ".pem")], env=ENVIRONMENT, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_token_that_all_can_read(self):
        token = ("--token-file", self.path("tokens", TOKEN))
        with Server(self.folder, {"address": "127.0.0.1:0", "token_file": "tokens"}) as server:
            self.assertIn("t/echo", self.done(server.admin_url, "list", *token))  # which does not leave the machine
            other = server.admin_url.replace("127.0.0.1", "0.0.0.0")  # which is the same, but does not say so
            code, out, err = self.ctl(other, "list", *token)
            self.assertEqual((code, err), (0, f"hotslotctl: the token goes to {other} for all on the way to read\n"))
            self.assertIn("t/echo", out)

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
            terminal.wait_for(r"t/echo +resting +0 ")
            self.assertFalse(terminal.echoes())
            self.done(server.admin_url, "call", "t/echo", "-d", "x")
            terminal.wait_for(r"t/echo +resting +1 ")
            self.ctl(server.admin_url, "call", "t/exit", "-d", "x")
            terminal.wait_for(r"t/exit +failing [^\n]*exited with")
            os.write(terminal.fd, b"\x03")  # Ctrl-C
            self.assertEqual(terminal.end(), 0)
            self.assertTrue(terminal.text.endswith(LEAVE), terminal.text[-200:])
            self.assertIn("\x1b[?25h", terminal.text)

    def test_those_broken_come_first_of_many(self):
        """Nobody waits for them, since they refuse at once; and more are asked for only where there is room."""
        broken = {"t/f2500", "t/f3333", "t/f4999"}
        opens = {"breaker_failures": 1, "backoff_ms": 600_000, "max_backoff_ms": 600_000}
        functions = [{"app": "t", "name": f"f{i}", "memory_mb": 16} |
                     ({"command": ["/bin/false"], "starts": opens} if f"t/f{i}" in broken else {"command": [FUNCTION, "echo"]})
                     for i in range(5000)]
        with Hotslotd(HOTSLOTD, self.folder, functions) as server:
            for name in broken:
                self.assertEqual(self.ctl(server.admin_url, "call", name, "-d", "x")[0], 1)
            with Terminal("watch", "--admin", server.admin_url, "--interval", "0.1") as terminal:
                page = terminal.wait_for(r"\nand 4981 more")  # 24 lines
                names = re.findall(r"\n(t/f\d+) +([a-z ]+?) +\d", page)
                self.assertEqual(len(names), 19)
                self.assertEqual(set(names[:3]), {(name, "breaker open") for name in broken})
                terminal.resize(14)
                page = terminal.wait_for(r"\nand 4991 more")
                self.assertIn("breaker open", page)
                terminal.resize(44)
                terminal.wait_for(r"\nand 4961 more")
                os.write(terminal.fd, b"/f499\n")
                page = terminal.wait_for(r"\nt/f4999 [^$]*\nt/f499\d [^$]*\nt/f499 [^$]*\x1b\[J")
                self.assertIn("by need, those with 'f499' ", page)
                os.write(terminal.fd, b"s")
                terminal.wait_for(r"by errors, those with 'f499' [^$]*\nt/f4999 +breaker open")
                os.write(terminal.fd, b"\x03")
                self.assertEqual(terminal.end(), 0)

    def test_q_ends_it(self):
        with Server(self.folder) as server, Terminal("watch", "--admin", server.admin_url, "--interval", "0.1") as terminal:
            terminal.wait_for("FUNCTION")
            os.write(terminal.fd, b"x\x1b[A")
            self.done(server.admin_url, "call", "t/echo", "-d", "x")
            terminal.wait_for(r"t/echo +resting +1 ")
            self.assertFalse(terminal.echoes())
            os.write(terminal.fd, b"q")
            self.assertEqual(terminal.end(), 0)
            self.assertTrue(terminal.text.endswith(LEAVE), terminal.text[-200:])

    def test_the_terminal_is_given_back_however_it_ends(self):
        with Server(self.folder) as server:
            for deadly in (signal.SIGQUIT, signal.SIGUSR1, signal.SIGALRM, signal.SIGABRT, signal.SIGILL, signal.SIGRTMAX):
                with self.subTest(deadly), Terminal("watch", "--admin", server.admin_url) as terminal:
                    terminal.wait_for("FUNCTION")
                    # ThreadSanitizer runs handlers of program errors at once, also within locks of its own.
                    eventually(lambda: hotslotd.state_of(terminal.pid) == "S")
                    if deadly == signal.SIGQUIT:
                        os.write(terminal.fd, b"\x1c")  # Ctrl-\
                    else:
                        os.kill(terminal.pid, deadly)
                    self.assertEqual(terminal.end(), -deadly)
                    self.assertIn(LEAVE, terminal.text[-200:])
                    self.assertTrue(terminal.echoes())

    def test_what_a_terminal_cannot_show(self):
        stats = (200, '{"queues": [{"app": "a", "name": "\u00db\u200f\u061c\u65e5", "trigger": "/\U0001f600"}]}')
        for language, shown in (("C", r"a/\\xc3\\x9b\\xe2\\x80\\x8f\\xd8\\x9c\\xe6\\x97\\xa5 "),
                                ("C.UTF-8", "a/\u00db\\\\xe2\\\\x80\\\\x8f\\\\xd8\\\\x9c\u65e5 ")):
            with Fake(stats=stats) as fake:
                for command in ("watch", "list"):
                    with Terminal(command, "--admin", fake.url, LC_ALL=language) as terminal:
                        page = terminal.wait_for(shown)
                        if command == "watch":
                            os.write(terminal.fd, b"q")
                        self.assertEqual(terminal.end(), 0)
                        self.assertEqual((page + terminal.text).isascii(), language == "C")

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
                terminal.wait_for(r"t/echo +resting +1 ")
                os.write(terminal.fd, b"\x03")
                self.assertEqual(terminal.end(), 0)

    def test_pages_one_after_another_elsewhere(self):
        with Server(self.folder) as server:
            for arguments, pattern in (((), r"t/echo +resting +0 "), (("--json",), r'"wait_ms"')):
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
