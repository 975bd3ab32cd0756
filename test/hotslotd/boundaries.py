#!/usr/bin/env python3
"""What docs/isolation.md says that a function can do: each row of its table, in each column, is tried.
Usage: boundaries.py HOTSLOTD DOCUMENT"""

import os
import shutil
import signal
import sys
import tempfile
import time
import unittest

import isolated
import places
from hotslotd import PATIENCE, ask, is_ending
from isolated import BUBBLEWRAP, CONTAINERS, MOUNTS, PYTHON, ROOT, need_proc

with open(sys.argv[2], encoding="utf-8") as document:
    DOCUMENT = document.read().splitlines()
del sys.argv[1:3]
HEADER = '| a function can | `"server"` | `"own"` | `"bwrap"` | `"oci"` |'
MEMORY_MB, TMP_MB, MAX_PROCESSES = 64, 8, 20


def table():
    """What is said of each thing, column by column."""
    rows = DOCUMENT[DOCUMENT.index(HEADER) + 2:]
    rows = rows[:next((n for n, line in enumerate(rows) if not line.startswith("|")), len(rows))]
    return {what: said for what, *said in ([cell.strip() for cell in row.strip("|").split("|")] for row in rows)}


TABLE = table()


class Column:
    """A running server for one way to isolate."""

    def __init__(self, isolation, files=None):
        self.isolation = isolation
        self.in_files = {"command": [PYTHON, "/rogue.py"]} if files else {}
        self.case = isolated.Case()

    def rogue(self, name, **isolation):
        return self.case.rogue(name, isolation=self.isolation | isolation, memory_mb=MEMORY_MB) | self.in_files

    def start(self):
        self.case.setUp()
        functions = [self.rogue("rogue", tmp_mb=TMP_MB, max_processes=MAX_PROCESSES), self.rogue("other")]
        if "sandbox" in self.isolation:
            functions.append(self.rogue("alone", network=False))
        self.server = isolated.Server(self.case.folder, functions)
        self.server.start()
        self.grouped = "by control group" in self.server.log.wait('memory="')[0]
        self.server.call("other")

    def workers(self, name):
        return isolated.workers_of(self.server.sockets, name)

    def stop(self):
        self.server.stop()
        for pid in isolated.processes_started_below(self.server.sockets):  # as one of the rows lets them
            os.kill(pid, signal.SIGKILL)
        self.case.doCleanups()

    def can(self, what, function="rogue", **more):
        """A function that is killed for it cannot."""
        return self.server.call(function, do="can", what=what, **more) == (200, True)


def setUpModule():
    need_proc()
    if not ROOT:
        raise unittest.SkipTest("the table is of a server that is root")


class Boundaries(unittest.TestCase):
    """The docstring of each test is a row."""

    @classmethod
    def setUpClass(cls):
        cls.files = tempfile.mkdtemp(prefix="hotslot-rootfs-")
        cls.addClassCleanup(shutil.rmtree, cls.files)
        isolated.make_python_root(cls.files)
        cls.columns = [Column({"user": "server"}), Column({"user": "own"})]
        cls.columns.append(Column({"sandbox": "bwrap"}) if BUBBLEWRAP else None)
        cls.columns.append(Column({"sandbox": "oci", "rootfs": cls.files}, cls.files) if CONTAINERS else None)
        for column in filter(None, cls.columns):
            cls.addClassCleanup(column.stop)
            column.start()

    def check(self, can, network=None):
        what = self._testMethodDoc
        for column, said in zip(self.columns, TABLE[what]):
            if not column:
                continue
            with self.subTest(what=what, column=column.isolation):
                self.assertIn(said, ("yes", "no", "without a group", "unless `network` is false"))
                expected = said == "yes" or (said == "without a group" and not column.grouped) or said.startswith("unless")
                self.assertEqual(can(column), expected)
                if said.startswith("unless"):
                    self.assertFalse(network(column))

    def test_rows(self):
        """Each row has a test, and each test a row."""
        tests = {getattr(self, name).__doc__ for name in dir(self) if name.startswith("test_14_5_")}
        self.assertEqual(tests, set(TABLE))

    def make_file(self, parent, mode=0o644):
        try:
            folder = tempfile.mkdtemp(prefix="hotslot-boundaries-", dir=parent)
        except OSError as e:
            self.skipTest(f"nothing can be put into {parent}: {e.strerror}")
        self.addCleanup(shutil.rmtree, folder)
        os.chmod(folder, 0o777)
        path = os.path.join(folder, "file")
        with open(path, "w", encoding="utf-8") as out:
            out.write("x")
        os.chmod(path, mode)
        return path

    def test_14_5_reads_the_machine(self):
        """read what everybody may, as /etc/passwd"""
        self.check(lambda column: column.can("read_file", path="/etc/passwd"))

    def test_14_5_reads_hidden_places(self):
        """read what everybody may in /home, /run, /srv, /mnt, /var/tmp and the like"""
        files = [self.make_file(parent) for parent in ("/run", "/var/tmp")]
        self.check(lambda column: any(column.can("read_file", path=file) for file in files))

    def test_14_5_writes_to_the_machine(self):
        """write where everybody may, as to /var/tmp"""
        folder = os.path.dirname(self.make_file("/var/tmp"))
        self.check(lambda column: column.can("write_file", path=f"{folder}/{id(column)}", mb=0))

    def test_14_5_reads_roots_files(self):
        """read files that are root's alone"""
        file = self.make_file("/opt", 0o600)
        self.check(lambda column: column.can("read_file", path=file))

    def test_14_5_fills_the_socket_directory(self):
        """fill the file system of `socket_dir`"""
        self.check(lambda column: column.can("write_file", mb=4 * TMP_MB))

    @unittest.skipUnless(MOUNTS, "nothing can be mounted here")
    def test_14_5_fills_the_temporary_directory(self):
        """put more than `tmp_mb` into `TMPDIR`"""
        self.check(lambda column: column.can("write_temporary_files", mb=2 * TMP_MB))

    def test_14_5_reads_other_workers(self):
        """read the socket directory of another worker"""
        def can(column):
            (directory,) = set(column.workers("other").values())
            with open(directory + "/file", "w", encoding="utf-8") as out:
                out.write("x")
            return column.can("read_file", path=directory + "/file")
        self.check(can)

    def test_14_5_reads_other_environments(self):
        """read the environment of another function"""
        self.check(lambda column: column.can("read_environment_of_function", of="other"))

    def test_14_5_sees_other_processes(self):
        """see that hotslotd runs"""
        self.check(lambda column: column.can("read_file", path=f"/proc/{column.server.process.pid}/cmdline"))

    def test_14_5_signals_the_server(self):
        """send signals to hotslotd and to other functions"""
        self.check(lambda column: column.server.call("rogue", do="send_signal", pid=column.server.process.pid)[1] == "")

    def test_14_5_uses_the_network(self):
        """connect to what listens on the machine, the admin address among it"""
        self.check(lambda column: column.can("connect", port=column.server.admin),
                   lambda column: column.can("connect", "alone", port=column.server.admin))

    def test_14_5_has_capabilities(self):
        """have a capability"""
        self.check(lambda column: column.server.call("rogue", do="look")[1]["capabilities"] != isolated.NO_CAPABILITIES)

    def test_14_5_gains_rights(self):
        """gain rights by set-user-id programs"""
        self.check(lambda column: column.server.call("rogue", do="look")[1]["no_new_privs"] != "1")

    @unittest.skipUnless(places.can_be(places.own_users), "the kernel lets nobody make name spaces of users")
    def test_14_5_makes_user_name_spaces(self):
        """make name spaces, where the kernel lets any user"""
        self.check(lambda column: column.can("make_user_name_space"))

    def test_14_5_takes_memory(self):
        """take more than `memory_mb`, by memory that is shared"""
        self.check(lambda column: column.can("take_shared_memory", mb=8 * MEMORY_MB))

    def test_14_5_makes_processes(self):
        """make more than `max_processes`"""
        self.check(lambda column: column.can("make_processes", count=2 * MAX_PROCESSES))

    def test_14_5_uses_every_processor(self):
        """use every processor"""
        all_of_them = len(os.sched_getaffinity(0))
        self.check(lambda column: column.server.call("rogue", do="look")[1]["processors"] == all_of_them)

    def test_14_5_outlives_its_worker(self):
        """leave a process behind"""
        def can(column):
            self.assertEqual(column.server.call("rogue", do="daemonize")[0], 200)
            (directory,) = set(column.workers("rogue").values())
            self.assertEqual(ask(column.server.admin, "POST", "/admin/recycle/t/rogue")[0], 202)
            late = time.monotonic() + PATIENCE
            while os.path.exists(directory) and time.monotonic() < late:
                pass  # nothing tells
            return any(of == directory and not is_ending(pid) for pid, of in column.workers("rogue").items())
        self.check(can)


if __name__ == "__main__":
    unittest.main()
