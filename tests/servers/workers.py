"""An agent with several worker processes that share one listening socket, as gunicorn and uvicorn make them.

Each counts for itself, with the real library, so a scrape meets the counters of one of them; in multiprocess mode
each gives the sums of all.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
"""The environment variable that makes the library count for all processes of a directory."""

_REQUESTS = Counter("agentweave_requests", "Requests", ["status"])
_DURATIONS = Histogram("agentweave_request_duration_seconds", "Durations", buckets=(0.1, 0.5))
_BREAKER = Gauge("agentweave_circuit_breaker_state", "State", ["callee"], multiprocess_mode="max")


@contextmanager
def workers(count: int, shared: Path | None = None) -> Iterator[str]:
    """The URL of the metrics page of so many workers; `shared`: the directory of their multiprocess mode."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.set_inheritable(True)
    fd, around = listener.fileno(), os.environ | ({MULTIPROCESS: str(shared)} if shared else {})
    command = [sys.executable, "-m", "tests.servers.workers", str(fd)]
    running = [
        subprocess.Popen([*command, str(number)], pass_fds=[fd], env=around, stdout=subprocess.PIPE)
        for number in range(count)
    ]
    try:
        for each in running:
            assert each.stdout is not None
            assert each.stdout.readline() == b"ready\n"
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/metrics"
    finally:
        listener.close()
        for each in running:
            each.kill()
            each.communicate()


class _Page(BaseHTTPRequestHandler):
    """A third of the requests fails; each scrape finds some more of them."""

    def do_GET(self) -> None:
        """The page of this worker, or of all."""
        _count(2, 1)
        registry = REGISTRY
        if MULTIPROCESS in os.environ:
            MultiProcessCollector(registry := CollectorRegistry())  # type: ignore[no-untyped-call]  # the library's
        body = generate_latest(registry)
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


def _count(good: int, bad: int) -> None:
    _REQUESTS.labels("success").inc(good)
    _REQUESTS.labels("error").inc(bad)
    for _ in range(good + bad):
        _DURATIONS.observe(0.01)


def _serve(fd: int, number: int) -> None:
    _count(200 * (number + 1), 100 * (number + 1))
    _BREAKER.labels("ranker").set(number % 2)
    until = time.process_time() + 0.05 * number
    while time.process_time() < until:  # no two workers have used the same CPU
        pass
    server = HTTPServer(("127.0.0.1", 0), _Page, bind_and_activate=False)
    server.socket.close()
    server.socket = socket.socket(fileno=fd)
    print("ready", flush=True)
    server.serve_forever(poll_interval=60)


if __name__ == "__main__":
    _serve(int(sys.argv[1]), int(sys.argv[2]))
