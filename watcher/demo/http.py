"""What the demo's own HTTP servers have in common; light, for each is a process that must start fast."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class QuietServer(ThreadingHTTPServer):
    """A thread for each caller; one that breaks off, as a look does that has waited too long, is its own business."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing."""


class QuietHandler(BaseHTTPRequestHandler):
    """Answers, and logs nothing: the terminal is for the demo's own words."""

    def answer(self, status: int, body: bytes) -> None:
        """A whole answer in JSON."""
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the library's name
        """Nothing."""
