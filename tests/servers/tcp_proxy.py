"""A proxy of TCP between one client and a server, which can be cut: what is open is closed, what comes is refused."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_PIECE = 65536


class Proxy:
    """Passes on what comes to `port` of loopback."""

    def __init__(self, to: int) -> None:
        """`to`: a port of loopback."""
        self._to, self._whole = to, threading.Event()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._whole.set()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Close what is open, and each connection that comes."""
        self._whole.clear()
        for each in list(self._open):
            _shut(each)

    def mend(self) -> None:
        """Pass on again."""
        self._whole.set()

    def close(self) -> None:
        """End, for good."""
        self.cut()
        _shut(self._listener)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                near, _ = self._listener.accept()
                if not self._whole.is_set():
                    near.close()
                    continue
                try:
                    far = socket.create_connection(("127.0.0.1", self._to))
                except OSError:  # the server is away
                    near.close()
                    continue
                self._open |= {near, far}
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=pair, daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):  # either end went away
            while piece := source.recv(_PIECE):
                target.sendall(piece)
        _shut(source)
        _shut(target)
        self._open -= {source}
        source.close()  # the other way closes the other


def _shut(each: socket.socket) -> None:
    with suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)


@contextmanager
def run_proxy(to: int) -> Iterator[Proxy]:
    """A proxy to a port of loopback, whole at first."""
    proxy = Proxy(to)
    try:
        yield proxy
    finally:
        proxy.close()
