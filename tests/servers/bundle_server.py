"""Serves OPA a policy bundle that a test can change, break and take away."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


class BundleServer:
    """One bundle at `url`, with an ETag, as the bundle service API of OPA's documentation wants it."""

    def __init__(self) -> None:
        """Nothing is published yet: the answer is 404."""
        self.requests = 0
        self.bundle: bytes | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/bundle.tar.gz"

    def publish(self, revision: str, policies: Mapping[str, str]) -> None:
        """Serve these files under this revision from now on; Rego that does not compile makes activation fail."""
        manifest = {".manifest": json.dumps({"revision": revision, "roots": [""]})}
        self.bundle = _archive(manifest | dict(policies))

    def publish_garbage(self) -> None:
        """Serve something that is not an archive from now on."""
        self.bundle = b"not a bundle"

    def stop(self) -> None:
        """Refuse connections from now on; a second call does nothing."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()


@contextmanager
def run_bundle_server() -> Iterator[BundleServer]:
    """A server without a bundle, stopped at the end."""
    server = BundleServer()
    try:
        yield server
    finally:
        server.stop()


def _handler(server: BundleServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.requests += 1
            bundle = server.bundle
            if bundle is None:
                self.send_error(404)
                return
            etag = f'"{hashlib.sha256(bundle).hexdigest()}"'
            changed = self.headers.get("If-None-Match") != etag
            self.send_response(200 if changed else 304)
            self.send_header("ETag", etag)
            self.send_header("Content-Type", "application/gzip")
            self.send_header("Content-Length", str(len(bundle) if changed else 0))
            self.end_headers()
            if changed:
                self.wfile.write(bundle)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class names it so
            """Keep quiet."""

    return Handler


def _archive(files: Mapping[str, str]) -> bytes:
    tape = io.BytesIO()
    with tarfile.open(fileobj=tape, mode="w") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return gzip.compress(tape.getvalue(), mtime=0)
