"""A running hotslotd, for the end-to-end tests."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading

PATIENCE = 60
SANITIZERS = ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS")
# Of children: one of its own, but for what steers the sanitizers, which is the test run's.
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"} | {
    name: os.environ[name] for name in SANITIZERS if name in os.environ}


def ask(port, method, path, body=None, headers=None, chunked=False):
    """The status, the header and the body of what 127.0.0.1 answers there."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request(method, path, iter([body]) if chunked else body, headers or {}, encode_chunked=chunked)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


class Lines:
    """What streams say, line by line, each read on a thread of its own."""

    def __init__(self):
        self.all = []
        self.changed = threading.Condition()

    def follow(self, stream):
        reader = threading.Thread(target=self.read, args=(stream,))
        reader.start()
        return reader

    def read(self, stream):
        with stream:
            for line in stream:
                with self.changed:
                    self.all.append(line.rstrip("\n"))
                    self.changed.notify_all()

    def matching(self, pattern):
        return [line for line in self.all if re.search(pattern, line)]

    def wait(self, pattern, count=1):
        """The lines that match, once there are as many."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.matching(pattern)) >= count, PATIENCE), \
                f"no {pattern} in {self.all[-20:]}"
            return self.matching(pattern)

    def text(self):
        return "\n".join(self.all)


class Hotslotd:
    """Serves at `port` and `admin`, after start() or in a `with`. `before` runs in its process, ahead of it.

    What it says, beyond its addresses, is kept in `out` and `log`, and the log is shown where it ends in a way that was not asked for.
    """

    def __init__(self, program, folder, functions, before=None, **config):
        self.program = program
        self.folder = folder
        self.before = before
        self.config = os.path.join(folder, "hotslot.json")
        self.out, self.log = Lines(), Lines()
        self.write_config(functions, **config)

    def write_config(self, functions, **config):
        fresh = self.config + ".new"
        with open(fresh, "w", encoding="utf-8") as out:
            json.dump({"listen": "127.0.0.1:0", "admin": "127.0.0.1:0", "functions": functions} | config, out)
        os.rename(fresh, self.config)

    def start(self):
        self.process = subprocess.Popen([self.program, "--config", self.config, "--threads", "2"], env=ENVIRONMENT,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
                                        preexec_fn=self.before)
        self.url, self.admin_url = (self.process.stdout.readline().rpartition(" ")[2].rstrip() for _ in range(2))
        self.readers = [self.out.follow(self.process.stdout), self.log.follow(self.process.stderr)]
        if not self.admin_url:
            self.process.kill()
            self.wait()
            raise AssertionError("hotslotd did not come up:\n" + self.log.text())
        self.port, self.admin = (int(port) if (port := url.rpartition(":")[2]).isdigit() else None
                                 for url in (self.url, self.admin_url))

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def wait(self):
        """The exit code."""
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = f"none within {PATIENCE} s"
        for reader in self.readers:
            reader.join()
        if code not in (0, -signal.SIGKILL):
            print("\n".join(["hotslotd's log:", *self.log.all[-200:]]), file=sys.stderr)
        return code

    def stop(self):
        """The exit code, after SIGTERM where it still runs."""
        if self.process.poll() is None:
            self.terminate()
        return self.wait()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        code = self.stop()
        assert code == 0, f"exit code {code}"

    def stats(self):
        return json.loads(ask(self.admin, "GET", "/stats")[2])

    def queue(self, name):
        return next(q for q in self.stats()["queues"] if q["name"] == name)
