#!/usr/bin/env python3
"""Functions that misbehave are contained, as far as this machine lends the means; and what a killed hotslotd has
left is cleaned up by the next.  
Usage: isolation.py HOTSLOTD NODE_FUNCTION [NODE] [-- ARGUMENT...]

The arguments after -- are unittest's."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from hotslotd import ENVIRONMENT, PATIENCE, Hotslotd, ask

END = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
HOTSLOTD, NODE_FUNCTION = (os.path.abspath(path) for path in sys.argv[1:3])
NODE = os.path.realpath(sys.argv[3]) if END > 3 else None
sys.argv[1:] = sys.argv[END + 1:]
HERE = os.path.dirname(os.path.abspath(__file__))
OWN_USERS = range(1_900_000_000, 1_900_000_000 + 64 * 4096)
ROOT = os.geteuid() == 0
PYTHON = "/usr/bin/python3"


def bubblewrap_works():
    """Where name spaces are forbidden, it is there for nothing."""
    command = ["bwrap", "--unshare-user", "--unshare-pid", "--ro-bind", "/", "/", "--proc", "/proc", "true"]
    if ROOT:
        command = ["setpriv", "--reuid", "1900000000", "--clear-groups", "--regid", "1900000000", *command]
    try:
        return subprocess.run(command, env=ENVIRONMENT, stderr=subprocess.DEVNULL, check=False).returncode == 0
    except OSError:
        return False


BUBBLEWRAP = bubblewrap_works()


def owner(pid):
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return None


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


class Server(Hotslotd):
    """In a folder that any user can get at, as functions with users of their own have to."""

    def __init__(self, folder, functions, **more):
        self.sockets = os.path.join(folder, "sockets")
        super().__init__(HOTSLOTD, folder, functions, socket_dir=self.sockets, **more)

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


class Containment:
    """The same for each way to isolate."""

    isolation = {}

    def serve(self, **more):
        return Server(self.folder, [self.rogue("rogue", isolation={**self.isolation, **more}),
                                    self.rogue("other", isolation=self.isolation)])

    def check_others(self, server):
        """Whatever one function did, another one is served, and so is its next call."""
        self.assertEqual(server.call("other"), (200, "well"))
        self.assertEqual(server.call("rogue"), (200, "well"))

    def test_forks(self):
        with self.serve() as server:
            self.assertEqual(server.call("rogue", do="fork_child")[0], 200)
            self.check_others(server)
        self.nothing_is_left(server)

    def test_daemonizes(self):
        with self.serve() as server:
            self.assertEqual(server.call("rogue", do="daemonize")[0], 200)
            self.check_others(server)
        self.nothing_is_left(server)

    def test_ignores_term(self):
        with self.serve() as server:
            self.assertEqual(server.call("rogue", do="ignore_term")[0], 200)
        self.nothing_is_left(server)

    def test_forks_without_end(self):
        with self.serve(max_processes=40) as server:
            status, why = server.call("rogue", do="fork_without_end")
            self.assertEqual((status, why), (200, "Resource temporarily unavailable"))
            self.check_others(server)
        self.nothing_is_left(server)

    def test_opens_ten_thousand_files(self):
        with self.serve() as server:
            status, (opened, why) = server.call("rogue", do="open_files", count=10_000)
            self.assertEqual((status, why), (200, "Too many open files"))
            self.assertLess(opened, 1024)
            self.check_others(server)

    def test_fills_its_tmp_directory(self):
        with self.serve(tmp_mb=8) as server:
            status, (written, why) = server.call("rogue", do="fill_tmp")
            self.assertEqual((status, why), (200, "No space left on device"))
            self.assertLessEqual(written, 8 << 20)
            self.check_others(server)
        self.nothing_is_left(server)

    def test_eats_memory(self):
        with self.serve() as server:
            status, answer = server.call("rogue", do="eat_memory")
            self.assertEqual(status, 502)
            if self.tells_memory(server):
                self.assertEqual(answer["message"], "the function ran out of memory")
                server.log.wait("out of memory")
            self.check_others(server)

    def tells_memory(self, _):
        return True

    def test_listens_elsewhere(self):
        server = Server(self.folder, [self.rogue("rogue", "elsewhere", isolation=self.isolation)])
        with server:
            status, answer = server.call("rogue")
            self.assertEqual(status, 502)
            self.assertIn("lsnr.sock leads nowhere", answer["message"])

    def test_makes_its_socket_lead_elsewhere_later(self):
        trap = socket.socket(socket.AF_UNIX)
        self.addCleanup(trap.close)
        trap.bind(os.path.join(self.folder, "trap"))
        os.chmod(os.path.join(self.folder, "trap"), 0o777)
        trap.listen(8)
        with self.serve() as server:
            self.assertEqual(server.call("rogue", do="swap_socket", path=os.path.join(self.folder, "trap"))[0], 200)
            self.assertEqual(server.call("rogue")[0], 502)
            trap.settimeout(PATIENCE)
            reached = trap.accept()[0]
            self.assertEqual(reached.recv(1), b"")  # and told nothing
            reached.close()
            self.check_others(server)

    def test_reads_another_functions_directory(self):
        with self.serve() as server:
            self.assertEqual(server.call("other"), (200, "well"))
            others = os.path.join(server.sockets, server.directories()[0])
            for path in (others, server.sockets, os.path.join(others, "tmp")):
                status, seen = server.call("rogue", do="read_directory", path=path)
                self.assertEqual(status, 200)
                self.assert_hidden(seen, os.path.basename(others))

    def assert_hidden(self, seen, _):
        self.assertEqual(seen, "Permission denied")

    def test_signals_the_server(self):
        with self.serve() as server:
            status, why = server.call("rogue", do="send_signal", pid=server.process.pid)
            self.assertEqual(status, 200)
            self.assertIn(why, ("Operation not permitted", "No such process"))

    def test_what_it_is(self):
        with self.serve() as server:
            status, seen = server.call("rogue", do="look")
            self.assertEqual(status, 200)
            self.assertEqual((seen["no_new_privs"], seen["core"], int(seen["capabilities"], 16)), ("1", "0", 0))
            self.check_look(seen)


@unittest.skipUnless(ROOT, "users of their own are for root to give")
class OwnUser(Containment, Case):
    isolation = {"user": "own"}

    def check_look(self, seen):
        self.assertIn(seen["uid"], OWN_USERS)
        self.assertEqual(seen["groups"], [])


@unittest.skipUnless(BUBBLEWRAP, "no bubblewrap, or no name spaces for it")
class Bubblewrap(Containment, Case):
    isolation = {"sandbox": "bwrap"}

    def tells_memory(self, server):
        """Without a control group only a parent would know, and that is within."""
        return "by control group" in server.log.wait('memory="')[0]

    def assert_hidden(self, seen, others):
        self.assertTrue(isinstance(seen, str) or others not in seen, seen)

    def check_look(self, seen):
        self.assertLessEqual(seen["processes"], 3)  # bubblewrap, and itself
        self.assertEqual(seen["tmp"], "/tmp")

    def test_network_of_its_own(self):
        with self.serve(network=False) as server:
            self.assertEqual(server.call("rogue", do="look")[1]["interfaces"], ["lo"])


CONTAINERS = ROOT and shutil.which("runc", path=ENVIRONMENT["PATH"])


def copy_program(program, files):
    """With the libraries that it needs."""
    needed = subprocess.run(["ldd", program], env=ENVIRONMENT, capture_output=True, text=True, check=True).stdout
    for path in [program, *(word for word in needed.split() if word.startswith("/"))]:
        os.makedirs(files + os.path.dirname(path), exist_ok=True)
        shutil.copy(path, files + path)


def make_root(files):
    os.chmod(files, 0o755)
    for place in ("proc", "dev", "tmp"):
        os.makedirs(os.path.join(files, place), exist_ok=True)


@unittest.skipUnless(CONTAINERS, "no runc, or no rights for it")
class Container(Containment, Case):
    @classmethod
    def setUpClass(cls):
        """A root file system with a Python and little else."""
        cls.files = tempfile.mkdtemp(prefix="hotslot-rootfs-")
        cls.addClassCleanup(shutil.rmtree, cls.files)
        make_root(cls.files)
        program = os.path.realpath(PYTHON)
        copy_program(program, cls.files)
        os.symlink(program, cls.files + PYTHON)
        modules = "/usr/lib/" + os.path.basename(program)
        shutil.copytree(modules, cls.files + modules, ignore=shutil.ignore_patterns("__pycache__", "test", "idlelib"))
        shutil.copy(os.path.join(HERE, "rogue.py"), cls.files)

    @property
    def isolation(self):
        return {"sandbox": "oci", "rootfs": self.files, "network": False}

    def rogue(self, name, *arguments, **more):
        return super().rogue(name, *arguments, **more) | {"command": [PYTHON, "/rogue.py", *arguments]}

    def tells_memory(self, server):
        return False

    def assert_hidden(self, seen, others):
        self.assertTrue(isinstance(seen, str) or others not in seen, seen)

    def check_look(self, seen):
        self.assertIn(seen["uid"], OWN_USERS)
        self.assertEqual((seen["processes"], seen["tmp"], seen["interfaces"]), (1, "/tmp", ["lo"]))

    def test_from_a_bundle(self):
        bundle = os.path.join(self.folder, "bundle")
        os.mkdir(bundle)
        subprocess.run(["runc", "spec"], cwd=bundle, env=ENVIRONMENT, check=True)
        with open(os.path.join(bundle, "config.json"), encoding="utf-8") as spec:
            config = json.load(spec)
        config["root"]["path"] = os.path.relpath(self.files, bundle)
        config["mounts"] = [m for m in config["mounts"] if m["destination"] in ("/proc", "/dev")]
        with open(os.path.join(bundle, "config.json"), "w", encoding="utf-8") as spec:
            json.dump(config, spec)
        function = self.rogue("rogue", isolation={"sandbox": "oci", "bundle": bundle, "user": "server"})
        with Server(self.folder, [function]) as server:
            self.assertEqual(server.call("rogue"), (200, "well"))
        self.nothing_is_left(server)


class Configured(Case):
    @unittest.skipUnless(ROOT, "only root can run a function as another user")
    def test_a_given_user(self):
        with Server(self.folder, [self.rogue("rogue", isolation={"user": "nobody"})]) as server:
            self.assertEqual(server.call("rogue", do="look")[1]["uid"], 65534)

    def test_everything_off(self):
        off = {"user": "server", "no_new_privs": False, "core_dumps": True, "max_files": 0, "max_processes": 0,
               "limit_memory": False, "tmp_mb": 0}
        with Server(self.folder, [{"app": "t", "name": "rogue", "isolation": off, "config": {"TMPDIR": "/tmp"},
                                   "command": [PYTHON, os.path.join(self.folder, "rogue.py")]}]) as server:
            seen = server.call("rogue", do="look")[1]
            self.assertEqual((seen["uid"], seen["no_new_privs"], seen["tmp"]), (os.getuid(), "0", "/tmp"))

    def test_what_cannot_be_had_is_refused_at_the_start(self):
        hidden = os.path.join(self.folder, "hidden")
        os.mkdir(hidden, 0o700)
        wrong = [({"user": "own"}, {"dir": hidden}, "cannot get at its directory")] if ROOT else [
            ({"user": "own"}, {}, "takes root")]
        wrong.append(({"sandbox": "oci", "rootfs": "/nowhere"}, {}, "/nowhere is no directory"))
        for isolation, more, why in wrong:
            server = Server(self.folder, [self.rogue("rogue", isolation=isolation, **more)])
            done = subprocess.run([HOTSLOTD, "--config", server.config], env=ENVIRONMENT, capture_output=True,
                                  text=True, timeout=PATIENCE, check=False)
            self.assertEqual(done.returncode, 2)
            self.assertIn("function t/rogue: ", done.stderr)
            self.assertIn(why, done.stderr)


NODE_IS_FOR_ALL = NODE is not None and not NODE.startswith("/root/")


@unittest.skipUnless(NODE and os.path.isdir(os.path.join(NODE_FUNCTION, "node_modules")), "no Node, or no FDK")
class NodeFdk(Case):
    """A function on the real FDK, in each sandbox. How long a start takes is printed, and judged by nobody."""

    rounds = 3

    def setUp(self):
        super().setUp()
        self.function = os.path.join(self.folder, "function")
        shutil.copytree(NODE_FUNCTION, self.function)

    def run_in(self, name, isolation):
        times = []
        for _ in range(self.rounds):
            with Server(self.folder, [{"app": "t", "name": "hello", "command": [NODE, "func.js"], "dir": self.function,
                                       "isolation": isolation, "start_timeout_ms": 30_000}]) as server:
                began = time.monotonic()
                status, _ = server.call("hello")
                times.append(time.monotonic() - began)
                self.assertEqual(status, 200)
            self.nothing_is_left(server)
        print(f"a first call of a Node function, {name}: {1000 * sorted(times)[self.rounds // 2]:.0f} ms", file=sys.stderr)

    def test_plain(self):
        self.run_in("plain", {"user": "server"})

    @unittest.skipUnless(ROOT and NODE_IS_FOR_ALL, "not root, or Node is root's alone")
    def test_user_of_its_own(self):
        self.run_in("own user", {"user": "own"})

    @unittest.skipUnless(BUBBLEWRAP and NODE_IS_FOR_ALL, "no bubblewrap, or Node is root's alone")
    def test_bubblewrap(self):
        self.run_in("bwrap", {"sandbox": "bwrap"})

    @unittest.skipUnless(CONTAINERS, "no runc, or no rights for it")
    def test_container(self):
        files = os.path.join(self.folder, "root")
        os.mkdir(files)
        make_root(files)
        copy_program(NODE, files)
        self.function = "/function"
        shutil.copytree(NODE_FUNCTION, files + self.function)
        self.run_in("oci", {"sandbox": "oci", "rootfs": files})


class Restart(Case):
    def under_load(self, server, ended):
        def call_on():
            while not ended.is_set():
                try:
                    server.call("well")
                except (OSError, http.client.HTTPException, ValueError):
                    if server.process.poll() is not None:
                        return

        callers = [threading.Thread(target=call_on, daemon=True) for _ in range(16)]
        for caller in callers:
            caller.start()
        return callers

    def test_a_killed_server_leaves_nothing_to_the_next(self):
        functions = [self.rogue("well"), self.rogue("forks", isolation={"user": "server"}),
                     self.rogue("daemonizes", isolation={"user": "own" if ROOT else "server"})]
        first = Server(self.folder, functions)
        first.start()
        self.addCleanup(first.process.kill)
        for name, what in (("forks", "fork_child"), ("daemonizes", "daemonize")):
            self.assertEqual(first.call(name, do=what)[0], 200)
        ended = threading.Event()
        callers = self.under_load(first, ended)
        while first.queue("well")["totals"]["acquired"] < 100:
            pass
        first.process.kill()
        first.wait()
        before = first.directories()
        self.assertNotEqual(before, [])
        began = time.monotonic()
        second = Server(self.folder, functions)
        with second:
            self.assertEqual(second.call("well"), (200, "well"))
            print(f"service {1000 * (time.monotonic() - began):.0f} ms after the second start", file=sys.stderr)
            self.assertEqual(set(before) & set(second.directories()), set())
            self.assertEqual(len(processes_started_below(second.sockets)), 1)
        ended.set()
        for caller in callers:
            caller.join()
        self.nothing_is_left(second)


if __name__ == "__main__":
    unittest.main()
