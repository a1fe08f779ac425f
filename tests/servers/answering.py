"""A small HTTP server that answers what a test says: for servers that are not to be had, after their documented API,
and for what a real one cannot be made to do."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

Answer = tuple[int, bytes]
"""Status and body."""


@dataclass
class Asked:
    """One request."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]


@dataclass
class Answering:
    """A server at `url`, and what it was asked."""

    answer: Callable[[Asked], Answer]
    url: str = ""
    port: int = 0
    asked: list[Asked] = field(default_factory=list)


def json_answer(content: object) -> Answer:
    """200 with this as JSON."""
    return 200, json.dumps(content).encode()


@contextmanager
def run_answering(answer: Callable[[Asked], Answer], tls: tuple[Path, Path] | None = None) -> Iterator[Answering]:
    """Answer GETs on loopback; over TLS where a certificate and its key are given."""
    made = Answering(answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            found = urlsplit(self.path)
            asked = Asked(found.path, dict(parse_qsl(found.query)), {k.lower(): v for k, v in self.headers.items()})
            made.asked.append(asked)
            status, body = made.answer(asked)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Connection", "close")
            self.end_headers()
            with suppress(OSError):  # who asks hangs up on what is too long
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing: the test asks for what came."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        made.port = server.server_port
        made.url = f"http{'s' if tls else ''}://127.0.0.1:{made.port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()
