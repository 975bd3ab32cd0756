#!/usr/bin/env python3
"""Functions that misbehave are contained, as far as this machine lends the means; and what a killed hotslotd has
left is cleaned up by the next.  
Usage: isolation.py HOTSLOTD NODE_FUNCTION [NODE] [-- ARGUMENT...]

The arguments after -- are unittest's."""

import contextlib
import fcntl
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

from hotslotd import ENVIRONMENT, PATIENCE, ask, copy_program
from isolated import (BUBBLEWRAP, CONTAINERS, HERE, HOTSLOTD, MOUNTS, NO_CAPABILITIES, OWN_USERS, PYTHON, ROOT, Case, Server, make_python_root,
                      make_root, need_proc, processes_started_below, processes_that_have)

END = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
NODE_FUNCTION = os.path.abspath(sys.argv[2])
NODE = os.path.realpath(sys.argv[3]) if END > 3 else None
sys.argv[1:] = sys.argv[END + 1:]


def setUpModule():
    need_proc()


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
            if "unlimited" in server.log.wait("processes=")[0]:
                self.skipTest("nothing counts processes here")
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
        self.need_bounds()
        with self.serve(tmp_mb=8) as server:
            status, (written, why) = server.call("rogue", do="fill_tmp")
            self.assertEqual((status, why), (200, "No space left on device"))
            self.assertLessEqual(written, 8 << 20)
            self.check_others(server)
        self.nothing_is_left(server)

    def test_14_5_what_it_may_write_to_is_bounded(self):
        """Its socket's directory apart, which is the server's disk."""
        self.need_bounds()
        for mb in (8, 0):
            with self.serve(tmp_mb=mb) as server:
                found = self.bounded_places(server, mb)
                for size, files in server.call("rogue", do="space", places=found)[1].values():
                    self.assertLessEqual(size, 16 << 20)
                    if self.files_are_counted:
                        self.assertLessEqual(files, 16 << 8)
                self.check_others(server)

    files_are_counted = MOUNTS

    def need_bounds(self):
        pass

    def places_in_sandbox(self, server, expected):
        """Those of `expected`, which have to be all that there are."""
        own = os.path.join(server.sockets, server.directories()[0])
        found = server.call("rogue", do="writable_places")[1]
        self.assertEqual([place for place in found if os.path.commonpath([place, own]) != own], expected)
        return expected

    def test_eats_memory(self):
        with self.serve() as server:
            status, answer = server.call("rogue", do="eat_memory")
            self.assertEqual(status, 502)
            if self.tells_memory(server):
                self.assertEqual(answer["message"], "the function ran out of memory")
                server.log.wait("out of memory")
            self.check_others(server)

    def test_14_17_a_detached_call_eats_memory(self):
        with self.serve() as server:
            ask(server.port, "POST", "/invoke/t/rogue", '{"do": "eat_memory"}', {"Fn-Invoke-Type": "detached"})
            said = server.log.wait("detached call failed.* status=502 ")[0]
            self.assertEqual('reason="the function ran out of memory"' in said, self.tells_memory(server), said)

    def tells_memory(self, _):
        return True

    def test_listens_elsewhere(self):
        server = Server(self.folder, [self.rogue("rogue", "elsewhere", isolation=self.isolation)])
        with server:
            status, answer = server.call("rogue")
            self.assertEqual(status, 502)
            self.assertIn("something else than a socket", answer["message"])
            server.log.wait("lsnr.sock leads nowhere")

    def make_trap(self, folder):
        trap = socket.socket(socket.AF_UNIX)
        self.addCleanup(trap.close)
        trap.bind(os.path.join(folder, "trap"))
        os.chmod(os.path.join(folder, "trap"), 0o777)
        trap.listen(8)
        return trap

    @unittest.skipUnless(ROOT, "whoever listens elsewhere is the same user here")
    def test_makes_its_socket_lead_elsewhere_later(self):
        for inside in (False, True):
            with self.subTest(inside=inside), self.serve() as server:
                self.assertEqual(server.call("rogue"), (200, "well"))
                folder = os.path.join(server.sockets, server.directories()[0]) if inside else self.folder
                trap = self.make_trap(folder)
                self.assertEqual(server.call("rogue", do="swap_socket", path=os.path.join(folder, "trap"))[0], 200)
                self.assertEqual(server.call("rogue"), (200, "well"))  # from another worker: nothing had been sent
                trap.settimeout(PATIENCE if inside else 0)
                if inside:
                    reached = trap.accept()[0]
                    self.assertEqual(reached.recv(1), b"")  # and told nothing
                    reached.close()
                else:
                    self.assertRaises(BlockingIOError, trap.accept)  # nobody looks out of the directory
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
            self.assertEqual((seen["no_new_privs"], seen["core"], seen["capabilities"]), ("1", "0", NO_CAPABILITIES))
            self.check_look(seen)

    def test_14_2_its_configuration_reaches_itself_only(self):
        """Not what runs before it is confined, nor the command line, which everybody can read."""
        mark = "mark-" + os.urandom(8).hex()
        function = self.rogue("rogue", isolation=self.isolation, config={"MARK": mark})
        with Server(self.folder, [function]) as server:
            self.assertEqual(server.call("rogue", do="look")[1]["mark"], mark)
            self.assertEqual(set(processes_that_have("MARK=" + mark, "environ")), {os.path.basename(os.path.realpath(PYTHON))})
            self.assertEqual(processes_that_have(mark, "cmdline"), [])


@unittest.skipUnless(ROOT, "users of their own are for root to give")
class OwnUser(Containment, Case):
    isolation = {"user": "own"}

    def check_look(self, seen):
        self.assertIn(seen["uid"], OWN_USERS)
        self.assertEqual(seen["groups"], [])

    def need_bounds(self):
        if not MOUNTS:
            self.skipTest("nothing can be mounted here")

    def bounded_places(self, server, mb):
        memory = ["/dev/shm"] if os.path.isdir("/dev/shm") else []
        return [*memory, server.call("rogue", do="look")[1]["tmp"]] if mb else []


@unittest.skipUnless(BUBBLEWRAP, "no bubblewrap, or no name spaces for it, or / is no mount point")
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

    def bounded_places(self, server, mb):
        server.call("rogue")
        return self.places_in_sandbox(server, ["/dev/shm", "/tmp"] if mb else [])

    def test_network_of_its_own(self):
        with self.serve(network=False) as server:
            self.assertEqual(server.call("rogue", do="look")[1]["interfaces"], ["lo"])


@unittest.skipUnless(CONTAINERS, "no runc, or no rights for it, or / is no mount point")
class Container(Containment, Case):
    @classmethod
    def setUpClass(cls):
        """A root file system with a Python and little else."""
        cls.files = tempfile.mkdtemp(prefix="hotslot-rootfs-")
        cls.addClassCleanup(shutil.rmtree, cls.files)
        make_python_root(cls.files)

    @property
    def isolation(self):
        return {"sandbox": "oci", "rootfs": self.files, "network": False}

    def rogue(self, name, *arguments, **more):
        return super().rogue(name, *arguments, **more) | {"command": [PYTHON, "/rogue.py", *arguments]}

    def tells_memory(self, server):
        return False

    def bounded_places(self, server, mb):
        server.call("rogue")
        return self.places_in_sandbox(server, ["/dev/shm", "/tmp"] if mb else ["/dev/shm"])

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


class Inherited(Case):
    """What a unit of systemd may give a server, but no function."""

    def serve(self, isolation):
        wrapper = os.path.join(self.folder, "wrapper")
        capabilities = "setpriv --inh-caps +chown,+kill --ambient-caps +chown,+kill" if ROOT else ""
        with open(wrapper, "w", encoding="utf-8") as file:
            file.write(f'#!/bin/sh\numask 077\necho 200 >/proc/self/oom_score_adj\nexec {capabilities} {HOTSLOTD} "$@"\n')
        os.chmod(wrapper, 0o755)
        return Server(self.folder, [self.rogue("rogue", isolation=isolation)], program=wrapper)

    def check(self, isolation):
        with self.serve(isolation) as server:
            seen = server.call("rogue", do="look")[1]
            self.assertEqual((seen["capabilities"], seen["umask"]), (NO_CAPABILITIES, "0022"))
            if ROOT:
                self.assertEqual(seen["oom_score_adj"], 0)

    def test_14_4_as_the_server(self):
        self.check({"user": "server"})

    def test_14_4_without_limits(self):
        self.check({"user": "server", "no_new_privs": False, "max_files": 0, "max_processes": 0, "limit_memory": False,
                    "tmp_mb": 0})

    @unittest.skipUnless(ROOT, "users of their own are for root to give")
    def test_14_4_as_a_user_of_its_own(self):
        self.check({"user": "own"})

    @unittest.skipUnless(ROOT, "only root can run a function as another user")
    def test_14_4_as_a_given_user(self):
        self.check({"user": "nobody"})

    @unittest.skipUnless(BUBBLEWRAP, "no bubblewrap, or no name spaces for it, or / is no mount point")
    def test_14_4_in_bubblewrap(self):
        self.check({"sandbox": "bwrap"})


@unittest.skipUnless(ROOT, "a server that is not root has none to give")
class NoUsers(Case):
    """Where no user ids can be had."""

    def setUp(self):
        super().setUp()
        os.makedirs("/run/hotslot", exist_ok=True)
        for n in range(64):
            lock = open(f"/run/hotslot/users-{n}.lock", "a", encoding="utf-8")
            self.addCleanup(lock.close)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                pass  # somebody else has it

    def test_14_3_root_is_told(self):
        with Server(self.folder, [self.rogue("rogue")]) as server:
            said = server.log.wait("runs as the server's user, root")[0]
            self.assertIn("no user ids can be had: all of /run/hotslot/users-*.lock are taken", said)
            self.assertIn("level=warn", said)
            self.assertEqual(server.call("rogue", do="look")[1]["uid"], 0)

    def test_14_3_unless_it_is_asked_for(self):
        with Server(self.folder, [self.rogue("rogue", isolation={"user": "server"})]) as server:
            self.assertEqual(server.call("rogue"), (200, "well"))
            self.assertFalse(server.log.matching("root:"))


class Configured(Case):
    @unittest.skipUnless(ROOT, "only root can run a function as another user")
    def test_a_given_user(self):
        with Server(self.folder, [self.rogue("rogue", isolation={"user": "nobody"})]) as server:
            self.assertEqual(server.call("rogue", do="look")[1]["uid"], 65534)

    def test_14_5_shared_memory_that_nothing_counts_is_told_of(self):
        with Server(self.folder, [self.rogue("rogue")]) as server:
            if "by rlimit" not in server.log.wait('memory="')[0]:
                self.skipTest("a control group counts it")
            server.log.wait("may take any amount of shared memory: there is no control group")
            self.assertEqual(server.call("rogue", do="take_shared_memory", mb=512), (200, 512))

    def test_14_28_a_runtime_is_given_nothing_of_callers(self):
        """Neither when it runs a container nor when it deletes one, while a caller is connected."""
        runtime = os.path.join(self.folder, "recording_runtime.py")
        shutil.copy(os.path.join(HERE, "recording_runtime.py"), runtime)
        os.chmod(runtime, 0o755)
        function = self.rogue("rogue", isolation={"sandbox": "oci", "rootfs": self.folder, "runtime": runtime, "user": "server"})
        with Server(self.folder, [function]) as server, contextlib.closing(
                http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)) as caller:
            caller.request("POST", "/invoke/t/rogue", "{}")
            self.assertEqual(caller.getresponse().read(), b'"well"')
            ask(server.admin, "POST", "/admin/recycle/t/rogue")
            late = time.monotonic() + PATIENCE
            while server.directories() and time.monotonic() < late:
                pass
            with open(os.path.join(self.folder, "given"), encoding="utf-8") as given:
                noted = [json.loads(line) for line in given]
        self.assertEqual([what for what, _ in noted], ["run", "delete"])
        for what, found in noted:
            self.assertEqual([place for place in found if place.split(":")[0] not in ("/dev/null", "pipe")], [], what)

    def test_everything_off(self):
        off = {"user": "server", "no_new_privs": False, "core_dumps": True, "max_files": 0, "max_processes": 0,
               "limit_memory": False, "tmp_mb": 0}
        with Server(self.folder, [{"app": "t", "name": "rogue", "isolation": off, "config": {"TMPDIR": "/tmp"},
                                   "command": [PYTHON, os.path.join(self.folder, "rogue.py")]}]) as server:
            seen = server.call("rogue", do="look")[1]
            self.assertEqual((seen["uid"], seen["no_new_privs"], seen["tmp"]), (os.getuid(), "0", "/tmp"))

    @unittest.skipUnless(ROOT, "only root gives users")
    def test_a_program_that_comes_later_gets_no_more_than_others(self):
        for name in "automatic", "own":
            function = self.rogue("rogue", command=["later/" + name, os.path.join(self.folder, "rogue.py")], isolation={} if name == "automatic" else {"user": name})
            with self.subTest(name), Server(self.folder, [function]) as server:
                server.log.wait(f'level=warn msg="cannot be started as long as there is no .*/later/{name}"')
                self.assertEqual(server.call("rogue", do="look")[0], 502)
                os.makedirs(os.path.join(self.folder, "later"), exist_ok=True)
                os.chmod(os.path.join(self.folder, "later"), 0o755)
                os.symlink(PYTHON, os.path.join(self.folder, "later", name))
                give_up = time.monotonic() + PATIENCE
                while (answer := server.call("rogue", do="look"))[0] != 200:  # by starts that had failed before
                    self.assertLess(time.monotonic(), give_up, answer)
                self.assertIn(answer[1]["uid"], OWN_USERS)

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


# What Debian's Node has as files, of that which others have in the program.
NODE_PARTS = ["/usr/share/nodejs/" + name for name in ("acorn", "acorn-walk", "cjs-module-lexer", "minimatch", "undici")]
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

    @unittest.skipUnless(CONTAINERS, "no runc, or no rights for it, or / is no mount point")
    def test_container(self):
        files = os.path.join(self.folder, "root")
        os.mkdir(files)
        make_root(files)
        copy_program(NODE, files)
        for part in filter(os.path.isdir, NODE_PARTS):
            shutil.copytree(part, files + part)
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
