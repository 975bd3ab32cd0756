"""The servers that are compared: each starts, tells its address and what processor time it has used, and ends."""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

HERE = pathlib.Path(__file__).parent
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def eventually(predicate, what):
    end = time.monotonic() + 10
    while not predicate():
        if time.monotonic() > end:
            raise RuntimeError(f"waited in vain for {what}")
        time.sleep(0.005)


def accepts(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def processor_seconds(pid):
    """Of all threads of a process, as precise as the scheduler knows it."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def resident_bytes(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("no VmRSS")


class Process:
    """Something that was started, and is ended with its group."""

    def __init__(self, command, environment=None, directory=None):
        self.process = subprocess.Popen(command, env={"PATH": PATH, "HOME": "/tmp", **(environment or {})}, cwd=directory,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        self.pid = self.process.pid

    def end(self):
        try:
            os.killpg(self.pid, signal.SIGTERM)
        except ProcessLookupError:
            return
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(self.pid, signal.SIGKILL)
            self.process.wait()


class Functions:
    """Two functions for those who do not start their own."""

    def __init__(self, folder, command, directory=None):
        self.sockets = []
        self.processes = []
        for name in ("one", "two"):
            place = folder / name
            place.mkdir(parents=True)
            place.chmod(0o777)
            path = place / "lsnr.sock"
            environment = {"FN_FORMAT": "http-stream", "FN_LISTENER": f"unix:{path}", "FN_MEMORY": "128", "FN_TYPE": "sync"}
            self.processes.append(Process(command, environment, directory))
            eventually(path.exists, path)
            self.sockets.append(str(path))

    def end(self):
        for p in self.processes:
            p.end()


def filled(template, **values):
    text = (HERE / template).read_text()
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    return text


class Proxy:
    """nginx or haproxy before two functions that were started for it."""

    target = "/call"

    def __init__(self, name, folder, command, directory=None):
        folder.mkdir()
        folder.chmod(0o777)
        self.functions = Functions(folder, command, directory)
        self.port = free_port()
        config = folder / "config"
        template = "nginx.conf" if name == "nginx" else "haproxy.cfg"
        one, two = self.functions.sockets
        config.write_text(filled(template, PORT=self.port, DIR=folder, SOCKET1=one, SOCKET2=two))
        program = ["nginx", "-c", config, "-p", folder] if name == "nginx" else ["haproxy", "-f", config]
        self.process = Process(program)
        eventually(lambda: accepts(self.port), name)
        self.pid = self.process.pid

    def end(self):
        self.process.end()
        self.functions.end()


class Hotslotd:
    """hotslotd, which starts the same two functions itself."""

    target = "/invoke/bench/function"

    def __init__(self, program, folder, command, directory=None, more=None):
        folder.mkdir()
        self.port, self.admin = free_port(), free_port()
        config = folder / "hotslot.json"
        function = {"app": "bench", "name": "function", "trigger": "/function", "command": [str(c) for c in command],
                    "memory_mb": 64, "max_workers": 2, "idle_timeout_s": 600}
        if directory:
            function["dir"] = str(directory)
        (folder / "s").mkdir()
        config.write_text(json.dumps({"socket_dir": "s", "functions": [function], **(more or {})}))
        self.process = Process([program, "--config", config, "--listen", f"127.0.0.1:{self.port}", "--admin",
                                f"127.0.0.1:{self.admin}", "--threads", "1", "--log-level", "warn"])
        eventually(lambda: accepts(self.port), "hotslotd")
        self.pid = self.process.pid

    def end(self):
        self.process.end()


class Direct:
    """The function itself, over TCP: what all others add to."""

    target = "/call"

    def __init__(self, command):
        self.port = free_port()
        self.process = Process([*command, str(self.port)])
        eventually(lambda: accepts(self.port), "the function")
        self.pid = self.process.pid

    def end(self):
        self.process.end()


def tools_missing():
    return [t for t in ("nginx", "haproxy", "wrk") if not shutil.which(t, path=PATH)]
