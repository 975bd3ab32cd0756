#!/usr/bin/env python3
"""What hotslotd does where the machine has no descriptor, process or disk for it: 503 for what cannot be had, the rest
is served, and all of it again as soon as it can.  Usage: exhaustion.py HOTSLOTD TEST_FUNCTION"""

import contextlib
import http.client
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

from hotslotd import ENVIRONMENT, PATIENCE, Hotslotd, ask

FUNCTION = os.path.abspath(sys.argv.pop())
HOTSLOTD = os.path.abspath(sys.argv.pop())
ROOT = os.geteuid() == 0
NOBODY = 65534


class Server(Hotslotd):
    def __init__(self, folder, functions, before=None, **more):
        super().__init__(HOTSLOTD, folder, [
            {"app": "t", "name": name, "command": [FUNCTION, mode], "memory_mb": 16, "wait_timeout_s": 10,
             "idle_timeout_s": 300, "isolation": {"user": "server"}} for name, mode in functions.items()], before, **more)

    def call(self, name):
        return ask(self.port, "POST", "/invoke/t/" + name, "{}")[0]

    def wait_for(self, name, status):
        """A start that failed is tried again after a pause, so it may take some calls."""
        for _ in range(1000):
            if self.call(name) == status:
                return
        raise AssertionError(f"{name} never answered {status}")


class Exhaustion(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="hotslot-exhaustion-")
        os.chmod(self.folder, 0o755)
        self.addCleanup(shutil.rmtree, self.folder)

    @contextlib.contextmanager
    def crowded_server(self):
        """One that has no descriptor left until the block has ended, and a connection to it from before."""
        limit = 64
        with Server(self.folder, {"early": "echo", "late": "echo"},
                    lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)),
                    listen={"address": "127.0.0.1:0", "max_connections": 1000}) as server:
            server.log.wait("more connections are allowed than there are descriptors")
            self.assertEqual(server.call("early"), 200)
            kept = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
            kept.request("POST", "/invoke/t/early", "{}")
            self.assertEqual((kept.getresponse().read() != b"", kept.sock is not None), (True, True))
            others = [socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) for _ in range(2 * limit)]
            self.wait_until_full(server, limit)
            yield kept
            kept.close()
            for other in others:
                other.close()
            server.wait_for("late", 200)
            server.wait_for("early", 200)

    def wait_until_full(self, server, limit):
        folder = f"/proc/{server.process.pid}/fd"
        for _ in range(100_000):
            if len(os.listdir(folder)) >= limit:
                return
        raise AssertionError("the server still has descriptors")

    def test_descriptors(self):
        with self.crowded_server() as kept:
            kept.request("POST", "/invoke/t/early", "{}")  # it needs nothing new
            self.assertEqual(kept.getresponse().status, 200)

    def test_silent_callers_keep_nobody_out(self):
        """17.2: neither from the admin address, nor from a worker, nor from those who say something."""
        with Server(self.folder, {"early": "echo", "late": "echo"},
                    lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))) as server:
            with contextlib.ExitStack() as silent:
                for port in [server.port] * 160 + [server.admin] * 160:
                    silent.enter_context(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE))
                for _ in range(3):
                    self.assertEqual(ask(server.admin, "GET", "/healthz")[0], 200)
                    self.assertEqual(server.call("early"), 200)
                self.assertEqual(server.call("late"), 200)
            self.assertEqual(server.call("early"), 200)

    def test_no_descriptor_for_a_worker(self):
        with self.crowded_server() as kept:
            kept.request("POST", "/invoke/t/late", "{}")
            answer = kept.getresponse()
            answer.read()
            self.assertEqual(answer.status, 503)

    @unittest.skipUnless(ROOT, "takes a user that has no processes yet")
    def test_processes(self):
        os.chmod(self.folder, 0o777)

        def become_one_of_few():
            resource.setrlimit(resource.RLIMIT_NPROC, (64, 64))
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)

        # Its copy, since a build may lie where only root can get.
        global HOTSLOTD, FUNCTION
        before = HOTSLOTD, FUNCTION
        for program in before:
            shutil.copy(program, self.folder)
        HOTSLOTD, FUNCTION = (os.path.join(self.folder, os.path.basename(program)) for program in before)
        try:
            with Server(self.folder, {"early": "echo", "late": "echo"}, become_one_of_few) as server:
                self.assertEqual(server.call("early"), 200)
                crowd = self.crowd()
                self.assertEqual(server.call("early"), 200)
                self.assertEqual(server.call("late"), 503)
                crowd.kill()
                crowd.communicate()
                server.wait_for("late", 200)
        finally:
            HOTSLOTD, FUNCTION = before

    def crowd(self):
        """Processes of the same user, as many as there may be, which end with the first of them."""
        script = ("import os, resource, sys, signal, ctypes\n"
                  "resource.setrlimit(resource.RLIMIT_NPROC, (64, 64))\n"
                  f"os.setgroups([]); os.setresgid({NOBODY}, {NOBODY}, {NOBODY})\n"
                  f"os.setresuid({NOBODY}, {NOBODY}, {NOBODY})\n"
                  "read, write = os.pipe()\n"
                  "try:\n"
                  "    while True:\n"
                  "        if os.fork() == 0:\n"
                  "            os.close(write); os.read(read, 1); os._exit(0)\n"
                  "except BlockingIOError:\n"
                  "    print('full', flush=True)\n"
                  "signal.pause()\n")
        crowd = subprocess.Popen(["/usr/bin/python3", "-c", script], env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
        self.addCleanup(crowd.kill)
        self.assertEqual(crowd.stdout.readline(), "full\n")
        return crowd

    @unittest.skipUnless(ROOT, "takes a file system of its own")
    def test_disk_of_the_socket_directory(self):
        sockets = os.path.join(self.folder, "sockets")
        os.mkdir(sockets)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,nr_inodes=12,mode=0700", "tmpfs", sockets],
                                 env=ENVIRONMENT, stderr=subprocess.DEVNULL, check=False)
        if mounted.returncode != 0:
            self.skipTest("nothing may be mounted here")
        self.addCleanup(subprocess.run, ["umount", sockets], env=ENVIRONMENT, check=True)
        with Server(self.folder, {"early": "echo", "late": "echo"}, socket_dir=sockets) as server:
            self.assertEqual(server.call("early"), 200)
            filled = self.fill(sockets)
            self.assertEqual(server.call("early"), 200)
            self.assertEqual(server.call("late"), 503)
            for path in filled:
                os.unlink(path)
            server.wait_for("late", 200)

    def fill(self, folder):
        filled = []
        try:
            while True:
                path = os.path.join(folder, f"full-{len(filled)}")
                with open(path, "wb"):
                    filled.append(path)
        except OSError:
            return filled


if __name__ == "__main__":
    unittest.main()
