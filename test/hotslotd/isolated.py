"""Servers whose functions misbehave, and what this machine has to contain them by. The first argument is hotslotd."""

import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

import places
from hotslotd import ENVIRONMENT, PATIENCE, Hotslotd, ask, copy_program

HOTSLOTD = os.path.abspath(sys.argv[1])
HERE = os.path.dirname(os.path.abspath(__file__))
OWN_USERS = range(1_900_000_000, 1_900_000_000 + 64 * 4096)
ROOT = os.geteuid() == 0
PYTHON = "/usr/bin/python3"
MOUNTS = ROOT and places.can_be(places.own_mounts)


def need_proc():
    """For setUpModule."""
    if not os.path.exists("/proc/self/status"):
        raise unittest.SkipTest("no /proc, where one sees what a function is")


def works(*command):
    try:
        return subprocess.run(command, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, check=False).returncode == 0
    except OSError:
        return False


def bubblewrap_works():
    """Where name spaces are forbidden, or "/" is no mount point, it is there for nothing."""
    command = ["bwrap", "--unshare-user", "--unshare-pid", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "true"]
    if ROOT:
        command = ["setpriv", "--reuid", "1900000000", "--clear-groups", "--regid", "1900000000", *command]
    return works(*command)


BUBBLEWRAP = bubblewrap_works()
NO_CAPABILITIES = {"CapInh": 0, "CapPrm": 0, "CapEff": 0, "CapAmb": 0}


def processes_that_have(text, what):
    """Whose environment, or command line, has it: the programs that they are."""
    programs = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/{what}", "rb") as file:
                if text.encode() in file.read():
                    programs.append(os.path.basename(os.readlink(f"/proc/{pid}/exe")))
        except OSError:
            pass
    return programs


def processes_started_below(folder):
    """Those whose environment names a socket in it, zombies not among them, which have none."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/environ", "rb") as environment:
                if b"FN_LISTENER=unix:" + folder.encode() in environment.read():
                    found.append(int(name))
        except OSError:
            pass
    return found


def workers_of(folder, name):
    """The processes of that function whose sockets are below it, and the directories of those."""
    workers = {}
    for pid in processes_started_below(folder):
        try:
            with open(f"/proc/{pid}/environ", encoding="utf-8") as environment:
                variables = dict(variable.partition("=")[::2] for variable in environment.read().split("\0"))
        except OSError:
            continue
        if variables.get("FN_FN_NAME") == name:
            workers[pid] = os.path.dirname(variables["FN_LISTENER"].removeprefix("unix:"))
    return workers


class Server(Hotslotd):
    """In a folder that any user can get at, as functions with users of their own have to."""

    def __init__(self, folder, functions, **more):
        self.sockets = os.path.join(folder, "sockets")
        super().__init__(more.pop("program", HOTSLOTD), folder, functions, socket_dir=self.sockets, **more)

    def call(self, name, **what):
        """The status, and what the function says."""
        status, _, body = ask(self.port, "POST", "/invoke/t/" + name, json.dumps(what))
        return status, json.loads(body)

    def directories(self):
        return sorted(name for name in os.listdir(self.sockets) if name.startswith("hw-"))


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="hotslot-isolation-")
        os.chmod(self.folder, 0o755)
        self.addCleanup(shutil.rmtree, self.folder)
        shutil.copy(os.path.join(HERE, "rogue.py"), self.folder)

    def rogue(self, name, *arguments, isolation=None, **more):
        return {"app": "t", "name": name, "command": [PYTHON, os.path.join(self.folder, "rogue.py"), *arguments],
                "memory_mb": 64, "stop_grace_ms": 200, "isolation": isolation or {}} | more

    def nothing_is_left(self, server):
        self.assertEqual(server.directories(), [])
        late = time.monotonic() + PATIENCE
        while (left := processes_started_below(server.sockets)) and time.monotonic() < late:
            pass  # what was killed last takes its moment
        self.assertEqual(left, [])


def make_root(files):
    for place in ("proc", "dev", "tmp"):
        os.makedirs(os.path.join(files, place), exist_ok=True)
    os.chmod(files, 0o755)


def containers_work():
    """Where runc has the right to make one with limits, and "/" is a mount point."""
    if not ROOT or not shutil.which("runc", path=ENVIRONMENT["PATH"]):
        return False
    with tempfile.TemporaryDirectory(prefix="hotslot-bundle-") as bundle:
        make_root(bundle + "/rootfs")
        copy_program("/bin/true", bundle + "/rootfs", "/true")
        config = {"ociVersion": "1.0.2", "root": {"path": "rootfs", "readonly": True},
                  "process": {"user": {"uid": 0, "gid": 0}, "cwd": "/", "args": ["/true"]},
                  "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
                  "linux": {"namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount")],
                            "resources": {"memory": {"limit": 64 << 20}, "pids": {"limit": 64}}}}
        with open(bundle + "/config.json", "w", encoding="utf-8") as out:
            json.dump(config, out)
        return works("runc", "--root", bundle + "/state", "run", "--bundle", bundle, os.path.basename(bundle))


CONTAINERS = containers_work()


def make_python_root(files):
    """A root file system with a Python and little else."""
    make_root(files)
    program = os.path.realpath(PYTHON)
    copy_program(program, files)
    os.symlink(program, files + PYTHON)
    modules = "/usr/lib/" + os.path.basename(program)
    shutil.copytree(modules, files + modules, ignore=shutil.ignore_patterns("__pycache__", "test", "idlelib"))
    for ctypes in glob.glob(modules + "/lib-dynload/_ctypes.*"):
        copy_program(ctypes, files)
    shutil.copy(os.path.join(HERE, "rogue.py"), files)
