"""Who is told: a receiver of Alertmanager's notifications that writes down what arrives, and when."""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Notification:
    """One notification: the path that it was sent to, when it came (Unix seconds), and its JSON."""

    path: str
    at: float
    body: Mapping[str, Any]

    def names(self, status: str = "firing") -> list[str]:
        """The alerts in it that have this status, sorted."""
        return sorted(one["labels"]["alertname"] for one in self.body["alerts"] if one["status"] == status)


@dataclass
class Webhook:
    """A receiver at `url`; every path below it is a receiver of its own."""

    url: str = ""
    received: list[Notification] = field(default_factory=list)

    def told(self, path: str = "") -> list[Notification]:
        """What came so far, in order; at this path only, if one is given."""
        return [each for each in list(self.received) if path in ("", each.path)]


@contextmanager
def run_webhook() -> Iterator[Webhook]:
    """A receiver on loopback that answers 200 to all."""
    webhook = Webhook()

    class Receiver(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            at, body = time.time(), self.rfile.read(int(self.headers["Content-Length"]))
            webhook.received.append(Notification(self.path, at, json.loads(body)))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")  # as Slack says; without it Alertmanager takes it for refused

        def log_message(self, *_: object) -> None:
            """Nothing: the test asks for what came."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        webhook.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield webhook
        finally:
            server.shutdown()
            thread.join()
