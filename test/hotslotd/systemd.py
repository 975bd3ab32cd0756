#!/usr/bin/env python3
"""hotslotd as systemd starts it: notifications, sockets that were opened before, the journal.

    systemd.py HOTSLOTD TEST_FUNCTION UNIT..."""

import fcntl
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

HOTSLOTD, FUNCTION, *UNITS = (os.path.abspath(a) for a in sys.argv[1:])
del sys.argv[1:]
PATIENCE = 30
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
ENVIRONMENT |= {name: os.environ[name] for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS") if name in os.environ}


class Manager:
    """The socket that the server tells its state to."""

    def __init__(self, name):
        self.name = name
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.settimeout(PATIENCE)
        self.socket.bind("\0" + name[1:] if name.startswith("@") else name)

    def close(self):
        self.socket.close()

    def next(self, passing_over=("WATCHDOG",)):
        while True:
            told = dict(line.split("=", 1) for line in self.socket.recv(4096).decode().splitlines())
            if not set(told) & set(passing_over):
                return told


def listening(address="127.0.0.1", family=socket.AF_INET):
    made = socket.socket(family, socket.SOCK_STREAM)
    made.bind((address, 0))
    made.listen()
    return made


def port_of(line):
    return int(line.rsplit(":", 1)[1])


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="hotslot-systemd-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.config = os.path.join(self.folder, "hotslot.json")
        self.log = os.path.join(self.folder, "log")
        self.configure()

    def configure(self, **more):
        functions = [{"app": "t", "name": mode, "trigger": "/" + mode, "command": [FUNCTION, mode], "memory_mb": 16}
                     for mode in ("echo", "about")]
        with open(self.config, "w", encoding="utf-8") as out:
            json.dump({"listen": "127.0.0.1:0", "admin": "127.0.0.1:0", "drain_grace_s": 5, "functions": functions} | more, out)

    def start(self, environment=None, sockets=(), names=None, expecting=2):
        """With `sockets` as descriptors from 3 on. Sets listen and admin to the ports that it tells of."""
        environment = ENVIRONMENT | (environment or {})
        high = [fcntl.fcntl(s.fileno(), fcntl.F_DUPFD_CLOEXEC, 100) for s in sockets]  # none in another's way

        def hand_down():
            for n, fd in enumerate(high):
                os.dup2(fd, 3 + n)

        command = [HOTSLOTD, "--config", self.config, "--threads", "2"]
        if sockets:
            environment["LISTEN_FDS"] = str(len(sockets))
            if names is not None:
                environment["LISTEN_FDNAMES"] = names
            # The server's pid is known to the shell that it takes the place of.
            command = ["/bin/sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh", *command]
        with open(self.log, "w", encoding="utf-8") as log:
            process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True,
                                       preexec_fn=hand_down, close_fds=False)
        for fd in high:
            os.close(fd)
        self.addCleanup(self.end, process)
        lines = [process.stdout.readline() for _ in range(expecting)]
        if lines and all(lines):
            self.listen, self.admin = (port_of(line) for line in lines)
        return process

    def end(self, process):
        if process.poll() is None:
            process.kill()
        process.wait(PATIENCE)
        process.stdout.close()

    def stop(self, process):
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(PATIENCE), 0, self.read_log())

    def read_log(self):
        with open(self.log, encoding="utf-8") as log:
            return log.read()

    def ask(self, port, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        try:
            connection.request(method, path, body=body)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()


class Notifications(Case):
    def setUp(self):
        super().setUp()
        self.manager = Manager(os.path.join(self.folder, "notify"))
        self.addCleanup(self.manager.close)

    def start_told(self, **more):
        process = self.start({"NOTIFY_SOCKET": self.manager.name} | more)
        ready = self.manager.next()
        self.assertEqual(ready["READY"], "1")
        self.assertEqual(ready["STATUS"], f"serving on http://127.0.0.1:{self.listen}, admin on http://127.0.0.1:{self.admin}")
        return process

    def test_from_ready_to_stopping(self):
        process = self.start_told()
        self.stop(process)
        stopping = self.manager.next()
        self.assertEqual(stopping["STOPPING"], "1")
        self.assertGreaterEqual(int(stopping["EXTEND_TIMEOUT_USEC"]), 5_000_000)
        self.assertTrue(stopping["STATUS"].startswith("draining"))

    def test_an_abstract_name(self):
        self.manager.close()
        self.manager = Manager(f"@hotslot-test-{os.getpid()}")
        self.addCleanup(self.manager.close)
        self.stop(self.start_told())

    def test_reload(self):
        process = self.start_told()
        self.configure(resources={"memory_mb": 100})
        process.send_signal(signal.SIGHUP)
        reloading = self.manager.next()
        self.assertEqual(reloading["RELOADING"], "1")
        self.assertGreater(int(reloading["MONOTONIC_USEC"]), 0)
        self.assertNotIn("not reloaded", self.manager.next()["STATUS"])
        self.configure(resources={"memory_mb": 0}, drain_grace_s="\n")
        status, _ = self.ask(self.admin, "POST", "/admin/reload")
        self.assertEqual(status, 422)
        self.assertEqual(self.manager.next()["RELOADING"], "1")
        told = self.manager.next()
        self.assertEqual(told["READY"], "1")
        self.assertIn("not reloaded: ", told["STATUS"])
        self.assertIn("/drain_grace_s", told["STATUS"])  # all of it on one line
        self.stop(process)

    def test_the_watchdog(self):
        process = self.start_told(WATCHDOG_USEC="200000")
        for _ in range(3):
            self.assertEqual(self.manager.next(passing_over=()), {"WATCHDOG": "1"})
        process.send_signal(signal.SIGTERM)
        stopping = self.manager.next()
        self.assertEqual(stopping["WATCHDOG_USEC"], stopping["EXTEND_TIMEOUT_USEC"])
        self.assertEqual(process.wait(PATIENCE), 0)

    def test_a_manager_that_is_not_there(self):
        self.manager.close()
        os.unlink(self.manager.name)
        process = self.start({"NOTIFY_SOCKET": self.manager.name})
        self.assertEqual(self.ask(self.listen, "POST", "/t/t/echo", "x")[0], 200)
        self.stop(process)

    def test_a_drain_by_the_admin_address(self):
        process = self.start_told()
        self.assertEqual(self.ask(self.admin, "POST", "/admin/drain"), (202, '{"draining":true}\n'))
        self.assertIn("POST /admin/drain", self.manager.next()["STATUS"])
        self.assertEqual(process.wait(PATIENCE), 0)

    def test_functions_know_nothing_of_it(self):
        with listening() as given:
            process = self.start({"NOTIFY_SOCKET": self.manager.name, "WATCHDOG_USEC": "60000000",
                                  "JOURNAL_STREAM": "1:1"}, [given], "listen")
            _, about = self.ask(self.listen, "POST", "/t/t/about", "x")
            self.assertIn("FN_FORMAT=", about)
            for name in ("NOTIFY", "WATCHDOG", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "JOURNAL"):
                self.assertNotIn(name, about)
            self.assertIn("2=pipe:", about)
            self.assertNotIn(f"socket:[{os.fstat(given.fileno()).st_ino}]", about)
            self.stop(process)


class Activation(Case):
    def test_sockets_are_served_by_name_or_in_order(self):
        with listening() as one, listening() as other:
            ports = [s.getsockname()[1] for s in (one, other)]
            for sockets, names, expected in (((one, other), "listen:admin", ports), ((one, other), None, ports),
                                             ((one, other), "hotslotd.socket:hotslotd.socket", ports),
                                             ((one, other), "admin:listen", ports[::-1])):
                process = self.start(sockets=sockets, names=names)
                self.assertEqual([self.listen, self.admin], expected, names)
                self.assertEqual(self.ask(self.listen, "POST", "/t/t/echo", "x")[0], 200)
                self.assertEqual(self.ask(self.admin, "GET", "/healthz")[0], 200)
                self.stop(process)

    def test_one_socket_and_one_of_its_own(self):
        with listening() as given:
            port = given.getsockname()[1]
            process = self.start(sockets=[given], names="admin")
            self.assertEqual(self.admin, port)
            self.assertNotEqual(self.listen, port)
            self.stop(process)

    def test_who_came_before_the_start_is_answered(self):
        with listening() as given:
            answers = []
            early = threading.Thread(target=lambda: answers.append(self.ask(given.getsockname()[1], "POST", "/t/t/echo", "x")))
            early.start()
            process = self.start(sockets=[given])
            early.join(PATIENCE)
            self.assertEqual([a[0] for a in answers], [200])
            self.stop(process)

    def refused(self, made, names="listen"):
        process = self.start(sockets=made, names=names, expecting=0)
        self.assertEqual(process.wait(PATIENCE), 2)
        return self.read_log()

    def test_what_is_no_listening_socket(self):
        with socket.socket() as not_listening, socket.socket(type=socket.SOCK_DGRAM) as datagrams, \
                open("/dev/null", "rb") as null:
            for made, told in ((not_listening, "descriptor 3 does not listen"), (datagrams, "descriptor 3 is neither a TCP socket nor a unix one"),
                               (null, "descriptor 3 is no socket")):
                self.assertIn(told, self.refused([made]))

    def test_sockets_that_cannot_be_told_apart(self):
        with listening() as one, listening() as other, listening() as third:
            self.assertIn("LISTEN_FDS must be 1 or 2", self.refused([one, other, third], "a:b:c"))
            self.assertIn("LISTEN_FDNAMES must name", self.refused([one, other], "listen:other"))
            self.assertIn('2 sockets were handed down for "listen", which has 1 in the configuration',
                          self.refused([one, other], "listen:listen"))

    def test_a_unix_socket_has_a_file(self):
        with socket.socket(socket.AF_UNIX) as abstract:
            abstract.bind("\0hotslot-test-" + os.path.basename(self.folder))
            abstract.listen()
            self.assertIn("descriptor 3 is a unix socket without a file", self.refused([abstract]))

    def test_names_are_checked_where_browsers_can_ask(self):
        """Whatever the configuration says of another place."""
        path = os.path.join(self.folder, "admin.sock")
        self.configure(admin="unix:" + path)
        with listening() as admin:
            process = self.start(sockets=[admin], names="admin", expecting=0)
            while process.stdout.readline() != f"admin on http://127.0.0.1:{admin.getsockname()[1]}\n":
                self.assertIsNone(process.poll())
            with socket.create_connection(admin.getsockname(), timeout=PATIENCE) as caller:
                caller.sendall(b"GET /stats HTTP/1.1\r\nHost: rebound.example.org\r\n\r\n")
                self.assertIn(b" 421 ", caller.recv(100))
            self.stop(process)
        self.configure()
        with socket.socket(socket.AF_UNIX) as admin, socket.socket(socket.AF_UNIX) as caller:
            admin.bind(path)
            admin.listen()
            process = self.start(sockets=[admin], names="admin", expecting=0)
            while process.stdout.readline() != f"admin on unix:{path}\n":
                self.assertIsNone(process.poll())
            caller.settimeout(PATIENCE)
            caller.connect(path)
            caller.sendall(b"GET /stats HTTP/1.1\r\nHost: any.example.org\r\n\r\n")
            self.assertIn(b" 200 ", caller.recv(100))
            self.stop(process)

    def test_as_many_as_are_configured(self):
        path = os.path.join(self.folder, "calls.sock")
        self.configure(listen=["127.0.0.1:1", "unix:/nowhere"], admin=["127.0.0.1:2"])
        with listening() as calls, listening() as admin, socket.socket(socket.AF_UNIX) as local:
            local.bind(path)
            local.listen()
            process = self.start(sockets=[calls, admin, local], names="listen:admin:listen", expecting=0)
            ports = [s.getsockname()[1] for s in (calls, admin)]
            for told in (f"listening on http://127.0.0.1:{ports[0]}", f"listening on unix:{path}", f"admin on http://127.0.0.1:{ports[1]}"):
                self.assertEqual(process.stdout.readline(), told + "\n")
            self.assertEqual(self.ask(ports[0], "POST", "/t/t/echo", "x")[0], 200)
            with socket.socket(socket.AF_UNIX) as caller:
                caller.settimeout(PATIENCE)
                caller.connect(path)
                caller.sendall(b"GET /t/t/echo HTTP/1.0\r\n\r\n")
                self.assertEqual(caller.recv(12), b"HTTP/1.1 200")
            self.stop(process)
            self.assertTrue(os.path.exists(path)) # it is whose who made it


class Journal(Case):
    def test_lines_have_priorities_where_the_journal_reads_them(self):
        with open(self.log, "a+", encoding="utf-8") as log:
            there = os.fstat(log.fileno())
        process = self.start({"JOURNAL_STREAM": f"{there.st_dev}:{there.st_ino}"})
        self.stop(process)
        lines = self.read_log().splitlines()
        self.assertGreater(len(lines), 3)
        for line in lines:
            self.assertRegex(line, r"^(<6>level=info|<4>level=warn) msg=")

    def test_a_start_that_fails_is_an_error_there(self):
        self.configure(drain_grace_s=-1, max_body_bytes=0)
        with open(self.log, "a+", encoding="utf-8") as log:
            there = os.fstat(log.fileno())
        process = self.start({"JOURNAL_STREAM": f"{there.st_dev}:{there.st_ino}"}, expecting=0)
        self.assertEqual(process.wait(PATIENCE), 2)
        first, second = self.read_log().splitlines()
        self.assertTrue(first.startswith(f"<3>hotslotd: {self.config}: /"), first)
        self.assertTrue(second.startswith(f"<3>{self.config}: /"), second)

    def test_lines_have_the_time_elsewhere(self):
        self.stop(self.start({"JOURNAL_STREAM": "1:2"}))
        for line in self.read_log().splitlines():
            self.assertRegex(line, r"^time=\S+Z level=(info|warn) msg=")


class Units(unittest.TestCase):
    @unittest.skipUnless(UNITS, "no units are given")
    def test_14_29_the_locks_of_other_servers_outlive_this_one(self):
        """They are in /run/hotslot, whoever the server is."""
        with open(next(u for u in UNITS if u.endswith(".service")), encoding="utf-8") as unit:
            lines = unit.read().splitlines()
        if "RuntimeDirectory=hotslot" in lines:
            self.assertIn("RuntimeDirectoryPreserve=yes", lines)

    @unittest.skipUnless(shutil.which("systemd-analyze") and UNITS, "systemd-analyze is not here")
    def test_they_are_understood(self):
        folder = tempfile.mkdtemp(prefix="hotslot-units-")
        self.addCleanup(shutil.rmtree, folder)
        for unit in UNITS:  # with the program that was built, since none is installed
            with open(unit, encoding="utf-8") as text, open(os.path.join(folder, os.path.basename(unit)), "w",
                                                            encoding="utf-8") as out:
                out.write("".join(f"ExecStart={HOTSLOTD} --config /dev/null\n" if line.startswith("ExecStart=") else
                                  line for line in text))
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no",
                               *(os.path.join(folder, os.path.basename(u)) for u in UNITS)],
                              env=ENVIRONMENT, capture_output=True, text=True, timeout=PATIENCE, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main()
