"""A hotslotd whose functions are modes of the test function. The last arguments of the test are the two programs."""

import json
import os
import shutil
import socket
import sys
import tempfile
import time

from hotslotd import PATIENCE, Hotslotd, ask

FUNCTION = os.path.abspath(sys.argv.pop())
HOTSLOTD = os.path.abspath(sys.argv.pop())
DETACHED = {"Fn-Invoke-Type": "detached"}


class Server(Hotslotd):
    def __init__(self, case, functions, **top):
        folder = tempfile.mkdtemp(prefix="hotslot-calls-")
        case.addCleanup(shutil.rmtree, folder)
        self.gate = socket.socket(socket.AF_UNIX)
        self.gate.bind(os.path.join(folder, "gate"))
        self.gate.listen()
        self.gate.settimeout(PATIENCE)
        case.addCleanup(self.gate.close)
        super().__init__(HOTSLOTD, folder, functions, **top)

    def write_config(self, functions, **top):
        super().write_config([
            {"app": "t", "name": mode, "trigger": "/" + mode, "command": [FUNCTION, mode], "memory_mb": 16,
             "max_workers": 1, "stop_grace_ms": 100, "config": {"GATE": self.gate.getsockname()}} | more
            for mode, more in functions.items()], **top)

    def end(self):
        code = self.stop()
        assert code == 0, f"exit code {code}"

    def call(self, path, body=b"", headers=None, method="POST", port=None, chunked=False):
        return ask(port or self.port, method, path, body, headers, chunked)

    def detached(self, name="gate", body=b"", **more):
        return self.call("/invoke/t/" + name, body, DETACHED, **more)

    def accepted(self, name="gate", body=b"", **more):
        status, headers, answer = self.detached(name, body, **more)
        assert (status, answer) == (202, b""), (status, answer)
        return headers["Fn-Call-Id"]

    def counts(self, name="gate"):
        return self.queue(name)["detached"]

    def until(self, holds):
        """Asks again and again: what is waited for is to be seen in the answers only."""
        give_up = time.monotonic() + PATIENCE
        while not (what := holds()):
            assert time.monotonic() < give_up, self.stats()
        return what

    def arrival(self):
        """The next call at the gate, which closing lets through."""
        return self.gate.accept()[0]

    def release(self, calls=1):
        for _ in range(calls):
            self.arrival().close()

    def reload(self):
        status, _, body = self.call("/admin/reload", port=self.admin)
        assert status == 200, body
        return json.loads(body)["changes"]
