#!/usr/bin/env python3
"""Logs of functions and of calls.  Usage: logs.py HOTSLOTD TEST_FUNCTION [NODE HELLO_DIRECTORY]"""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from hotslotd import ENVIRONMENT, PATIENCE, Hotslotd, ask

HELLO = os.path.abspath(sys.argv.pop()) if os.path.isdir(sys.argv[-1]) else None
NODE = os.path.abspath(sys.argv.pop()) if HELLO else None
FUNCTION = os.path.abspath(sys.argv.pop())
HOTSLOTD = os.path.abspath(sys.argv.pop())
FDK = HELLO and os.path.join(HELLO, "node_modules", "@fnproject", "fdk")
FIELD = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)')


def fields(line):
    """Of a line as the logs have it; quoted values without their quotes."""
    return {name: value[1:-1] if value.startswith('"') else value for name, value in FIELD.findall(line)}


class Server(Hotslotd):
    def __init__(self, folder, functions=None, **config):
        super().__init__(HOTSLOTD, folder, functions or [function("talk")], **config)

    def call(self, body="", path="/t/t/talk", method="POST"):
        """The status and the call's id."""
        status, headers, _ = ask(self.port, method, path, body.encode())
        return status, headers["Fn-Call-Id"]

    def metric(self, name):
        """The sum of its samples."""
        text = ask(self.admin, "GET", "/metrics")[2].decode()
        return sum(int(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name))

    def reload(self):
        status, _, body = ask(self.admin, "POST", "/admin/reload")
        return status, body.decode()


def function(name, **more):
    return {"app": "t", "name": name, "trigger": "/" + name, "command": [FUNCTION, name], "memory_mb": 16,
            "start_timeout_ms": PATIENCE * 1000} | more


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="hotslot-logs-")
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read().splitlines()

    def wait_in_file(self, name, text, count=1):
        """As `Lines.wait`. A file tells nobody that it has grown."""
        late = time.monotonic() + PATIENCE
        while True:
            found = [line for line in self.read(name) if text in line] if os.path.exists(self.path(name)) else []
            if len(found) >= count:
                return found
            assert time.monotonic() < late, f"{text} is not in {name}"
            time.sleep(0.01)


class Functions(Case):
    def test_lines_carry_their_calls(self):
        """Four callers at once, however fast calls follow each other on a worker, and however late it is read."""
        for to in ({}, {"to": "stdout"}, {"to": "file", "file": "f.log"}):
            with self.subTest(to), Server(self.folder, function_log=to) as server:
                calls = {}

                def call(caller):
                    for n in range(50):
                        status, call_id = server.call(f"from {caller}, {n}")
                        assert status == 200
                        calls[call_id] = f"{call_id} from {caller}, {n}"

                threads = [threading.Thread(target=call, args=(name,)) for name in range(4)]
                for t in threads:
                    t.start()
                for t in threads:
                    t.join()
                self.assertEqual(len(calls), 200)
            lines = self.read("f.log") if to.get("to") == "file" else (server.out if to else server.log).all
            written = [fields(line) for line in lines if "stream=" in line]
            self.assertEqual(sorted((f["call"], f["line"]) for f in written),
                             sorted([*calls.items(), *zip(calls, calls)]))
            self.assertEqual({(f["app"], f["fn"]) for f in written}, {("t", "talk")})
            self.assertEqual({f["stream"] for f in written if " " in f["line"]}, {"stdout"})

    def check_order(self, name, command, said):
        """On one worker, by what it has written when a call begins, and by frames."""
        for frames in (False, True):
            functions = [{"app": "t", "name": name, "trigger": "/" + name, "command": command, "max_workers": 1,
                          "start_timeout_ms": PATIENCE * 1000, "function_log": {"to": "stdout", "frames": frames}}]
            with self.subTest(frames=frames), Server(self.folder, functions) as server:
                connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
                ids = []
                for n in range(200):
                    connection.request("POST", f"/t/t/{name}", body=str(n))
                    answer = connection.getresponse()
                    answer.read()
                    self.assertEqual(answer.status, 200)
                    ids.append(answer.headers["Fn-Call-Id"])
                connection.close()
                server.out.wait(said(ids[-1], 199))
                lines = [fields(line) for line in server.out.matching("stream=stdout")]
                self.assertEqual([(f["call"], f["line"]) for f in lines if f["call"]],
                                 [(call_id, said(call_id, n)) for n, call_id in enumerate(ids)])

    def test_calls_one_after_another(self):
        self.check_order("talk", [FUNCTION, "talk"], lambda call_id, n: f"{call_id} {n}")

    @unittest.skipUnless(FDK and os.path.isdir(FDK), "needs node, and npm ci in the sample function's folder")
    def test_the_node_fdk(self):
        with open(self.path("func.js"), "w", encoding="utf-8") as out:
            out.write(f"const fdk = require({json.dumps(FDK)})\n"
                      "fdk.handle(input => { console.log('said ' + input); return 'ok' })\n")
        self.check_order("js", [NODE, "func.js"], lambda call_id, n: f"said {n}")

    def test_a_call_that_writes_too_much(self):
        with Server(self.folder, function_log={"to": "stdout", "max_bytes_per_call": 1000}) as server:
            calls = [server.call("\n".join("x" * 99 for _ in range(50)))[1] for _ in range(2)]
            server.out.wait("output cut", len(calls))

            def written():
                return [f for f in map(fields, server.out.matching("call=")) if not f["line"].startswith("output cut")]

            late = time.monotonic() + PATIENCE
            while len(written()) + server.metric("hotslotd_function_log_dropped_lines_total") != 51 * len(calls):
                assert time.monotonic() < late
            cut = [fields(line) for line in server.out.matching("output cut")]
            self.assertEqual([f["call"] for f in cut], calls)
            self.assertIn("more than 1000 bytes", cut[0]["line"])
            for call_id in calls:
                own = [f["line"] for f in written() if f["call"] == call_id]
                self.assertIn(len(own), (9, 10))  # with or without what it wrote to standard error
                self.assertLessEqual(sum(len(line) + 1 for line in own), 1000)


class Files(Case):
    def test_rotation(self):
        to = {"to": "file", "file": "f.log", "max_bytes": 2000, "keep": 2}
        with Server(self.folder, function_log=to) as server:
            ids = [server.call("x" * 200)[1] for _ in range(40)]
            self.wait_in_file("f.log", f"line={ids[-1]}")
        self.assertEqual(sorted(n for n in os.listdir(self.folder) if n.startswith("f.")),
                         ["f.1.log", "f.2.log", "f.log"])
        for name in ("f.log", "f.1.log", "f.2.log"):
            self.assertLessEqual(os.path.getsize(self.path(name)), 2000)

    def test_reopening(self):
        """As logrotate does it: by SIGHUP, and by a reload."""
        config = {"function_log": {"to": "file", "file": "f.log"}, "access_log": {"to": "file", "file": "a.log"}}
        with Server(self.folder, **config) as server:
            for n, again in enumerate((lambda: server.process.send_signal(signal.SIGHUP), server.reload), 1):
                before = server.call("x")[1]
                self.wait_in_file("f.log", before, 2)  # of either output
                self.wait_in_file("a.log", "POST", 1)
                for name in ("f.log", "a.log"):
                    os.rename(self.path(name), self.path(name + ".old"))
                again()
                server.log.wait("msg=reloaded", n)
                after = server.call("x")[1]
                self.wait_in_file("f.log", after, 2)
                self.wait_in_file("a.log", "POST", 1)
                self.assertFalse([line for line in self.read("f.log") if before in line])
                self.assertFalse([line for line in self.read("f.log.old") if after in line])

    def test_a_change_is_put_in_force(self):
        with Server(self.folder) as server:
            server.call("x")
            server.write_config([function("talk")], function_log={"to": "file", "file": "f.log"}, access_log={})
            status, body = server.reload()
            self.assertEqual((status, json.loads(body)["changes"]),
                             (200, ["access_log has changed, which a restart would put in force",
                                    "function t/talk has changed; its workers stay"]))
            call_id = server.call("x")[1]
            self.wait_in_file("f.log", f"line={call_id}")

    def test_a_file_that_cannot_be_written_changes_nothing(self):
        """But those that were moved away are begun anew."""
        with Server(self.folder, function_log={"to": "file", "file": "f.log"}) as server:
            open(self.path("no-folder"), "w", encoding="utf-8").close()
            server.call("x")
            self.wait_in_file("f.log", "line=")
            os.rename(self.path("f.log"), self.path("moved.log"))
            server.write_config([function("talk")], function_log={"to": "file", "file": "no-folder/f.log"})
            status, body = server.reload()
            self.assertEqual(status, 422)
            self.assertIn("no-folder/f.log", body)
            call_id = server.call("x")[1]
            self.wait_in_file("f.log", f"line={call_id}")
        started = subprocess.run([HOTSLOTD, "--config", server.config], env=ENVIRONMENT, capture_output=True, text=True,
                                 timeout=PATIENCE, check=False)
        self.assertEqual(started.returncode, 2)
        self.assertIn("no-folder/f.log", started.stderr)


class Unread(Server):
    """Nobody reads what it says, but for its addresses, before `read_now`."""

    def read_on(self):
        pass

    def read_now(self):
        super().read_on()

    def wait(self):
        if not self.readers:
            self.read_now()
        return super().wait()

    def lost(self, output):
        return self.metric(f'hotslotd_log_lost_lines_total{{output="{output}"}}')

    def fill(self, output):
        """More than the pipe and the queue take."""
        while self.lost(output) == 0:
            assert self.call("\n".join("x" * 7000 for _ in range(140)))[0] == 200


class Readers(Case):
    """Of standard output and standard error."""

    OUTPUTS = {"stderr": {}, "stdout": {"function_log": {"to": "stdout"}, "access_log": {"to": "stdout"}}}

    def test_14_16_one_that_stalls_holds_nobody_up(self):
        for output, config in self.OUTPUTS.items():
            with self.subTest(output), Unread(self.folder, **config) as server:
                server.fill(output)
                self.assertEqual(ask(server.admin, "GET", "/healthz")[0], 200)
                self.assertEqual(server.call("x")[0], 200)
                server.terminate()
                self.assertEqual(server.process.wait(PATIENCE), 0)

    def test_14_16_one_that_reads_again_is_told_what_it_has_missed(self):
        with Unread(self.folder) as server:
            server.fill("stderr")
            server.read_now()
            late = time.monotonic() + PATIENCE
            while not server.log.matching("lines of this log were lost"):  # after the first line that finds room
                assert server.call("x")[0] == 200 and time.monotonic() < late
        lines = server.log.all
        self.assertTrue(all(line.startswith("time=") for line in lines))
        told = sum(int(fields(line)["lines"]) for line in lines if "lines of this log were lost" in line)
        self.assertGreater(told, 0)

    def test_14_16_lines_that_nobody_can_read_any_more_are_counted(self):
        with Unread(self.folder, access_log={"to": "stdout"}) as server:
            server.process.stdout.close()
            server.process.stdout = open(os.devnull, encoding="utf-8")
            for _ in range(3):
                server.call("x")
            late = time.monotonic() + PATIENCE
            while server.lost("stdout") < 3:
                assert time.monotonic() < late
            log = server.process.stderr
            while "a log cannot be written" not in (line := log.readline()):
                pass
            self.assertEqual(fields(line)["output"], "stdout")

    def test_14_16_a_crash_loses_no_line(self):
        server = Unread(self.folder)
        server.start()
        for _ in range(2):
            self.assertEqual(server.call("\n".join("x" * 7000 for _ in range(140)))[0], 200)
        self.assertEqual(ask(server.admin, "POST", "/admin/recycle/t/talk")[0], 202)  # is logged at once
        server.process.send_signal(signal.SIGABRT)
        server.read_now()
        self.assertEqual(server.process.wait(PATIENCE), -signal.SIGABRT)
        for reader in server.readers:
            reader.join()
        self.assertTrue(server.log.matching("msg=recycling"))
        self.assertTrue(server.log.all[-2].startswith("time="))
        self.assertEqual(server.log.all[-1], f"level=critical msg=failed signal={signal.SIGABRT:02}")

    def test_14_16_a_start_that_fails_says_why_at_last(self):
        with Server(self.folder, listen="127.0.0.1:0") as server:
            taken = server.port
            started = subprocess.run([HOTSLOTD, "--config", server.config, "--listen", f"127.0.0.1:{taken}"],
                                     env=ENVIRONMENT, capture_output=True, text=True, timeout=PATIENCE, check=False)
        self.assertEqual(started.returncode, 2)
        lines = started.stderr.splitlines()
        self.assertTrue(lines[-1].startswith("hotslotd: "), lines)
        self.assertTrue(all(line.startswith("time=") for line in lines[:-1]), lines)

    def test_14_16_a_log_that_is_a_pipe_is_refused(self):
        os.mkfifo(self.path("pipe"))
        Server(self.folder, function_log={"to": "file", "file": "pipe"})
        started = subprocess.run([HOTSLOTD, "--config", self.path("hotslot.json")], env=ENVIRONMENT,
                                 capture_output=True, text=True, timeout=PATIENCE, check=False)
        self.assertEqual(started.returncode, 2)
        self.assertIn("pipe is no file", started.stderr)


RFC5424 = re.compile(r"<(?P<pri>\d{1,3})>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (?P<host>\S+) hotslotd "
                     r"(?P<pid>\d+) (?P<kind>\w+) (?P<data>-|\[hotslot@32473(?: \w+=\"(?:[^\"\\\]]|\\.)*\")*\]) "
                     r"(?P<text>.*)", re.DOTALL)


class Syslog(Case):
    def check(self, message, call_id, text):
        m = RFC5424.fullmatch(message.decode())
        self.assertTrue(m, message)
        self.assertEqual((m["pri"], m["kind"], m["text"]), (str(16 * 8 + 6), "output", f"{call_id} {text}"))
        data = fields(m["data"].strip("[]"))
        self.assertEqual((data["app"], data["fn"], data["call"], data["stream"]), ("t", "talk", call_id, "stdout"))
        self.assertTrue(data["worker"].isdigit())

    def check_datagrams(self, peer, address):
        peer.settimeout(PATIENCE)
        with Server(self.folder, function_log={"to": "syslog", "address": address, "facility": "local0"}) as server:
            for _ in range(3):
                call_id = server.call("says é")[1]
                both = sorted((peer.recv(1 << 16), peer.recv(1 << 16)), key=lambda m: b"stderr" in m)
                m = RFC5424.fullmatch(both[0].decode())
                self.assertEqual(m["text"], f"\ufeff{call_id} says é")
                self.assertTrue(both[1].startswith(b"<131>1 "))
                call_id = server.call("says")[1]
                both = sorted((peer.recv(1 << 16), peer.recv(1 << 16)), key=lambda m: b"stderr" in m)
                self.check(both[0], call_id, "says")

    def test_udp(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.bind(("127.0.0.1", 0))
            self.check_datagrams(peer, f"udp://127.0.0.1:{peer.getsockname()[1]}")

    def test_unix(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as peer:
            peer.bind(self.path("log"))
            self.check_datagrams(peer, "unix:" + self.path("log"))

    @staticmethod
    def read_frame(stream):
        size = b""
        while (byte := stream.read(1)) not in (b" ", b""):
            size += byte
        return stream.read(int(size or b"0"))

    def test_tcp_and_a_peer_that_comes_back(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(PATIENCE)
            address = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
            to = {"to": "syslog", "address": address, "facility": "local0"}
            with Server(self.folder, function_log=to) as server:
                for _ in range(2):
                    call_id = server.call("says")[1]
                    connection = listener.accept()[0]
                    connection.settimeout(PATIENCE)
                    with connection, connection.makefile("rb") as stream:
                        both = sorted((self.read_frame(stream), self.read_frame(stream)), key=lambda m: b"stderr" in m)
                        self.check(both[0], call_id, "says")

    def time_of_calls(self, server):
        begun = time.monotonic()
        for _ in range(50):
            self.assertEqual(server.call("x" * 4000)[0], 200)
        return time.monotonic() - begun

    def test_a_peer_that_does_not_read_holds_no_call_up(self):
        with Server(self.folder) as server:
            server.call()
            usual = self.time_of_calls(server)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            address = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
            to = {"to": "syslog", "address": address, "queue_bytes": 65536, "max_bytes_per_call": 1 << 24}
            with Server(self.folder, function_log=to) as server:
                self.fill(server)
                self.assertLess(self.time_of_calls(server), 10 * usual + 1)
                server.log.wait("too many wait")
                connection = listener.accept()[0]
                with connection:  # reads all of it at last
                    connection.settimeout(PATIENCE)
                    reader = threading.Thread(target=self.drain, args=(connection,))
                    reader.start()
                    told = server.log.wait("syslog server has everything")[0]
                    dropped = int(fields(told)["dropped"])
                    self.assertGreater(dropped, 0)
                    self.assertLessEqual(dropped, server.metric("hotslotd_log_lost_lines_total"))  # and later ones
                    connection.shutdown(socket.SHUT_RDWR)
                    reader.join()

    @staticmethod
    def fill(server):
        """More than all buffers between take."""
        while not server.log.matching("too many wait"):
            assert server.call("\n".join("x" * 7000 for _ in range(140)))[0] == 200

    @staticmethod
    def drain(connection):
        try:
            while connection.recv(1 << 16):
                pass
        except OSError:  # shut down, or the server has ended
            pass

    def test_a_peer_that_is_not_there(self):
        for kind in ("tcp://127.0.0.1:1", "udp://127.0.0.1:1", "unix:" + self.path("nobody")):
            to = {"to": "syslog", "address": kind, "queue_bytes": 65536}
            with self.subTest(kind), Server(self.folder, function_log=to) as server:
                self.assertLess(self.time_of_calls(server), PATIENCE)
                server.log.wait("refuses datagrams" if kind.startswith("udp") else "cannot be reached")
                self.assertGreater(server.metric("hotslotd_log_lost_lines_total"), 0)
            if not kind.startswith("udp"):
                self.assertGreater(int(fields(server.log.matching("messages are lost")[0])["dropped"]), 0)


class Access(Case):
    def send(self, server, text):
        with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as connection:
            connection.sendall(text)
            return connection.recv(1 << 16)

    def calls(self, server):
        """What is answered 200, 404, 400, and what is broken off; the id of the first."""
        call = server.call("x")[1]
        server.call("", "/t/t/nothing%22", "GET")
        self.send(server, b"nonsense\r\n\r\n")
        with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as connection:
            connection.sendall(b"GET /t/t/never-answer?a HTTP/1.1\r\nHost: h\r\n\r\n")
            self.wait_for_runner(server)
        return call

    @staticmethod
    def wait_for_runner(server):
        late = time.monotonic() + PATIENCE
        while True:
            queues = server.stats()["queues"]
            if any(q["name"] == "never-answer" and q["states"]["runner"] == 1 for q in queues):
                return
            assert time.monotonic() < late
            time.sleep(0.01)

    def test_common(self):
        functions = [function("talk"), function("never-answer")]
        with Server(self.folder, functions, access_log={"to": "file", "file": "a.log"}) as server:
            self.calls(server)
            self.wait_in_file("a.log", "never-answer")
            self.wait_in_file("a.log", " - - ", 4)
        stamp = r"127\.0\.0\.1 - - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000\] "
        expected = (r'"POST /t/t/talk HTTP/1\.1" 200 \d+', r'"GET /t/t/nothing%22 HTTP/1\.1" 404 \d+', r'"-" 400 \d+',
                    r'"GET /t/t/never-answer\?a HTTP/1\.1" 499 -')
        lines = self.read("a.log")
        self.assertEqual(len(lines), len(expected))
        for form in expected:  # of connections of their own, the lines may come in any order
            self.assertEqual(sum(bool(re.fullmatch(stamp + form, line)) for line in lines), 1, f"{form}: {lines}")

    def test_json(self):
        functions = [function("talk"), function("never-answer")]
        with Server(self.folder, functions, access_log={"format": "json"}) as server:
            call = self.calls(server)
            records = [json.loads(line) for line in server.out.wait('"status":', 4)]
        records.sort(key=lambda r: (r["status"], r["target"] or ""))
        keys = ("method", "target", "protocol", "status", "complete", "app", "fn", "call")
        self.assertEqual([tuple(r[k] for k in keys) for r in records], [
            ("POST", "/t/t/talk", "HTTP/1.1", 200, True, "t", "talk", call),
            (None, None, None, 400, True, None, None, None),
            ("GET", "/t/t/nothing%22", "HTTP/1.1", 404, True, None, None, None),  # 14.28
            ("GET", "/t/t/never-answer?a", "HTTP/1.1", 499, False, "t", "never-answer", records[3]["call"])])
        self.assertTrue(server.log.wait(f"call={records[3]['call']}"))
        for r in records:
            self.assertRegex(r["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
            self.assertEqual(r["peer"], "127.0.0.1")
            self.assertGreater(r["duration_ms"], 0)
        self.assertGreater(records[0]["bytes"], 0)

    def test_through_syslog(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as peer:
            peer.bind(self.path("log"))
            peer.settimeout(PATIENCE)
            with Server(self.folder, access_log={"to": "syslog", "address": "unix:" + self.path("log")}) as server:
                server.call("x")
                m = RFC5424.fullmatch(peer.recv(1 << 16).decode())
                self.assertEqual((m["pri"], m["kind"], m["data"], int(m["pid"])),
                                 ("14", "access", "-", server.process.pid))
                self.assertIn('"POST /t/t/talk HTTP/1.1" 200', m["text"])

    def test_there_is_none_by_default(self):
        with Server(self.folder) as server:
            server.call("x")
        self.assertEqual(server.out.all, [])


if __name__ == "__main__":
    unittest.main()
