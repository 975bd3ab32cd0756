#!/usr/bin/env python3
"""hotslotd over TLS and behind tokens, as curl and openssl see it.  Usage: tls.py HOTSLOTD TEST_FUNCTION"""

import http.client
import json
import os
import shutil
import signal
import ssl
import sys
import tempfile
import threading
import unittest

from certificates import RSA, Certificates, run
from hotslotd import PATIENCE, Hotslotd

FUNCTION = os.path.abspath(sys.argv.pop())
HOTSLOTD = os.path.abspath(sys.argv.pop())
TOKEN = "a-token-for-tests"


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

    def test_a_certificate_for_each_name(self):
        self.certificates.issue("a", "a", names="DNS:a.example.org")
        self.certificates.issue("b", "b", names="DNS:*.b.example.org")
        more = [{"certificate": f"{name}.pem", "key": f"{name}.key"} for name in "ab"]
        listen = self.listener(tls={"certificate": "server.pem", "key": "server.key", "more": more})
        with self.server(listen=listen) as server:
            def subject(name):
                port = server.url.rpartition(":")[2]
                shown = run("openssl", "s_client", "-connect", f"127.0.0.1:{port}", *(["-servername", name] if name else ["-noservername"])).stdout
                return next(line for line in shown.splitlines() if line.startswith("subject=")).rpartition("= ")[2].rpartition("=")[2]
            self.assertEqual([subject(name) for name in ("a.example.org", "x.b.example.org", "localhost", "c.example.org", "")],
                             ["a", "b", "first", "first", "first"])
            host = "x.b.example.org:" + server.url.rpartition(":")[2]
            self.assertEqual(self.curl(f"https://{host}/t/t/echo", "--connect-to", f"{host}:127.0.0.1:{server.url.rpartition(':')[2]}")[:2], (0, 200))
            self.certificates.issue("a", "a anew", names="DNS:a.example.org")
            server.process.send_signal(signal.SIGHUP)
            server.log.wait("msg=reloaded")
            self.assertEqual(subject("a.example.org"), "a anew")
            self.certificates.issue("b", "b anew", names="DNS:*.b.example.org")
            os.remove(self.certificates.path("b.key"))
            server.process.send_signal(signal.SIGHUP)
            server.log.wait('msg="not reloaded".*b.key as the certificate')
            self.assertEqual(subject("x.b.example.org"), "b")
        listen["tls"]["more"][0]["kee"] = "x"
        self.server(listen=listen)
        done = run(HOTSLOTD, "--config", os.path.join(self.folder, "hotslot.json"))
        self.assertEqual(done.returncode, 2)
        self.assertIn("/listen/tls/more/0/kee: unknown member", done.stderr)

    def test_14_24_plain_http_is_told_so(self):
        with self.server() as server:
            for method in ("GET", "POST", "DELETE", "x"):
                code, status, body = self.curl(server.url.replace("https", "http") + "/t/t/echo", "-X", method)
                self.assertEqual((code, status), (0, 400))
                self.assertIn("HTTPS", json.loads(body)["message"])
            self.assertEqual(self.curl(server.url + "/t/t/echo")[:2], (0, 200))

    def test_14_23_the_scheme_is_https(self):
        with self.server() as server:
            self.assertIn(f"\r\nFn-Http-Request-Url: {server.url}/t/t/echo?a=b\r\n",
                          self.curl(server.url + "/t/t/echo?a=b")[2].replace("\n", "\r\n").replace("\r\r", "\r"))

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
                    code, status, _ = self.curl(server.admin_url + "/admin/reload", "-X", "POST",
                                                "-H", f"Authorization: Bearer {TOKEN}")
                    self.assertEqual((code, status), (0, 200))
                    load.wait_for_more_calls()
            self.assertEqual(load.failures, [])
            self.assertRegex(self.s_client(server).stdout, "CN ?= ?renewed 9")  # OpenSSL 3.5 writes no blanks
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

    def reload(self, server, token=TOKEN):
        _, status, body = self.curl(server.admin_url + "/admin/reload", "-X", "POST",
                                    "-H", f"Authorization: Bearer {token}")
        return status, body

    def test_14_26_a_key_of_another_type_is_refused(self):
        self.certificates.issue("rsa", "another type", RSA)
        told = "as the certificate's key: it is the key of another certificate"
        for certificate, key in (("server.pem", "rsa.key"), ("rsa.pem", "server.key")):
            server = self.server(self.listener(tls={"certificate": certificate, "key": key}), "127.0.0.1:0")
            for flags in ((), ("--check-config",)):
                done = run(HOTSLOTD, "--config", server.config, *flags)
                self.assertEqual(done.returncode, 2)
                self.assertIn(f"{key} {told}", done.stderr)
        with self.server() as server:
            before = self.read("server.key")
            shutil.copy(self.certificates.path("rsa.key"), self.certificates.path("server.key"))
            status, body = self.reload(server)
            self.assertEqual(status, 422)
            self.assertIn(f"server.key {told}", json.loads(body)["message"])
            self.assertEqual(self.curl(server.url + "/t/t/echo")[:2], (0, 200))
            self.write("server.key", before)
            self.certificates.issue("server", "of another type", RSA)  # a pair may be
            self.assertEqual(self.reload(server)[0], 200)
            self.assertEqual(self.curl(server.url + "/t/t/echo")[:2], (0, 200))

    def read(self, name):
        with open(self.certificates.path(name), encoding="utf-8") as file:
            return file.read()

    def write(self, name, text):
        with open(self.certificates.path(name), "w", encoding="utf-8") as out:
            out.write(text)

    def test_14_26_what_is_checked_is_what_is_put_in_force(self):
        """Each file is read once, so that no other can come between: what a pipe says, it says once."""
        contents = {name: self.read(name) for name in ("server.pem", "server.key", "tokens")}
        for name in contents:
            os.unlink(self.certificates.path(name))
            os.mkfifo(self.certificates.path(name))

        def say():
            for name in contents:
                self.write(name, contents[name])

        def saying():
            teller = threading.Thread(target=say, daemon=True)
            teller.start()
            return teller

        at_start = saying()
        with self.server(admin="127.0.0.1:0", listen=self.listener(token_file="tokens")) as server:
            at_start.join()
            contents["tokens"] = "another-token\n"
            again = saying()
            _, status, _ = self.curl(server.admin_url + "/admin/reload", "-X", "POST")
            self.assertEqual(status, 200)
            again.join()
            self.assertEqual(self.curl(server.url + "/t/t/echo", "-H", "Authorization: Bearer another-token")[:2],
                             (0, 200))

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
            if failed or not kept:
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
