#!/usr/bin/env python3
"""hotslotd over TLS and behind tokens, as curl and openssl see it.  Usage: tls.py HOTSLOTD TEST_FUNCTION"""

import http.client
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest

from hotslotd import ENVIRONMENT, PATIENCE, Hotslotd

FUNCTION = os.path.abspath(sys.argv.pop())
HOTSLOTD = os.path.abspath(sys.argv.pop())
TOKEN = "a-token-for-tests"


def run(*command, given=""):
    return subprocess.run(command, input=given, env=ENVIRONMENT, capture_output=True, text=True, timeout=PATIENCE,
                          check=False)


def openssl(*arguments):
    done = run("openssl", *arguments)
    assert done.returncode == 0, done.stderr


class Certificates:
    """An authority and what it signs, in a folder."""

    def __init__(self, folder):
        self.folder = folder
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
                "-subj", "/CN=hotslot test authority", "-keyout", self.path("ca.key"), "-out", self.path("ca.pem"))
        self.issue("server", "first")
        self.issue("client", "a client")

    def path(self, name):
        return os.path.join(self.folder, name)

    def issue(self, name, subject):
        """Both files are put in place of the old ones at once, since a server may read them at any time."""
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={subject}",
                "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                "-keyout", self.path("new.key"), "-out", self.path("new.csr"))
        openssl("x509", "-req", "-in", self.path("new.csr"), "-CA", self.path("ca.pem"), "-CAkey", self.path("ca.key"),
                "-copy_extensions", "copyall", "-days", "1", "-out", self.path("new.pem"))
        for kind in ("key", "pem"):
            os.rename(self.path(f"new.{kind}"), self.path(f"{name}.{kind}"))


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="hotslot-tls-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.certificates = Certificates(self.folder)
        self.tokens = os.path.join(self.folder, "tokens")
        with open(self.tokens, "w", encoding="utf-8") as out:
            out.write(f"# the test's\n{TOKEN}\n")

    def listener(self, **more):
        return {"address": "127.0.0.1:0",
                "tls": {"certificate": "server.pem", "key": "server.key"}} | more  # where the configuration is

    def server(self, listen=None, admin=None):
        function = {"app": "t", "name": "echo", "trigger": "/echo", "command": [FUNCTION, "echo"]}
        return Hotslotd(HOTSLOTD, self.folder, [function], listen=listen or self.listener(),
                        admin=admin or self.listener(token_file="tokens"))

    def curl(self, url, *arguments, trusting="ca.pem"):
        """curl's exit code, the status, the body."""
        done = run("curl", "-sS", "--max-time", str(PATIENCE), "--cacert", self.certificates.path(trusting),
                   "-w", "\n%{http_code}", *arguments, url)
        body, status = done.stdout.rsplit("\n", 1)
        return done.returncode, int(status), body


class Tls(Case):
    def test_curl_with_the_authority(self):
        with self.server() as server:
            self.assertTrue(server.url.startswith("https://127.0.0.1:"))
            code, status, body = self.curl(server.url + "/t/t/echo", "-d", "hello")
            self.assertEqual((code, status), (0, 200))
            self.assertIn("hello", body)

    def test_curl_with_another_authority(self):
        other = tempfile.mkdtemp(prefix="hotslot-tls-")
        self.addCleanup(shutil.rmtree, other)
        Certificates(other)
        with self.server() as server:
            peer_not_verified = 60
            self.assertEqual(self.curl(server.url, trusting=os.path.join(other, "ca.pem"))[0], peer_not_verified)
            code, status, _ = self.curl(server.url.replace("https", "http"))
            self.assertNotEqual(code, 0)
            self.assertEqual(status, 0)

    def test_callers_certificates(self):
        listen = self.listener()
        listen["tls"]["client_ca"] = "ca.pem"
        with self.server(listen) as server:
            url = server.url + "/t/t/echo"
            self.assertNotEqual(self.curl(url)[0], 0)
            own = ("--cert", self.certificates.path("client.pem"), "--key", self.certificates.path("client.key"))
            self.assertEqual(self.curl(url, *own)[:2], (0, 200))

    def s_client(self, server, *arguments, given=""):
        return run("openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-CAfile",
                   self.certificates.path("ca.pem"), "-verify_return_error", *arguments, given=given)

    def test_versions(self):
        with self.server() as server:
            for version in ("-tls1", "-tls1_1"):
                done = self.s_client(server, version, "-cipher", "ALL:@SECLEVEL=0")
                self.assertNotEqual(done.returncode, 0, version)
                self.assertIn("alert protocol version", done.stderr)
            for version, name in (("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")):
                done = self.s_client(server, version)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn(f"New, {name}", done.stdout)
                self.assertIn("Verify return code: 0 (ok)", done.stdout)
                self.assertIn("Compression: NONE", done.stdout)

    def test_each_cipher_of_tls_1_2(self):
        listed = run("openssl", "ciphers", "-s", "-tls1_2", "ALL:COMPLEMENTOFALL:@SECLEVEL=0").stdout.strip().split(":")
        self.assertGreater(len(listed), 30)
        with self.server() as server:
            taken = {c for c in listed
                     if self.s_client(server, "-tls1_2", "-cipher", f"{c}:@SECLEVEL=0").returncode == 0}
        self.assertEqual(taken, {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
                                 "ECDHE-ECDSA-CHACHA20-POLY1305"})  # of those for the certificate's kind of key

    def test_no_renegotiation(self):
        with self.server() as server:
            done = self.s_client(server, "-tls1_2", given="R\n")
            self.assertIn("RENEGOTIATING", done.stdout + done.stderr)
            self.assertIn("no renegotiation", done.stderr)

    def test_certificates_are_renewed_under_load(self):
        with self.server() as server:
            load = Load(server, self.certificates.path("ca.pem"))
            with load:
                for n in range(10):
                    self.certificates.issue("server", f"renewed {n}")
                    status = self.curl(server.admin_url + "/admin/reload", "-X", "POST",
                                       "-H", f"Authorization: Bearer {TOKEN}")[1]
                    self.assertEqual(status, 200)
                    load.wait_for_more_calls()
            self.assertEqual(load.failures, [])
            self.assertIn("CN = renewed 9", self.s_client(server).stdout)
            server.process.send_signal(signal.SIGHUP)  # with what it has already: nothing breaks
            self.assertEqual(self.curl(server.url + "/t/t/echo")[:2], (0, 200))

    def test_a_certificate_that_cannot_be_used_changes_nothing(self):
        with self.server() as server:
            with open(self.certificates.path("server.pem"), "w", encoding="utf-8") as out:
                out.write("nonsense")
            _, status, body = self.curl(server.admin_url + "/admin/reload", "-X", "POST",
                                        "-H", f"Authorization: Bearer {TOKEN}")
            self.assertEqual(status, 422)
            self.assertIn("server.pem as the certificate", json.loads(body)["message"])
            self.assertEqual(self.curl(server.url + "/t/t/echo")[:2], (0, 200))

    def test_a_start_with_files_that_cannot_be_used(self):
        for listen, told in ((self.listener(tls={"certificate": "server.pem", "key": "client.key"}),
                              "client.key as the certificate's key: key values mismatch"),
                             (self.listener(tls={"certificate": "none.pem", "key": "server.key"}), "none.pem"),
                             (self.listener(token_file="none"), "none as a file of tokens: No such file"),
                             (self.listener(tls={"certificate": "server.pem"}), "/listen/tls/key: ")):
            server = self.server(listen, "127.0.0.1:0")
            for flags in ((), ("--check-config",)):
                done = run(HOTSLOTD, "--config", server.config, *flags)
                self.assertEqual(done.returncode, 2)
                self.assertIn(told, done.stderr)


class Load:
    """Calls on connections of their own and on kept ones, until it is left."""

    def __init__(self, server, authority):
        self.server = server
        self.authority = authority
        self.failures = []
        self.calls = 0
        self.changed = threading.Condition()
        self.ended = threading.Event()

    def __enter__(self):
        self.threads = [threading.Thread(target=self.call, args=(kept,)) for kept in (True, False, False)]
        for t in self.threads:
            t.start()
        self.wait_for_more_calls()
        return self

    def __exit__(self, *_):
        self.ended.set()
        for t in self.threads:
            t.join()

    def wait_for_more_calls(self, more=30):
        with self.changed:
            before = self.calls
            assert self.changed.wait_for(lambda: self.failures or self.calls >= before + more, PATIENCE)

    def call(self, kept):
        context = ssl.create_default_context(cafile=self.authority)
        connection = None
        while not self.ended.is_set():
            try:
                if not connection:
                    connection = http.client.HTTPSConnection("127.0.0.1", self.server.port, context=context,
                                                             timeout=PATIENCE)
                connection.request("POST", "/t/t/echo", body=b"x")
                answer = connection.getresponse()
                answer.read()
                failed = None if answer.status == 200 else f"status {answer.status}"
            except OSError as e:
                failed = repr(e)
            if not kept:
                connection.close()
                connection = None
            with self.changed:
                self.calls += 1
                if failed:
                    self.failures.append(failed)
                self.changed.notify_all()
        if connection:
            connection.close()


class Tokens(Case):
    def test_who_has_one(self):
        with self.server() as server:
            for path in ("/stats", "/metrics", "/healthz", "/admin/reload", "/"):
                for arguments in ((), ("-H", "Authorization: Bearer another"), ("-u", "admin:another")):
                    code, status, _ = self.curl(server.admin_url + path, *arguments)
                    self.assertEqual((code, status), (0, 401), path)
            for arguments in (("-H", f"Authorization: Bearer {TOKEN}"), ("-u", f"anyone:{TOKEN}")):
                self.assertEqual(self.curl(server.admin_url + "/stats", *arguments)[:2], (0, 200))

    def test_new_tokens_by_a_reload(self):
        with self.server() as server:
            with open(self.tokens, "w", encoding="utf-8") as out:
                out.write("another-token\n")
            reload = (server.admin_url + "/admin/reload", "-X", "POST", "-H")
            self.assertEqual(self.curl(*reload, f"Authorization: Bearer {TOKEN}")[1], 200)
            self.assertEqual(self.curl(*reload, f"Authorization: Bearer {TOKEN}")[1], 401)
            self.assertEqual(self.curl(*reload, "Authorization: Bearer another-token")[1], 200)

    def test_functions_do_not_see_it(self):
        with self.server(self.listener(token_file="tokens"), "127.0.0.1:0") as server:
            url = server.url + "/t/t/echo"
            self.assertEqual(self.curl(url)[1], 401)
            _, status, body = self.curl(url, "-H", f"Authorization: Bearer {TOKEN}", "-H", "X-Other: seen")
            self.assertEqual(status, 200)
            self.assertIn("X-Other: seen", body)  # the function answers with what it got
            self.assertNotIn(TOKEN, body)

    def test_an_open_admin_address_is_warned_of(self):
        asks_nobody, plain = "it asks for no token", "without TLS"
        for admin, warned in (("127.0.0.1:0", ()), ("0.0.0.0:0", (asks_nobody, plain)),
                              ({"address": "0.0.0.0:0", "token_file": "tokens"}, (plain,)),
                              (self.listener(address="0.0.0.0:0", token_file="tokens"), ()),
                              (self.listener(address="0.0.0.0:0"), (asks_nobody,))):
            with self.server("127.0.0.1:0", admin) as server:
                pass
            log = server.log.text()
            for warning in (asks_nobody, plain):
                self.assertEqual(warning in log, warning in warned, f"{admin}: {log}")


if __name__ == "__main__":
    unittest.main()
