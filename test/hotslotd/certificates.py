"""Certificates that are made for a test."""

import os
import subprocess

from hotslotd import ENVIRONMENT, PATIENCE

EC = ("ec", "-pkeyopt", "ec_paramgen_curve:P-256")
RSA = ("rsa:2048",)


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
        openssl("req", "-x509", "-newkey", *EC, "-nodes", "-days", "1",
                "-subj", "/CN=hotslot test authority", "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-keyout", self.path("ca.key"), "-out", self.path("ca.pem"))
        self.issue("server", "first")
        self.issue("client", "a client")

    def path(self, name):
        return os.path.join(self.folder, name)

    def issue(self, name, subject, key=EC, names="DNS:localhost,IP:127.0.0.1"):
        """Both files are put in place of the old ones at once, since a server may read them at any time."""
        openssl("req", "-newkey", *key, "-nodes", "-subj", f"/CN={subject}",
                "-addext", "subjectAltName=" + names,
                "-keyout", self.path("new.key"), "-out", self.path("new.csr"))
        openssl("x509", "-req", "-in", self.path("new.csr"), "-CA", self.path("ca.pem"), "-CAkey", self.path("ca.key"),
                "-copy_extensions", "copyall", "-days", "1", "-out", self.path("new.pem"))
        for kind in ("key", "pem"):
            os.rename(self.path(f"new.{kind}"), self.path(f"{name}.{kind}"))
