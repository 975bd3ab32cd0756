#!/usr/bin/env python3
"""Runs the examples as their readers would.  Usage: examples.py FOLDER"""

import json
import os
import signal
import subprocess
import sys
import unittest
import urllib.request

FOLDER = sys.argv.pop()


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

    def ask(self, body=None):
        with urllib.request.urlopen(self.url, body, timeout=30) as answer:
            return answer.read()


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

    def test_stats_beside(self):
        with Server("stats_beside") as server:
            while True:  # until the program's own work has begun
                queue, = json.loads(server.ask())["queues"]
                if queue["totals"]["acquired"] > 1:
                    break
            self.assertEqual(queue["name"], "engines")
            self.assertEqual(queue["totals"]["launched"], 1)

    def test_two_pools(self):
        self.assertEqual(self.output("two_pools"),
                         ["east won",
                          "after the first race: east has 0 idle, 1 busy; west has 1 idle, 0 busy",
                          "west won",
                          "after the second: east has 0 idle, 1 busy; west has 0 idle, 1 busy",
                          "after the calls: east has 1 idle, 0 busy; west has 1 idle, 0 busy"])


if __name__ == "__main__":
    unittest.main()
