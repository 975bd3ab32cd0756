#!/usr/bin/env python3
"""hotslotd where the machine, or whoever starts it, is not as one expects.
Usage: machines.py HOTSLOTD TEST_FUNCTION"""

import contextlib
import fcntl
import http.client
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import places
from hotslotd import ENVIRONMENT, PATIENCE, Hotslotd, ask, children, copy_program

NO_PROC = "LeakSanitizer has encountered a fatal error"  # which needs it, to be told otherwise, too

HOTSLOTD, FUNCTION = (os.path.abspath(path) for path in sys.argv[1:3])
del sys.argv[1:3]


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="hotslot-machines-")
        os.chmod(self.folder, 0o755)
        self.addCleanup(shutil.rmtree, self.folder)

    def server(self, **more):
        function = {"app": "t", "name": "echo", "command": [FUNCTION, "echo"]} | more.pop("function", {})
        return Hotslotd(HOTSLOTD, self.folder, [function], **more)

    def until(self, holds):
        """Nothing tells."""
        give_up = time.monotonic() + PATIENCE
        while not holds():
            self.assertLess(time.monotonic(), give_up)

    def check(self, environment):
        """What hotslotd says with that environment, and its exit code."""
        server = self.server()
        done = subprocess.run([HOTSLOTD, "--config", server.config], env=ENVIRONMENT | environment, capture_output=True,
                              text=True, timeout=PATIENCE, check=False)
        return done.returncode, done.stderr


class Descriptors(Case):
    def test_14_8_closed_standard_ones_are_no_files_of_ours(self):
        """What is written to them went into whatever was opened first."""
        for closed in ((2,), (0, 1, 2), (0, 2)):
            config = os.path.join(self.folder, "other.json")
            sockets = tempfile.mkdtemp(dir=self.folder)
            server = self.server(socket_dir=sockets)
            shutil.copy(server.config, config)
            redirections = " ".join(f"{fd}>&-" if fd else "<&-" for fd in closed)
            process = subprocess.Popen(["sh", "-c", f'exec "$0" --config "$1" {redirections}', HOTSLOTD, config],
                                       env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE)
            try:
                if 1 not in closed:
                    process.stdout.readline()
                else:
                    self.until(lambda at=sockets: is_locked(at))
                for fd in closed:
                    self.assertEqual(os.readlink(f"/proc/{process.pid}/fd/{fd}"), "/dev/null")
            finally:
                process.terminate()
                process.wait(PATIENCE)
                for stream in (process.stdin, process.stdout, process.stderr):
                    stream.close()

    def test_14_10_as_many_as_may_be_had(self):
        """And functions the soft limit that hotslotd was given, or their own."""
        def lower():
            hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))

        for asked, expected in ((0, 256), (300, 300)):
            with self.server(before=lower, isolation={"max_files": asked}) as server:
                self.assertEqual(ask(server.port, "POST", "/invoke/t/echo", "x")[0], 200)
                self.assertEqual(soft_limit(server.process.pid), resource.getrlimit(resource.RLIMIT_NOFILE)[1])
                (worker,) = children(server.process.pid)
                self.assertEqual(soft_limit(worker), expected)


def is_locked(folder):
    """As that of its sockets is, once hotslotd has come so far."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def soft_limit(pid):
    with open(f"/proc/{pid}/limits", encoding="utf-8") as limits:
        return next(int(line.split()[3]) for line in limits if line.startswith("Max open files"))


NO_MOUNTS = "may fill the disk of its temporary directory"
NO_USERS = "runs as the server's user, root: no user ids can be had"


@unittest.skipUnless(os.geteuid() == 0, "only root can give up what it has")
class Places(Case):
    """14.6: what is a default only and cannot be had is left out, with a warning; calls are answered."""

    @classmethod
    def setUpClass(cls):
        """A root with what hotslotd and its function need, and no /proc; anybody may run them, from without too."""
        cls.root = tempfile.mkdtemp(prefix="hotslot-root-")
        cls.addClassCleanup(shutil.rmtree, cls.root)
        os.chmod(cls.root, 0o755)
        for place in ("tmp", "run", "dev", "proc"):
            os.makedirs(os.path.join(cls.root, place))
        os.chmod(cls.root + "/tmp", 0o1777)
        for program, name in ((HOTSLOTD, "/hotslotd"), (FUNCTION, "/function"), ("/bin/true", "/true")):
            copy_program(program, cls.root, name)
        os.mknod(cls.root + "/dev/null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        os.chmod(cls.root + "/dev/null", 0o666)

    def check_call(self, root, before, mode="echo", body=None, **isolation):
        function = {"command": [root + "/function", mode], "isolation": isolation}
        config = self.server(function=function).config
        shutil.copy(config, self.root + "/hotslot.json")
        process = subprocess.Popen([root + "/hotslotd", "--config", config if root else "/hotslot.json"],
                                   env=ENVIRONMENT, preexec_fn=before,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            url = process.stdout.readline().split()[-1]
            status, _, said = ask(int(url.rpartition(":")[2]), "POST", "/invoke/t/echo", "x")
            self.assertEqual(status, 200, said)
            if body is not None:
                self.assertEqual(said.decode(), body)
        finally:
            process.terminate()
            log = process.communicate(timeout=PATIENCE)[1]
        if NO_PROC not in log:
            self.assertEqual(process.returncode, 0, log)
        return log

    def check_with(self, *rights, said=()):
        for name, root, place in (("here", self.root, places.anywhere), ("chroot", "", places.chroot(self.root)),
                                  ("read-only", "", places.read_only(self.root))):
            with self.subTest(place=name):
                if not places.can_be(place, *rights, program=root + "/true"):
                    self.skipTest("cannot be made here")
                log = self.check_call(root, places.first(place, *rights))
                for text in (*said, NO_MOUNTS) if name == "chroot" else said:
                    self.assertIn(text, log)

    def test_14_28_a_named_user_has_its_groups(self):
        """As the accounts of that root have them."""
        os.makedirs(self.root + "/etc", exist_ok=True)
        with open(self.root + "/etc/passwd", "w", encoding="utf-8") as out:
            out.write("root:x:0:0::/:\nworker:x:4321:4321::/:\n")
        with open(self.root + "/etc/group", "w", encoding="utf-8") as out:
            out.write("root:x:0:\nworker:x:4321:\nreaders:x:4322:root,worker\nothers:x:4323:root\n")
        for user in ("worker", 4321):
            self.check_call("", places.chroot(self.root), "groups", "4321 4322 and 4321", user=user)
        self.check_call("", places.chroot(self.root), "groups", "and 4444", user=4444)

    @unittest.skipUnless(shutil.which("bwrap", path=ENVIRONMENT["PATH"]), "no bubblewrap")
    def test_14_6_bubblewrap_that_can_make_no_sandbox(self):
        """It is asked for by name, so calls are not what finds out."""
        config = self.server(isolation={"sandbox": "bwrap"}).config
        done = subprocess.run([HOTSLOTD, "--config", config], env=ENVIRONMENT, preexec_fn=places.forbid("mount"), capture_output=True, text=True, timeout=PATIENCE, check=False)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertRegex(done.stderr, "function t/echo: bubblewrap can make no sandbox here: bwrap: .+")

    def test_14_6_as_root(self):
        self.check_with()

    def test_14_6_without_the_right_to_mount(self):
        self.check_with(places.without_sys_admin, said=[NO_MOUNTS])

    def test_14_6_as_nobody(self):
        self.check_with(places.nobody, said=[NO_MOUNTS])

    def test_14_6_where_a_profile_forbids_mounts(self):
        self.check_with(places.forbid("mount"), said=[NO_MOUNTS])

    def test_14_6_where_a_profile_forbids_name_spaces(self):
        self.check_with(places.forbid("unshare"), said=[NO_MOUNTS])

    def test_14_6_where_a_profile_forbids_other_users(self):
        for call in ("setresuid", "setgroups"):
            self.check_with(places.forbid(call), said=[NO_USERS])

    def test_14_6_where_a_profile_leaves_nothing(self):
        self.check_with(places.forbid(*places.CALLS), places.without_sys_admin, said=[NO_MOUNTS, NO_USERS])


def open_files(pid):
    """What its descriptors are, but for those that are closed meanwhile."""
    found = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            found.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
    return found


class StartingWorkers(Case):
    def test_14_9_take_one_inotify_instance(self):
        """A user has 128 of them by default."""
        at_once = 12
        with self.server(function={"command": [FUNCTION, "never-listen"], "max_workers": at_once, "memory_mb": 16,
                                   "start_timeout_ms": 1000 * PATIENCE, "stop_grace_ms": 100}, drain_grace_s=0) as server:
            def call():
                with contextlib.suppress(OSError, http.client.HTTPException):  # the server ends first
                    ask(server.port, "POST", "/invoke/t/echo", "x")

            callers = [threading.Thread(target=call) for _ in range(at_once)]
            for caller in callers:
                caller.start()
            server.log.wait("does not listen", at_once)  # read of each worker after it is waited for
            self.assertEqual(open_files(server.process.pid).count("anon_inode:inotify"), 1)
        for caller in callers:
            caller.join()


def can_be_process_one():
    return os.geteuid() == 0 and subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", "true"], env=ENVIRONMENT,
                                                stderr=subprocess.DEVNULL, check=False).returncode == 0


@unittest.skipUnless(can_be_process_one(), "no pid name space can be made")
class ProcessOne(Case):
    """14.7: as in a container without an init."""

    def start(self):
        server = self.server(function={"command": [FUNCTION, "orphans"]})
        shell = ["unshare", "--pid", "--fork", "--mount-proc", HOTSLOTD, "--config", server.config]
        process = subprocess.Popen(shell, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(process.stdout.close)
        url = process.stdout.readline().split()[-1]
        (first,) = children(process.pid)
        self.assertEqual(os.path.realpath(f"/proc/{first}/exe"), os.path.realpath(HOTSLOTD))
        return process, first, int(url.rpartition(":")[2])

    def test_14_7_orphans_are_reaped_and_signals_obeyed(self):
        process, first, port = self.start()
        for _ in range(10):
            self.assertEqual(ask(port, "POST", "/invoke/t/echo", "x")[0], 200)
        self.until(lambda: len(children(first)) == 1)
        os.kill(first, signal.SIGTERM)
        self.assertEqual(process.wait(PATIENCE), 0)

    def test_14_7_it_ends_as_the_server_does(self):
        process, first, _ = self.start()
        (server,) = children(first)
        os.kill(server, signal.SIGKILL)
        self.assertEqual(process.wait(PATIENCE), 128 + signal.SIGKILL)


class TemporaryFolder(Case):
    def test_14_8_empty_is_unset(self):
        server = self.server()
        process = subprocess.Popen([HOTSLOTD, "--config", server.config], env=ENVIRONMENT | {"TMPDIR": ""},
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.assertIn("listening on", process.stdout.readline())
        process.terminate()
        self.assertEqual(process.wait(PATIENCE), 0)
        process.stdout.close()

    def test_14_8_missing(self):
        code, said = self.check({"TMPDIR": "/nowhere"})
        self.assertEqual(code, 2)
        self.assertIn("TMPDIR, /nowhere, ", said)

    def test_14_8_too_long(self):
        long = os.path.join(self.folder, "x" * 90)
        os.mkdir(long)
        code, said = self.check({"TMPDIR": long})
        self.assertEqual(code, 2)
        self.assertIn("TMPDIR, " + long, said)
        self.assertEqual(os.listdir(long), [])


if __name__ == "__main__":
    unittest.main()
