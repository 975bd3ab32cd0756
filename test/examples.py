#!/usr/bin/env python3
"""Runs the examples as their readers would.  Usage: examples.py FOLDER"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest
import urllib.request

FOLDER = sys.argv.pop()

# Debian's redis-tools has the server's program too, by the second name, and starts no service.
REDIS = shutil.which("redis-server") or shutil.which("redis-check-rdb")


class Server:
    """An example that serves until SIGTERM, and says where in its first line."""

    def __init__(self, name):
        self.process = subprocess.Popen([os.path.join(FOLDER, name)], stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().split()[-1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(30)
        self.process.stdout.close()
        assert code == 0, f"exit code {code}"

    def ask(self, body=None, path=""):
        with urllib.request.urlopen(self.url + path, body, timeout=30) as answer:
            return answer.read()


class RedisServer:
    """A real server on a socket in `folder`, which keeps nothing when it is killed."""

    def __init__(self, folder):
        self.folder = folder
        self.address = os.path.join(folder, "redis.sock")

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.kill()

    def start(self):
        self.process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.address, "--save", "", "--appendonly", "no"],
            executable=REDIS, cwd=self.folder, env={"LC_ALL": "C"}, stdout=subprocess.PIPE, text=True)
        for line in self.process.stdout:
            if "ready to accept connections" in line.lower(): # 7 writes it small, 8 not
                return
        raise RuntimeError(f"redis-server ended with {self.process.wait()}")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class RedisClient:
    def __init__(self, server):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(server.address)
            self.stream = s.makefile("rw", newline="\r\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()

    def ask(self, command):
        self.stream.write(command + "\r\n")
        self.stream.flush()
        answer = self.stream.readline()
        return self.stream.read(int(answer[1:]) + 2) if answer.startswith("$") else answer

    def hold_writes(self):
        assert self.ask("CLIENT PAUSE 3600000 WRITE") == "+OK\r\n"

    def wait_until_held(self, n):
        while f"blocked_clients:{n}\r" not in self.ask("INFO clients"):
            pass


class RedisPool:
    """The example with 32 callers for each key."""

    def __init__(self, address):
        self.process = subprocess.Popen([os.path.join(FOLDER, "redis_pool"), address, "32"], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        code = self.process.wait(30)
        self.process.stdout.close()
        assert code == 0, f"exit code {code}"

    def increment(self, key):
        self.process.stdin.write(key + "\n")
        self.process.stdin.flush()

    def wait_for(self, pattern):
        for line in self.process.stdout:
            if re.match(pattern, line):
                return line.strip()
        raise AssertionError(f"ended before it said {pattern}")


class Examples(unittest.TestCase):
    def output(self, name):
        return subprocess.run([os.path.join(FOLDER, name)], stdout=subprocess.PIPE, text=True, timeout=30,
                              check=True).stdout.splitlines()

    def test_checkout(self):
        self.assertEqual(self.output("checkout"), ["engine 1: 1", "engine 1: 4", "engine 1: 9", "engine 1 closed"])

    def test_deadline(self):
        self.assertEqual(self.output("deadline"),
                         ["first: all are busy, come again: no slot became free before the deadline",
                          "second: not even let in: too many callers wait",
                          "third: 49",
                          "fourth: nothing to come back for soon: Connection refused"])

    def test_dequeuer(self):
        self.assertEqual(self.output("dequeuer"),
                         ["offered v3", "offered v1", "engine v1 closed", "ejected: true, still to be had: false",
                          "offered v2", "acquired v2", "dropped, so to be had by others: v3",
                          "after the cancellation: false", "engine v3 closed", "engine v2 closed"])

    def test_http_pool(self):
        with Server("http_pool") as server:
            self.assertEqual(server.ask(b"warm"), b"mraw")
            self.assertEqual(server.ask(b"again"), b"niaga")

    @unittest.skipUnless(os.path.exists(os.path.join(FOLDER, "redis_pool")), "built without hiredis")
    @unittest.skipUnless(REDIS, "no redis-server")
    def test_redis_pool(self):
        with tempfile.TemporaryDirectory() as folder, RedisServer(folder) as server, \
                RedisPool(server.address) as pool:
            with RedisClient(server) as client:  # all four connections are made, and all are busy
                client.hold_writes()
                pool.increment("apples")
                client.wait_until_held(4)
                client.ask("CLIENT UNPAUSE")
            self.assertEqual(pool.wait_for("apples"),
                             "apples: 32 counted, 0 refused, 0 unsure; the server has 32; 4 connections kept")

            server.kill()  # while they are idle: none of them is used again
            for _ in range(4):
                pool.wait_for("a connection has ended")
            pool.increment("pears")
            self.assertIn("Connection refused", pool.wait_for("cannot connect"))
            server.start()
            self.assertRegex(pool.wait_for("pears"), "32 counted, 0 refused, 0 unsure; the server has 32;")

            with RedisClient(server) as client:
                client.hold_writes()
                pool.increment("plums")
                client.wait_until_held(4)
            server.kill()  # with a call under way on each: those four are not repeated, the others are served
            server.start()
            self.assertRegex(pool.wait_for("plums"), "28 counted, 0 refused, 4 unsure; the server has 28;")

    def test_stats_mounted(self):
        with Server("stats_mounted") as server:
            for n in range(1, 4):
                self.assertEqual(server.ask(), b"49")
                queue, = json.loads(server.ask(path="internal/hotslot/stats"))["queues"]
                self.assertEqual(queue["totals"]["acquired"], n)
            self.assertEqual(queue["totals"]["launched"], 1)
            self.assertIn(b'hotslot_slots_acquired_total{app="example"', server.ask(path="internal/hotslot/metrics"))

    def test_stats_server(self):
        with Server("stats_server") as server:
            while True:  # until the program's own work has begun
                queue, = json.loads(server.ask(path="stats"))["queues"]
                if queue["totals"]["acquired"] > 1:
                    break
            self.assertEqual(queue["name"], "engines")
            self.assertEqual(queue["totals"]["launched"], 1)
            self.assertIn(b"hotslot_run_seconds_bucket", server.ask(path="metrics"))
            self.assertEqual(len(json.loads(server.ask(path="stats/engines"))["workers"]), 1)
            with urllib.request.urlopen(server.url + "stats/stream?interval_ms=100", timeout=30) as stream:
                events = [line for line in (stream.readline() for _ in range(9)) if line.startswith(b"data: ")]
            counts = [json.loads(e[6:])["totals"]["acquired"] for e in events]
            self.assertEqual(len(counts), 3)
            self.assertLess(counts[0], counts[2])

    def test_keys(self):
        self.assertEqual(self.output("keys"),
                         ["loading small", "small: 4 words", "small: 2 words", "loading large", "large: 4 words",
                          "800 MB of 1000 taken", "huge: there is no model huge"])

    def test_two_pools(self):
        self.assertEqual(self.output("two_pools"),
                         ["east won",
                          "after the first race: east has 0 idle, 1 busy; west has 1 idle, 0 busy",
                          "west won",
                          "after the second: east has 0 idle, 1 busy; west has 0 idle, 1 busy",
                          "after the calls: east has 1 idle, 0 busy; west has 1 idle, 0 busy"])


if __name__ == "__main__":
    unittest.main()
