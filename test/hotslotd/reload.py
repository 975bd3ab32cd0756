#!/usr/bin/env python3
"""What a reload puts in force, and whom it holds up.  Usage: reload.py HOTSLOTD TEST_FUNCTION"""

import http.client
import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest

from certificates import Certificates
from hotslotd import ENVIRONMENT, PATIENCE, Hotslotd, ask

FUNCTION = os.path.abspath(sys.argv.pop())
HOTSLOTD = os.path.abspath(sys.argv.pop())
DOCS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs")
RESTART = " has changed, which a restart would put in force"


def function(name, **more):
    return {"app": "t", "name": name, "trigger": "/" + name, "command": [FUNCTION, "echo"], "memory_mb": 16,
            "start_timeout_ms": PATIENCE * 1000} | more


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="hotslot-reload-")
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as out:
            out.write(text)

    def reload(self, server, **headers):
        status, _, body = ask(server.admin, "POST", "/admin/reload", headers=headers)
        return status, json.loads(body)


class Piped(Hotslotd):
    """Its configuration is a pipe: it has been read when `say` returns, and not before."""

    def __init__(self, folder, functions):
        super().__init__(HOTSLOTD, folder, functions, threads=1)
        with open(self.config, encoding="utf-8") as file:
            self.text = file.read()
        os.unlink(self.config)
        os.mkfifo(self.config)

    def start(self):
        teller = threading.Thread(target=self.say, daemon=True)
        teller.start()
        super().start()
        teller.join()

    def say(self, before=None):
        with open(self.config, "w", encoding="utf-8") as out:  # once it is being read
            if before:
                before()
            out.write(self.text)


class Pipes(Case):
    """What nobody writes would be waited for, for ever."""

    def fifo(self, name):
        os.mkfifo(self.path(name))
        return self.path(name)

    def test_that_nobody_writes_are_no_files(self):
        certificates = Certificates(self.folder)
        key = certificates.path("server.key")
        fifo = self.fifo("fifo")
        admins = {"token_file": {"token_file": fifo}, "certificate": {"tls": {"certificate": fifo, "key": key}},
                  "key": {"tls": {"certificate": certificates.path("server.pem"), "key": fifo}},
                  "client_ca": {"tls": {"certificate": certificates.path("server.pem"), "key": key, "client_ca": fifo}}}
        checks = []
        for name, admin in admins.items():
            self.write(name + ".json", json.dumps({"admin": {"address": "127.0.0.1:0"} | admin, "functions": []}))
            checks.append(self.path(name + ".json"))
        with Hotslotd(HOTSLOTD, self.folder, [function("f")]) as server:
            running = [subprocess.Popen([HOTSLOTD, "--check-config", "--config", config], env=ENVIRONMENT,
                                        stderr=subprocess.PIPE, text=True) for config in checks + [fifo]]
            os.unlink(server.config)
            os.mkfifo(server.config)
            self.assertEqual(self.reload(server), (422, {"message": server.config + ": cannot be read: it is a pipe, and "
                                                                    "did not come to its end in time"}))
            for check in running:
                self.assertIn("it is a pipe, and did not come to its end in time", check.communicate(timeout=PATIENCE)[1])
                self.assertEqual(check.returncode, 2)
            server.process.send_signal(signal.SIGHUP)  # and it ends nevertheless


class Others(Case):
    def test_14_19_are_served_while_thousands_of_functions_are_read(self):
        answers = []
        with Piped(self.folder, [function(f"f{n}") for n in range(8000)]) as server:
            reloading = threading.Thread(target=lambda: answers.append(self.reload(server)))

            def ask_others():
                answers.append(ask(server.admin, "GET", "/healthz")[0])
                answers.append(ask(server.port, "POST", "/t/t/f1", b"x")[0])

            reloading.start()
            server.say(ask_others)
            reloading.join()
        self.assertEqual(answers, [200, 200, (200, {"changes": []})])


def restart_rows():
    """Of the members of the configuration, all, and those that need a restart by its page."""
    with open(os.path.join(DOCS, "configuration.md"), encoding="utf-8") as file:
        table = file.read().partition("## The server")[2].partition("###")[0]
    members, restart = set(), set()
    for row in re.findall(r"^\| (`.*)$", table, re.MULTILINE):
        names = re.findall(r"`(\w+)`", row.partition("|")[0])
        members.update(names)
        if "*Restart*" in row:
            restart.update(names)
    return members, restart


class Members(Case):
    # Another value of each.
    OTHERS = {
        "listen": "127.0.0.1:1", "admin": "127.0.0.1:1", "resources": {"memory_mb": 1000}, "eviction": "cheapest",
        "socket_dir": "elsewhere", "max_body_bytes": 10, "max_header_bytes": 2000, "request_buffer_bytes": 10,
        "drain_grace_s": 7, "drain_delay_s": 8, "max_buffered_bytes": 100_000, "max_metric_keys": 10, "timeouts": {"idle_ms": 1000}, "detached": {"max_waiting": 1},
        "tracing": {"collector": "http://127.0.0.1:1"}, "isolation": {"max_files": 100},
        "underscores_in_headers": True, "trusted_proxies": ["10.0.0.1"],
        "function_log": {"to": "stdout"}, "access_log": {"to": "stdout"}, "functions": [function("g")],
    }

    def test_14_19_each_is_put_in_force_or_named(self):
        members, restart = restart_rows()
        self.assertEqual(set(self.OTHERS), members, "a member that is new belongs here, too")
        for member, value in self.OTHERS.items():
            with self.subTest(member), Hotslotd(HOTSLOTD, self.folder, [function("f")]) as server:
                server.write_config(**{"functions": [function("f")]} | {member: value})
                status, answer = self.reload(server)
                self.assertEqual(status, 200)
                self.assertTrue(answer["changes"])
                self.assertEqual(answer["changes"] == [member + RESTART], member in restart, answer)

    def test_14_19_the_pages_agree(self):
        with open(os.path.join(DOCS, "admin.md"), encoding="utf-8") as file:
            row = re.search(r"^\| (.*) \| nothing, until a restart; the answer says so \|$", file.read(), re.MULTILINE)
        self.assertEqual(set(re.findall(r"`(\w+)`", row[1])), restart_rows()[1])


class Transaction(Case):
    """All that changes, together with one thing that is wrong: nothing of it may be in force."""

    def setUp(self):
        super().setUp()
        self.certificates = Certificates(self.folder)
        self.write("tokens", "first\n")
        tls = {"certificate": "server.pem", "key": "server.key"}
        self.addresses = {"listen": {"address": "127.0.0.1:0", "tls": tls},
                          "admin": {"address": "127.0.0.1:0", "token_file": "tokens"}}

    def state(self, server):
        """What is in force, as far as anybody can see."""
        def seen(path):
            return json.loads(ask(server.admin, "GET", path, headers={"Authorization": "Bearer " + self.token})[2])

        stats = seen("/stats")
        context = ssl.create_default_context(cafile=self.path("ca.pem"))
        connection = http.client.HTTPSConnection("127.0.0.1", server.port, context=context, timeout=PATIENCE)
        connection.request("POST", "/t/t/stays", body=b"x")
        answer = connection.getresponse()
        answer.read()
        certificate = connection.sock.getpeercert()["serialNumber"]
        connection.close()
        return {"functions": sorted((q["name"], q["key"]) for q in stats["queues"]),
                "resources": stats.get("resources"), "certificate": certificate, "call": answer.status,
                "log": os.path.getsize(self.path("f.log")) > 0 if os.path.exists(self.path("f.log")) else None}

    def try_token(self, server, token):
        return ask(server.admin, "GET", "/stats", headers={"Authorization": "Bearer " + token})[0]

    def new_config(self, server, **wrong):
        functions = [function("stays", max_workers=3), function("another", config={"A": "b"}), function("new")]
        server.write_config(functions + wrong.pop("functions", []),
                            **self.addresses | {"resources": {"memory_mb": 500}, "detached": {"max_waiting": 2}} | wrong)

    def faults(self, server):
        """Each makes another step of a reload fail, until it is taken back: what is told, damage, repair."""
        def breaking(name):
            def damage():
                os.rename(self.path(name), self.path(name + ".kept"))
                self.write(name, "\x01")
                self.new_config(server)
            return damage, lambda: os.rename(self.path(name + ".kept"), self.path(name))

        def config(**wrong):
            return lambda: self.new_config(server, **wrong), lambda: None

        def block_log():
            os.unlink(self.path("logs/own.log"))
            os.rmdir(self.path("logs"))
            self.write("logs", "")
            self.new_config(server)

        self.write("no-folder", "")
        yield "malformed JSON", lambda: self.write("hotslot.json", "{"), lambda: None
        yield "/drain_grace_s: ", *config(drain_grace_s=-1)
        yield "server.pem as the certificate", *breaking("server.pem")
        yield "server.key as the certificate's key", *breaking("server.key")
        yield "tokens as a file of tokens", *breaking("tokens")
        yield "function t/w: /none is no directory", *config(functions=[function("w", isolation={"sandbox": "oci", "bundle": "/none",
                                                                       "runtime": "/none/runtime"})])
        yield "no-folder/f", *config(functions=[function("w", function_log={"to": "file", "file": "no-folder/f"})])
        yield "with the access_log that is in force until a restart: /access_log/file: ", *config(
            functions=[function("w", function_log={"to": "file", "file": "access.log", "max_bytes": 10})],
            access_log={"to": "file", "file": "access.log", "max_bytes": 10})
        yield "logs/own.log", block_log, lambda: os.unlink(self.path("logs"))

    def test_14_19_a_step_that_fails_leaves_all_as_it_is(self):
        config = self.addresses | {"access_log": {"to": "file", "file": "access.log"}}
        functions = [function("stays", function_log={"to": "file", "file": "logs/own.log"}), function("another"),
                     function("old")]
        with Hotslotd(HOTSLOTD, self.folder, functions, **config) as server:
            self.token = "first"
            before = self.state(server)
            self.certificates.issue("server", "second")
            self.write("tokens", "second\n")
            for told, damage, repair in self.faults(server):
                with self.subTest(told):
                    damage()
                    status, answer = self.reload(server, Authorization="Bearer first")
                    self.assertEqual(status, 422, answer)
                    self.assertIn(told, answer["message"])
                    self.assertEqual(self.state(server), before)
                    self.assertEqual((self.try_token(server, "first"), self.try_token(server, "second")), (200, 401))
                    repair()
            self.new_config(server)
            status, answer = self.reload(server, Authorization="Bearer first")
            self.assertEqual(status, 200, answer)
            self.assertEqual(sorted(answer["changes"]), sorted([
                "access_log" + RESTART, "resources have changed", "detached has changed", "function t/old is gone",
                "function t/stays has changed; its workers stay", "function t/another has changed; it gets new workers",
                "function t/new is new", f"the certificate of 127.0.0.1:{server.port} has changed",
                f"the tokens of 127.0.0.1:{server.admin} have changed"]))
            self.assertEqual((self.try_token(server, "first"), self.try_token(server, "second")), (401, 200))
            self.token = "second"
            after = self.state(server)
            self.assertEqual([name for name, _ in after["functions"]], ["another", "new", "stays"])
            self.assertNotEqual(after["certificate"], before["certificate"])
            self.assertEqual(after["call"], 200)


if __name__ == "__main__":
    unittest.main()
