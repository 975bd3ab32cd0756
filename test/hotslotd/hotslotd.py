"""A running hotslotd, for the end-to-end tests."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading

# What who started this had ignored, as a shell does for what it has in the background, children would ignore, too.
for number in (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, signal.SIG_DFL)

PATIENCE = 60
SANITIZERS = ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS")
# Of children: one of its own, but for what steers the sanitizers, which is the test run's.
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"} | {
    name: os.environ[name] for name in SANITIZERS if name in os.environ}


class UnixConnection(http.client.HTTPConnection):
    """To a unix socket."""

    def __init__(self, path, timeout=PATIENCE):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def ask(port, method, path, body=None, headers=None, chunked=False):
    """The status, the header and the body of what 127.0.0.1 answers there."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request(method, path, iter([body]) if chunked else body, headers or {}, encode_chunked=chunked)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def children(pid):
    """Of any of its threads."""
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children", encoding="utf-8") as direct:
            found += [int(word) for word in direct.read().split()]
    return found


def state_of(pid):
    """Z: it has ended, and nobody has asked for its status yet."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return file.read().rpartition(")")[2].split()[0]


def is_ending(pid):
    """It is gone, or has been killed: the kernel has not come to it yet, or is taking it down."""
    exiting, killed = 0x4, 1 << signal.SIGKILL - 1
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            state, *rest = file.read().rpartition(")")[2].split()
        with open(f"/proc/{pid}/status", encoding="utf-8") as file:
            pending = [int(value, 16) for name, value in re.findall(r"^(SigPnd|ShdPnd):\s*(\w+)", file.read(), re.M)]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state in "ZX" or int(rest[5]) & exiting != 0 or any(mask & killed for mask in pending)


def copy_program(program, files, at=None):
    """With the libraries that it needs, to where it is, or `at`, below `files`."""
    needed = subprocess.run(["ldd", program], env=ENVIRONMENT, capture_output=True, text=True, check=True).stdout
    for path, to in [(program, at or program), *((word, word) for word in needed.split() if word.startswith("/"))]:
        os.makedirs(files + os.path.dirname(to), exist_ok=True)
        shutil.copy(path, files + to)


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
                self.take(line.rstrip("\n"))

    def take(self, line):
        with self.changed:
            self.all.append(line)
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

    def __init__(self, program, folder, functions, before=None, threads=2, **config):
        self.program = program
        self.folder = folder
        self.before = before
        self.threads = threads
        self.config = os.path.join(folder, "hotslot.json")
        self.out, self.log = Lines(), Lines()
        self.write_config(functions, **config)

    def write_config(self, functions, **config):
        fresh = self.config + ".new"
        config = {"listen": "127.0.0.1:0", "admin": "127.0.0.1:0", "functions": functions} | config
        self.addresses = [len(at) if isinstance(at, list) else 1 for at in (config["listen"], config["admin"])]
        with open(fresh, "w", encoding="utf-8") as out:
            json.dump(config, out)
        os.rename(fresh, self.config)

    def start(self):
        self.process = subprocess.Popen([self.program, "--config", self.config, "--threads", str(self.threads)],
                                        env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        errors="replace", preexec_fn=self.before)
        listens, admins = ([self.process.stdout.readline().rpartition(" ")[2].rstrip() for _ in range(n)] for n in self.addresses)
        self.urls, self.url, self.admin_url = listens + admins, listens[0], admins[0]
        self.readers = []
        self.read_on()
        if not self.admin_url:
            self.process.kill()
            self.wait()
            raise AssertionError("hotslotd did not come up:\n" + self.log.text())
        self.port, self.admin = (int(port) if (port := url.rpartition(":")[2]).isdigit() else None
                                 for url in (self.url, self.admin_url))

    def read_on(self):
        """What it says beyond its addresses; a test may put that off."""
        self.readers = [self.out.follow(self.process.stdout), self.log.follow(self.process.stderr)]

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
