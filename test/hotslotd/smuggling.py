#!/usr/bin/env python3
"""What hotslotd makes of requests that are read in two ways, beside nginx.

  smuggling.py HOTSLOTD TEST_FUNCTION [NGINX]            checks each
  smuggling.py --table HOTSLOTD TEST_FUNCTION NGINX      prints them for docs/requests.md"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

from hotslotd import ENVIRONMENT, PATIENCE, Hotslotd

MARK = b"SMUGGLED"
POST = b"POST /t/t/echo HTTP/1.1\r\nHost: h\r\n"
TAIL = b"GET /" + MARK + b" HTTP/1.1\r\nHost: h\r\n\r\n"

# Name, bytes, and whether a request of that form may be served: where not, it is to be refused and the connection closed.
CASES = [
    ("Content-Length and Transfer-Encoding", POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + TAIL, False),
    ("Transfer-Encoding and Content-Length", POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + TAIL, False),
    ("two lengths that differ", POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello" + TAIL, False),
    ("two lengths that agree", POST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello" + TAIL, False),
    ("a list of lengths", POST + b"Content-Length: 5, 6\r\n\r\nhello" + TAIL, False),
    ("a list of lengths that agree", POST + b"Content-Length: 5, 5\r\n\r\nhello" + TAIL, False),
    ("a length with a sign", POST + b"Content-Length: +5\r\n\r\nhello" + TAIL, False),
    ("a negative length", POST + b"Content-Length: -5\r\n\r\nhello" + TAIL, False),
    ("a length in hexadecimal", POST + b"Content-Length: 0x5\r\n\r\nhello" + TAIL, False),
    ("an empty length", POST + b"Content-Length: \r\n\r\n" + TAIL, False),
    ("a length beyond 64 bits", POST + b"Content-Length: 18446744073709551621\r\n\r\nhello" + TAIL, False),
    ("a coding that is no chunked", POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + TAIL, False),
    ("chunked twice", POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n" + TAIL, False),
    ("two Transfer-Encodings", POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + TAIL, False),
    ("a blank before the colon", POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + TAIL, False),
    ("a vertical tab before chunked", POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n" + TAIL, False),
    ("chunked in HTTP/1.0", POST.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + TAIL, False),
    ("a folded field", POST + b"X-A: b\r\n c\r\nContent-Length: 5\r\n\r\nhello", False),
    ("a bare line feed in the head", POST + b"X-A: b\nContent-Length: 5\r\n\r\nhello" + TAIL, False),
    ("a bare carriage return in a value", POST + b"X-A: b\rContent-Length: 5\r\n\r\nhello" + TAIL, False),
    ("NUL in a value", POST + b"X-A: b\0c\r\nContent-Length: 5\r\n\r\nhello" + TAIL, False),
    ("NUL in a name", POST + b"X\0A: b\r\nContent-Length: 5\r\n\r\nhello" + TAIL, False),
    ("a field without a name", POST + b": b\r\nContent-Length: 5\r\n\r\nhello" + TAIL, False),
    ("a field without a colon", POST + b"X-A\r\nContent-Length: 5\r\n\r\nhello" + TAIL, False),
    ("two Hosts", POST + b"Host: other\r\nContent-Length: 5\r\n\r\nhello" + TAIL, False),
    ("no Host", b"POST /t/t/echo HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello" + TAIL, False),
    ("a chunk size that is no number", POST + b"Transfer-Encoding: chunked\r\n\r\nG\r\nhello\r\n0\r\n\r\n" + TAIL, False),
    ("a chunk size beyond 64 bits", POST + b"Transfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n0\r\n\r\n" + TAIL, False),
    ("a chunk size with a sign", POST + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n" + TAIL, False),
    ("a chunk size with 0x", POST + b"Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n" + TAIL, False),
    ("a chunk that ends with a line feed", POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n" + TAIL, False),
    ("a chunk size that ends with a line feed", POST + b"Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n" + TAIL, False),
    ("a chunk longer than its size", POST + b"Transfer-Encoding: chunked\r\n\r\n4\r\nhello\r\n0\r\n\r\n" + TAIL, False),
    ("a trailer without a colon", POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX-A\r\n\r\n" + TAIL, False),
    ("a chunk extension", POST + b"Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n", True),
    ("a trailer", POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nHost: other\r\n\r\n", True),
    ("a method in small letters", b"post /t/t/echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", True),
    ("HTTP/1.2", POST.replace(b"1.1", b"1.2") + b"Content-Length: 5\r\n\r\nhello" + TAIL, False),
    ("HTTP/2.0", POST.replace(b"1.1", b"2.0") + b"Content-Length: 5\r\n\r\nhello" + TAIL, False),
    ("a request line with two blanks", POST.replace(b" /t", b"  /t") + b"Content-Length: 5\r\n\r\nhello" + TAIL, False),
    ("a request line that ends with a line feed", POST.replace(b"1.1\r\n", b"1.1\n") + b"Content-Length: 5\r\n\r\nhello" + TAIL, False),
]


class Server(Hotslotd):
    def __init__(self, program, function, folder):
        super().__init__(os.path.abspath(program), folder, [
            {"app": "t", "name": "echo", "trigger": "/echo", "command": [os.path.abspath(function), "echo"]}])

    def calls(self):
        return self.stats()["totals"]["acquired"]


class Nginx:
    """Passes everything on to hotslotd."""

    def __init__(self, program, folder, upstream):
        config = os.path.join(folder, "nginx.conf")
        listener = socket.socket(socket.AF_UNIX)
        self.address = os.path.join(folder, "nginx.sock")
        listener.close()
        with open(config, "w", encoding="utf-8") as out:
            out.write(f"""daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{ listen unix:{self.address}; location / {{ proxy_pass http://127.0.0.1:{upstream}; }} }}
}}
""")
        self.process = subprocess.Popen([program, "-c", config, "-p", folder, "-e", os.path.join(folder, "error.log")],
                                        env=ENVIRONMENT, stderr=subprocess.DEVNULL)
        while self.process.poll() is None and not self.listens():
            pass

    def listens(self):
        with socket.socket(socket.AF_UNIX) as s:
            return s.connect_ex(self.address) == 0

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)


def ask(address, data):
    """The statuses of all answers, the whole of them, and whether the connection was closed while the caller still waited."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family) as s:
        s.settimeout(PATIENCE)
        s.connect(address)
        s.sendall(data)
        got = b""
        closed = False
        while not closed and not complete(got):
            try:
                more = s.recv(65536)
            except ConnectionResetError:
                more = b""
            closed = not more
            got += more
        if not closed:  # a second request on the same connection tells whether it is open still
            try:
                s.sendall(b"GET /nothing HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
                rest = b"".join(iter(lambda: s.recv(65536), b""))
            except (ConnectionResetError, BrokenPipeError):
                rest = b""
            closed = not rest.startswith(b"HTTP/1.1 ")
            got += rest if MARK in rest else b""
    return [int(part[:3]) for part in got.split(b"HTTP/1.1 ")[1:] if part[:3].isdigit()], got, closed


def complete(answer):
    head, end, body = answer.partition(b"\r\n\r\n")
    if not end:
        return False
    for field in head.lower().split(b"\r\n"):
        if field.startswith(b"content-length: "):
            return len(body) >= int(field[16:])
    return body.endswith(b"0\r\n\r\n")


def check(server, name, data, allowed):
    before = server.calls()
    statuses, got, closed = ask(("127.0.0.1", server.port), data)
    calls = server.calls() - before
    wrong = []
    if allowed:
        if statuses[:1] != [200] or calls != 1:
            wrong.append(f"is to be served, not {statuses}, {calls} calls")
    else:
        if not statuses or statuses[0] not in (400, 501, 505):
            wrong.append(f"is to be refused, not {statuses}")
        if calls:
            wrong.append("reached the function")
        if not closed or len(statuses) != 1:
            wrong.append(f"the connection is to be closed after one answer, not {statuses}")
    if MARK in got:
        wrong.append("what was hidden in it was answered")
    return statuses, [f"{name}: {w}" for w in wrong]


def row(server, nginx, name, data, statuses):
    theirs = ask(nginx.address, data)[0] if nginx else []
    return f"| {name} | {' '.join(map(str, statuses))} | {' '.join(map(str, theirs[:1]))} |"


def main(arguments):
    table = arguments[:1] == ["--table"]
    program, function, *nginx_program = arguments[table:]
    folder = tempfile.mkdtemp(prefix="hotslot-smuggling-")
    wrong = []
    rows = []
    with Server(program, function, folder) as server:
        nginx = Nginx(nginx_program[0], folder, server.port) if nginx_program else None
        try:
            for name, data, allowed in CASES:
                statuses, found = check(server, name, data, allowed)
                wrong += found
                rows.append(row(server, nginx, name, data, statuses))
        finally:
            if nginx:
                nginx.stop()
    shutil.rmtree(folder)
    if table:
        print("\n".join(["| request | hotslotd | nginx |", "|---|---|---|", *rows]))
    print("\n".join(wrong) or f"{len(CASES)} forms, none wrong", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
