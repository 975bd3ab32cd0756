#!/usr/bin/env python3
"""Runs examples/postgres_pool with a real PostgreSQL.  Usage: postgres_example.py FOLDER [TEST]...

The server is Debian's, on a socket of its own. Under load its connections are killed and stalled, and it is restarted; in the
end its table is compared with what the program has said of each row. HOTSLOT_CHAOS_SECONDS says for how long the chaos goes on
(0: six rounds)."""

import glob
import os
import queue
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

PROGRAM = os.path.join(sys.argv.pop(1) if len(sys.argv) > 1 else ".", "postgres_pool")

# Debian keeps a server's programs out of the path, by version.
BIN = os.path.dirname(max(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda path: int(re.search(r"\d+", path)[0]),
                          default=""))
SECONDS = float(os.environ.get("HOTSLOT_CHAOS_SECONDS", "0"))
CONNECTIONS = 4
# The server refuses to run as root.
USER = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
# A socket's path may not be long.
PLACE = "/tmp"


class Session:
    """psql, which ends where a statement fails."""

    def __init__(self, server):
        self.process = subprocess.Popen(
            [os.path.join(BIN, "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", server.folder, "-U", "postgres"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.communicate()

    def ask(self, statement):
        """Lines."""
        self.process.stdin.write(statement + ";\n\\echo done\n")
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            if line == "done\n":
                return lines
            lines.append(line.strip())
        raise RuntimeError(f"psql has ended: {statement}")


class Server:
    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="hotslot-postgres-", dir=PLACE)
        if USER:
            shutil.chown(self.folder, "postgres", "postgres")
        subprocess.run([os.path.join(BIN, "initdb"), "-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale",
                        "--no-sync"], cwd=self.folder, stdout=subprocess.DEVNULL, check=True, **USER)
        self.start()
        return self

    def __exit__(self, *_):
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder)

    def start(self):
        """Returns when it is ready."""
        settings = {"unix_socket_directories": self.folder, "listen_addresses": "", "fsync": "off", "shared_buffers": "16MB",
                    "max_connections": 50, "client_min_messages": "warning"}
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self.process = subprocess.Popen([os.path.join(BIN, "postgres"), "-D", "data", *words], cwd=self.folder,
                                        env={"LC_ALL": "C"}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                        **USER)
        log = self.process.stderr
        for line in log:
            if "database system is ready to accept connections" in line:
                break
        else:
            raise RuntimeError(f"the server ended with {self.process.wait()}")
        self.reader = threading.Thread(target=log.read)
        self.reader.start()
        self.session = Session(self)

    def stop(self, how):
        """SIGINT: an ordinary end. SIGQUIT: like a crash."""
        with self.session:
            pass
        self.process.send_signal(how)
        self.process.wait()
        self.reader.join()
        self.process.stderr.close()

    def ask(self, statement):
        return self.session.ask(statement)

    def number(self, statement):
        return int(self.ask(statement)[0])

    def configure(self, what):
        self.ask(f"ALTER SYSTEM {what}")
        self.ask("SELECT pg_reload_conf()")

    def await_number(self, statement, enough):
        while not enough(self.number(statement)):
            time.sleep(0.01)

    # The program's connections are all those that are not psql's.
    OF_THE_POOL = "FROM pg_stat_activity WHERE backend_type = 'client backend' AND application_name <> 'psql'"

    def connections(self):
        return [int(pid) for pid in self.ask(f"SELECT pid {self.OF_THE_POOL}")]

    def await_connections(self, enough):
        self.await_number(f"SELECT count(*) {self.OF_THE_POOL}", enough)

    def await_more_rows(self):
        more = self.number("SELECT count(*) FROM entries") + 200
        self.await_number("SELECT count(*) FROM entries", lambda n: n >= more)

    def kill_connections(self):
        return self.number(f"SELECT count(pg_terminate_backend(pid)) {self.OF_THE_POOL}")

    def restart(self, how):
        self.stop(how)
        self.start()


class Pool:
    """The example, and what it has said. The server has an empty table for it."""

    def __init__(self, server, *, callers=32, timeout_ms=60000, naive=False):
        server.ask("DROP TABLE IF EXISTS entries")
        server.ask("CREATE TABLE entries (id int, at timestamptz DEFAULT clock_timestamp())")
        self.server = server
        self.refused, self.unsure = set(), set()
        self.ids = self.counted = 0
        where = f"host={server.folder} user=postgres dbname=postgres application_name=pool" \
                " options='-c client_connection_check_interval=100'"
        self.process = subprocess.Popen([PROGRAM, *["--naive"] * naive, where, str(callers), str(timeout_ms)], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.lines = queue.Queue()
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def end(self):
        self.process.stdin.close()
        code = self.process.wait()
        self.kill()
        assert code == 0, f"exit code {code}"

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdin.close()
        self.process.stdout.close()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put("ended")

    def tell(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def result(self):
        """The program's last line of a command, when it has come."""
        while not (end := re.match(r"(\d+) counted, (\d+) refused, (\d+) unsure$", line := self.lines.get())):
            assert line != "ended"
            if m := re.match(r"(refused|unsure) (\d+): ", line):
                (self.refused if m[1] == "refused" else self.unsure).add(int(m[2]))
        counts = [int(n) for n in end.groups()]
        self.ids += sum(counts)
        self.counted += counts[0]
        return line.strip()

    def insert(self, n):
        self.tell(f"insert {n}")
        return self.result()

    def sockets(self):
        folder = f"/proc/{self.process.pid}/fd"
        found = []
        for name in os.listdir(folder):
            try:
                found.append(os.readlink(os.path.join(folder, name)))
            except FileNotFoundError:
                pass
        return {link for link in found if link.startswith("socket:")}

    def stall_connections(self):
        """Until the program has given up each of those that it has."""
        sockets, pids = self.sockets(), self.server.connections()
        for pid in pids:
            signal_if_there(pid, signal.SIGSTOP)
        try:
            while sockets & self.sockets():
                time.sleep(0.01)
        finally:
            for pid in pids:
                signal_if_there(pid, signal.SIGCONT)


def signal_if_there(pid, what):
    try:
        os.kill(pid, what)
    except ProcessLookupError:
        pass


@unittest.skipUnless(os.path.exists(PROGRAM), "postgres_pool is not built: no libpq")
@unittest.skipUnless(BIN, "no PostgreSQL in /usr/lib/postgresql")
class PostgresPool(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(Server())

    def pool(self, **how):
        pool = Pool(self.server, **how)
        self.addCleanup(pool.kill)
        return pool

    def check_rows(self, pool):
        """Each row that was counted is there once, none that was refused is, and there are no others."""
        rows = [int(n) for n in self.server.ask("SELECT id FROM entries")]
        there = set(rows)
        self.assertEqual(len(rows), len(there), "a row is there twice")
        ids = set(range(1, pool.ids + 1))
        self.assertFalse(pool.refused & pool.unsure)
        self.assertFalse(there & pool.refused, "a row that was refused")
        self.assertFalse(ids - pool.refused - pool.unsure - there, "a row that was counted is not there")
        self.assertFalse(there - ids)
        self.assertEqual(len(ids - pool.refused - pool.unsure), pool.counted)

    def check_end(self, pool):
        """On either side there are no more connections than there may be, and in the end none."""
        while len(pool.sockets()) > CONNECTIONS:
            time.sleep(0.01)
        self.server.await_connections(lambda n: n <= CONNECTIONS)
        pool.end()
        self.server.await_connections(lambda n: n == 0)
        self.check_rows(pool)

    def test_rows_are_counted(self):
        pool = self.pool()
        self.server.ask("ALTER TABLE entries ADD CHECK (id % 10 <> 0)")
        # What a call has done to its session is undone before the next one.
        self.server.ask("CREATE OR REPLACE FUNCTION check_session() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                        " IF current_setting('application_name') <> 'pool' THEN RAISE 'not a fresh session'; END IF;"
                        " RETURN NULL; END $$")
        self.server.ask("CREATE TRIGGER fresh BEFORE INSERT ON entries EXECUTE FUNCTION check_session()")
        self.assertEqual(pool.insert(400), "360 counted, 40 refused, 0 unsure")
        self.check_end(pool)

    def test_connections_that_ended_while_idle(self):
        pool = self.pool()
        pool.insert(CONNECTIONS)
        self.assertGreater(self.server.kill_connections(), 0)
        self.server.await_connections(lambda n: n == 0)
        self.assertEqual(pool.insert(400), "400 counted, 0 refused, 0 unsure")
        self.check_end(pool)

    def test_idle_connections_are_kept_alive(self):
        pool = self.pool()
        while self.server.number(f"SELECT count(*) {Server.OF_THE_POOL} AND query = 'SELECT 1'") == 0:
            if not self.server.connections(): # at first, and where a slow machine has let them grow too old
                self.assertEqual(pool.insert(1), "1 counted, 0 refused, 0 unsure")
            time.sleep(0.01)
        self.check_end(pool)

    def test_connections_killed_under_load(self):
        pool = self.pool()
        pool.tell("start")
        killed = 0
        for _ in range(5):
            self.server.await_more_rows()
            killed += self.server.kill_connections()
        self.server.await_more_rows()
        pool.tell("stop")
        pool.result()
        self.assertEqual(len(pool.refused), 0)
        self.assertLessEqual(len(pool.unsure), killed)  # one call on each, at most
        self.check_end(pool)

    def test_connections_killed_when_all_is_done_but_the_answer(self):
        pool = self.pool()
        pool.tell("start")
        self.server.await_more_rows()
        # Commits wait for a second server, which there is not.
        self.server.configure("SET synchronous_standby_names = 'nobody'")
        self.server.await_number(f"SELECT count(*) {Server.OF_THE_POOL} AND wait_event = 'SyncRep'",
                                 lambda n: n == CONNECTIONS)
        self.assertEqual(self.server.kill_connections(), CONNECTIONS)
        self.server.await_number(f"SELECT count(*) {Server.OF_THE_POOL} AND wait_event = 'SyncRep'",
                                 lambda n: n == CONNECTIONS)
        self.server.configure("RESET synchronous_standby_names")
        self.server.await_more_rows()
        pool.tell("stop")
        pool.result()
        self.assertEqual((len(pool.refused), len(pool.unsure)), (0, CONNECTIONS))
        there = {int(n) for n in self.server.ask("SELECT id FROM entries")}
        self.assertLessEqual(pool.unsure, there)
        self.check_end(pool)

    def test_a_statement_that_takes_too_long(self):
        pool = self.pool(callers=CONNECTIONS, timeout_ms=500)
        with Session(self.server) as other:
            other.ask("BEGIN; LOCK entries IN SHARE MODE") # nobody inserts before it has gone
            self.assertEqual(pool.insert(CONNECTIONS), "0 counted, 0 refused, 4 unsure")
            # The server ends what nobody waits for, so none of it is done after all.
            self.server.await_connections(lambda n: n == 0)
        self.assertEqual(self.server.number("SELECT count(*) FROM entries"), 0)
        while pool.insert(1) != "1 counted, 0 refused, 0 unsure":
            pass
        self.check_end(pool)

    def test_connections_stalled_under_load(self):
        pool = self.pool(timeout_ms=500)
        pool.tell("start")
        for _ in range(2):
            self.server.await_more_rows()
            pool.stall_connections()
        self.server.await_more_rows()
        pool.tell("stop")
        pool.result()
        self.check_end(pool)

    def restarted_under_load(self, naive):
        """How many calls have failed, and the seconds from when the server was ready to the first row."""
        pool = self.pool(naive=naive)
        pool.tell("start")
        took = []
        for how in (signal.SIGINT, signal.SIGQUIT):
            self.server.await_more_rows()
            before = self.server.number("SELECT max(id) FROM entries")
            self.server.restart(how)
            ready = time.time()
            self.server.await_more_rows()
            first = f"SELECT extract(epoch FROM min(at)) FROM entries WHERE at > to_timestamp({ready})"
            took.append(float(self.server.ask(first)[0]) - ready)
            self.assertGreater(self.server.number("SELECT max(id) FROM entries"), before)
        pool.tell("stop")
        pool.result()
        self.check_end(pool)
        return pool, took

    def test_server_restarted_under_load(self):
        pool, took = self.restarted_under_load(naive=False)
        naive_pool, naive_took = self.restarted_under_load(naive=True)
        self.assertLessEqual(len(pool.unsure), 2 * CONNECTIONS)
        for name, p, seconds in (("postgres_pool", pool, took), ("--naive", naive_pool, naive_took)):
            print(f"{name}: {len(p.refused)} refused, {len(p.unsure)} unsure; the first row",
                  " and ".join(f"{s * 1000:.0f} ms" for s in seconds), "after the server was ready", file=sys.stderr)

    def test_chaos(self):
        pool = self.pool(timeout_ms=500)
        what = [self.server.kill_connections, pool.stall_connections, lambda: self.server.restart(signal.SIGINT),
                lambda: self.server.restart(signal.SIGQUIT)]
        seed = random.randrange(2**32)
        print("seed", seed, file=sys.stderr)
        choose, deck = random.Random(seed), []
        end, rounds = time.monotonic() + SECONDS, 0
        pool.tell("start")
        while rounds < 6 or time.monotonic() < end:
            deck = deck or choose.sample(what, len(what))
            self.server.await_more_rows()
            deck.pop()()
            rounds += 1
        self.server.await_more_rows()
        pool.tell("stop")
        print(rounds, "rounds:", pool.result(), file=sys.stderr)
        self.check_end(pool)


if __name__ == "__main__":
    unittest.main()
