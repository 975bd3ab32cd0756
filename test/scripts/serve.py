#!/usr/bin/env python3
"""scripts/serve answers its first call wherever it is run, by what was built before.
Usage: serve.py SOURCES BUILD, with test/hotslotd among PYTHONPATH's"""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import unittest

import places
from hotslotd import ENVIRONMENT, PATIENCE, Lines, ask, children

SOURCES, BUILD = (os.path.abspath(path) for path in sys.argv[1:3])
del sys.argv[1:3]
DEVICES = {"null": 3, "zero": 5, "random": 8, "urandom": 9}


@unittest.skipUnless(os.geteuid() == 0, "only root can change its root")
class Serve(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        """A root with the machine's programs, a checkout, and neither /proc nor npm, which would ask the network."""
        cls.root = tempfile.mkdtemp(prefix="hotslot-serve-")
        cls.addClassCleanup(shutil.rmtree, cls.root)
        os.chmod(cls.root, 0o755)
        for place in ("tmp", "run", "dev", "proc", "usr", "etc", "var/lib/dpkg", "checkout/build/serve"):
            os.makedirs(os.path.join(cls.root, place))
        os.chmod(cls.root + "/tmp", 0o1777)
        for name, minor in DEVICES.items():
            os.mknod(f"{cls.root}/dev/{name}", 0o666 | stat.S_IFCHR, os.makedev(1, minor))
            os.chmod(f"{cls.root}/dev/{name}", 0o666)
        os.symlink("/proc/self/fd", cls.root + "/dev/fd")
        cls.places = {place: place for place in ("/usr", "/etc")} | {BUILD: "/checkout/build/serve"}
        if os.path.isdir("/var/lib/dpkg"):
            cls.places["/var/lib/dpkg"] = "/var/lib/dpkg"
        for name in os.listdir("/"):
            if name.startswith("lib") or name in ("bin", "sbin"):
                cls.take_over("/" + name)
        for npm in filter(os.path.exists, ("/usr/bin/npm", "/usr/local/bin/npm")):
            cls.places["/dev/null"] = os.path.realpath(npm)
        for folder in ("scripts", "examples"):
            shutil.copytree(os.path.join(SOURCES, folder), f"{cls.root}/checkout/{folder}",
                            ignore=shutil.ignore_patterns("node_modules"))

    @classmethod
    def take_over(cls, place):
        if os.path.islink(place):
            os.symlink(os.readlink(place), cls.root + place)
        elif os.path.isdir(place):
            os.mkdir(cls.root + place)
            cls.places[place] = place

    def place(self, *rights, mount_point=False):
        before = places.first(places.chroot_with(self.root, self.places, mount_point), *rights)
        if not places.can_be(before, program="/bin/true"):
            self.skipTest("the place cannot be made here")
        return before

    def check(self, *rights, mount_point=False, command=(), process_of=lambda process: process.pid):
        before = self.place(*rights, mount_point=mount_point)
        serve = [*command, "/checkout/scripts/serve", "--built", "--", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
        process = subprocess.Popen(serve, env=ENVIRONMENT, preexec_fn=before, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        log = Lines()
        reader = log.follow(process.stderr)
        try:
            said = []
            for line in process.stdout:
                said.append(line)
                if line.startswith("Ctrl-C drains and ends"):
                    self.check_call(next(line for line in said if line.startswith("listening on ")))
                    os.kill(process_of(process), signal.SIGTERM)
            self.assertIn("Type next, in another terminal:\n", said, log.all)
            self.assertEqual(process.wait(PATIENCE), 0, log.all)
        finally:
            process.kill()
            process.wait()
            reader.join()
            process.stdout.close()

    def check_call(self, listening):
        port = int(listening.rpartition(":")[2])
        self.assertEqual(ask(port, "POST", "/t/demo/echo", "hi")[::2], (200, b"hi"))

    def test_14_in_a_bare_chroot(self):
        self.check()

    @unittest.skipUnless(shutil.which("dpkg-query", path=ENVIRONMENT["PATH"]), "this is no Debian")
    def test_14_packages_are_looked_for_in_a_bare_chroot(self):
        script = "cd /checkout && source scripts/lib/common.sh && missing_packages bash no-such-package && install_packages bash"
        done = subprocess.run(["bash", "-c", script], env=ENVIRONMENT, preexec_fn=self.place(), capture_output=True, text=True,
                              check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout, "no-such-package ")

    def test_14_in_a_chroot_without_the_right_to_mount(self):
        self.check(places.without_sys_admin)

    def test_14_as_a_user_without_root(self):
        self.check(places.nobody, mount_point=True)

    def test_14_as_process_one(self):
        self.check(mount_point=True, command=["unshare", "--pid", "--fork", "--mount-proc"],
                   process_of=lambda process: children(process.pid)[0])


if __name__ == "__main__":
    unittest.main()
