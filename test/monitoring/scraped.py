"""What scrape.py puts together: hotslotd, Prometheus, a relay between them, and load."""

import contextlib
import http.client
import http.server
import json
import os
import socket
import subprocess
import threading
import urllib.parse
import urllib.request

PATIENCE_S = 60


def environment():
    """Of a child: its own, but for what steers the sanitizers, which is the test run's."""
    return {"PATH": "/usr/bin:/bin", **{k: v for k, v in os.environ.items() if k in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS")}}


def get(port, target, accept="*/*"):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{target}", headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        return answer.headers, answer.read().decode()


class Hotslotd:
    def __init__(self, program, functions, folder):
        config = folder / "hotslot.json"
        config.write_text(json.dumps({"socket_dir": str(folder), "functions": functions}), encoding="utf-8")
        self.log = folder / "hotslotd.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [program, "--config", config, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"],
                stdout=subprocess.PIPE, stderr=log, text=True, env=environment())
        self.port, self.admin = self.read_port(), self.read_port()

    def read_port(self):
        line = self.process.stdout.readline()
        assert "http://" in line, f"hotslotd said {line!r}: {self.log.read_text()}"
        return int(line.rpartition(":")[2])

    def stats(self):
        return {q["name"]: q for q in json.loads(get(self.admin, "/stats")[1])["queues"]}

    def end(self):
        self.process.terminate()
        code = self.process.wait(PATIENCE_S)
        self.process.stdout.close()
        assert code == 0, f"hotslotd ended with {code}: {self.log.read_text()[-2000:]}"


class Prometheus:
    def __init__(self, program, config, folder):
        file = folder / "prometheus.yml"
        file.write_text(config, encoding="utf-8")
        for _ in range(5):
            self.port = free_port()
            self.lines = []
            self.process = subprocess.Popen(
                [program, f"--config.file={file}", f"--storage.tsdb.path={folder / 'data'}",
                 f"--web.listen-address=127.0.0.1:{self.port}"],
                stderr=subprocess.PIPE, text=True, env=environment())
            ready = threading.Event()
            self.reader = threading.Thread(target=self.read_log, args=[ready])
            self.reader.start()
            ready.wait(PATIENCE_S)
            if self.process.poll() is None:
                return
            self.reader.join()
            if not any("address already in use" in line for line in self.lines):
                break
        raise RuntimeError("Prometheus does not start:\n" + "\n".join(self.lines))

    def read_log(self, ready):
        for line in self.process.stderr:
            self.lines.append(line.rstrip())
            if "Server is ready to receive web requests" in line:
                ready.set()
        self.process.wait()
        ready.set()

    def api(self, path):
        answer = json.loads(get(self.port, f"/api/v1/{path}")[1])
        assert answer["status"] == "success", answer
        return answer["data"]

    def query(self, expression):
        """The values, by their labels."""
        result = self.api("query?query=" + urllib.parse.quote(expression))["result"]
        return {tuple(sorted(s["metric"].items())): float(s["value"][1]) for s in result}

    def value(self, expression):
        """The one that there is; none where there is none yet."""
        values = list(self.query(expression).values())
        assert len(values) <= 1, (expression, values)
        return values[0] if values else None

    def complaints(self):
        return [line for line in self.lines if "level=error" in line or "level=warn" in line]

    def end(self):
        self.process.terminate()
        self.process.wait(PATIENCE_S)
        self.reader.join()
        self.process.stderr.close()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Relay:
    """Between Prometheus and hotslotd: asks for the plain format, which Prometheus would not; and tells of each scrape,
    so that nobody has to sleep until the next."""

    def __init__(self, to_port):
        self.to_port = to_port
        self.content_types = set()
        self.scrapes = 0
        self.scraped = threading.Condition()
        relay = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                relay.pass_on(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    def pass_on(self, request):
        headers, body = get(self.to_port, request.path, "text/plain;version=0.0.4")
        request.send_response(200)
        request.send_header("Content-Type", headers["Content-Type"])
        request.end_headers()
        request.wfile.write(body.encode())
        with self.scraped:
            self.content_types.add(headers["Content-Type"])
            self.scrapes += 1
            self.scraped.notify_all()

    def wait_for_scrapes(self, more):
        with self.scraped:
            goal = self.scrapes + more
            assert self.scraped.wait_for(lambda: self.scrapes >= goal, PATIENCE_S), "Prometheus has stopped to scrape"

    def end(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class Load:
    """Callers that call one after the other, until the end."""

    def __init__(self, port, callers):
        self.port = port
        self.over = threading.Event()
        self.answers = []  # (target, status); appending is atomic
        self.threads = [threading.Thread(target=self.call, args=[target]) for target in callers]
        for t in self.threads:
            t.start()

    def call(self, target):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        with contextlib.closing(connection):
            while not self.over.is_set():
                connection.request("POST", target, b"hi")
                answer = connection.getresponse()
                answer.read()
                self.answers.append((target, answer.status))

    def end(self):
        self.over.set()
        for t in self.threads:
            t.join()

    def count(self, target, status):
        return self.answers.count((target, status))
