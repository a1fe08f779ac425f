"""Strangers at a port of ours: so many connections of a kind, opened anew as they are cut, in a process of their own.

`python strangers.py PORT KIND COUNT` runs until it is ended, and prints a line once all are open.
"""

import os
import resource
import selectors
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

HALF = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: "
WHOLE = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
PAGE = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
KINDS = {
    "idle": "connections that say nothing",
    "half": "half a request",
    "drip": "requests that drip",
    "deaf": "answers that are never read",
    "hammer": "/metrics again and again",
    "browse": "the page again and again",
    "ahead": "eight requests for /livez at once, and one more for each answer",
    "hello": "TLS hellos, and no more",
}
"""What each does, for docs/reliability.md."""

LIVE = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
_OUT = ssl.MemoryBIO()
with suppress(ssl.SSLWantReadError):
    ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), _OUT, server_hostname="localhost").do_handshake()
FIRST = {
    "idle": b"",
    "half": HALF,
    "drip": HALF,
    "deaf": WHOLE * 8,
    "hammer": WHOLE,
    "browse": PAGE,
    "ahead": LIVE * 8,
    "hello": _OUT.read(),
}
_DRIP = 0.2


@contextmanager
def strangers(port: int, kind: str, count: int) -> Iterator[None]:
    """So many of a kind, from the moment that all are open."""
    command = (sys.executable, __file__, str(port), kind, str(count))
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == b"open\n"
            yield
        finally:
            process.kill()


class _Crowd:
    def __init__(self, port: int, kind: str) -> None:
        self._port, self._kind = port, kind
        self._open = selectors.DefaultSelector()

    def come(self) -> None:
        """One more."""
        stranger = socket.socket()
        stranger.setblocking(False)
        if self._kind == "deaf":
            stranger.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with suppress(BlockingIOError):
            stranger.connect(("127.0.0.1", self._port))
        self._open.register(stranger, selectors.EVENT_WRITE)

    def turn(self) -> None:
        """Answer what happened to them."""
        for key, events in self._open.select(_DRIP):
            stranger = key.fileobj
            assert isinstance(stranger, socket.socket)
            try:
                self._go_on(stranger, events)
            except BlockingIOError:
                continue
            except OSError:
                self._open.unregister(stranger)
                stranger.close()
                self.come()

    def drip(self) -> None:
        """A byte of each."""
        for key in list(self._open.get_map().values()):
            with suppress(OSError):
                assert isinstance(key.fileobj, socket.socket)
                key.fileobj.send(b"a")

    def _go_on(self, stranger: socket.socket, events: int) -> None:
        if events & selectors.EVENT_WRITE:
            if FIRST[self._kind]:
                stranger.send(FIRST[self._kind])
            if self._kind == "deaf":
                self._open.modify(stranger, selectors.EVENT_READ, "deaf")
                return
            self._open.modify(stranger, selectors.EVENT_READ)
        elif self._kind == "deaf":
            if stranger.recv(1, socket.MSG_PEEK) == b"":
                raise ConnectionResetError
            time.sleep(0.0005)  # it stays readable, and is not read
        elif self._kind == "hello" and stranger.recv(1 << 16):
            pass  # it never goes on
        elif (heard := stranger.recv(1 << 16)) == b"":
            raise ConnectionResetError
        elif self._kind == "ahead":
            stranger.send(LIVE * heard.count(b"HTTP/1.1 200"))
        elif heard.endswith((b"0\r\n\r\n", b"</html>\n")):
            stranger.send(FIRST[self._kind])


def main(port: int, kind: str, count: int) -> None:
    """Until it is ended."""
    os.nice(10)  # they would not share the machine
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    crowd = _Crowd(port, kind)
    for number in range(count):
        crowd.come()
        if number % 100 == 99:
            crowd.turn()
    print("open", flush=True)
    dripped = time.monotonic()
    while True:
        crowd.turn()
        if kind == "drip" and time.monotonic() - dripped > _DRIP:
            crowd.drip()
            dripped = time.monotonic()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
