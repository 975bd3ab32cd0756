"""A collector of spans."""

import http.server
import json
import threading

import peer
from hotslotd import PATIENCE


class Collector(peer.Peer):
    """Takes spans, until it is told to do otherwise."""

    def __init__(self):
        self.spans = []
        self.statuses = []  # of the next answers; then 200
        self.fields, self.reply = {}, b""  # of each answer
        self.changed = threading.Condition()
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(collector.take(self.path, self.headers, json.loads(body)))
                for name, value in collector.fields.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(collector.reply)))
                self.end_headers()
                self.wfile.write(collector.reply)

            def log_message(self, *_):
                pass

        super().__init__(Handler)

    def take(self, path, headers, document):
        with self.changed:
            assert (path, headers["Content-Type"]) == ("/v1/traces", "application/json")
            status = self.statuses.pop(0) if self.statuses else 200
            if status == 200:
                for of_resource in document["resourceSpans"]:
                    self.resource = attributes(of_resource["resource"])
                    for in_scope in of_resource["scopeSpans"]:
                        self.spans += in_scope["spans"]
            self.changed.notify_all()
            return status

    def wait_for(self, count):
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.spans) >= count, PATIENCE), self.spans
            return list(self.spans)


def tracing(collector, **more):
    return {"tracing": {"collector": collector.url, "service_name": "tested"} | more}


def attributes(of):
    return {a["key"]: next(iter(a["value"].values())) for a in of["attributes"]}
