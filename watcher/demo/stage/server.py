"""One HTTP server for all parts of the stage: each answers below a path of its own, as behind a reverse proxy."""

import threading
from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol, Self
from urllib.parse import parse_qsl, urlsplit

from watcher.demo.http import QuietHandler, QuietServer


class Answer(NamedTuple):
    """What comes back: bytes at once, or pieces as they come."""

    body: bytes | Iterator[bytes]
    status: int = 200


class Part(Protocol):
    """One system that is played."""

    def answer(self, path: str, query: Mapping[str, str], /) -> Answer | None:
        """To a request below its own path; None: there is no such thing."""


class StageServer(QuietServer):
    """Listens on loopback, in threads."""

    def __init__(self, parts: Mapping[str, Part]) -> None:
        """`parts`: by the path that they are below."""
        self.parts = parts
        super().__init__(("127.0.0.1", 0), _Handler)

    def url(self, part: str) -> str:
        """The address of one part."""
        return f"http://127.0.0.1:{self.server_port}/{part}"

    def start(self) -> Self:
        """Answer from now on, in a thread that ends with the process."""
        threading.Thread(target=self.serve_forever, name="stage", daemon=True).start()
        return self


class _Handler(QuietHandler):
    server: StageServer

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def _serve(self, form: bytes) -> None:
        url = urlsplit(self.path)
        name, _, path = url.path.lstrip("/").partition("/")
        part = self.server.parts.get(name)
        query = dict(parse_qsl(url.query)) | dict(parse_qsl(form.decode()))
        found = part.answer(f"/{path}", query) if part is not None else None
        if found is None:
            self.answer(404, b'{"kind": "Status", "status": "Failure", "message": "not found", "code": 404}')
        elif isinstance(found.body, bytes):
            self.answer(found.status, found.body)
        else:
            self._stream(found.body)

    def _stream(self, pieces: Iterator[bytes]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        for piece in pieces:
            self.wfile.write(piece)
            self.wfile.flush()
