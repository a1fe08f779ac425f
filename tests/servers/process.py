"""A program of another make as a server on loopback, for as long as a test needs it."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

T = TypeVar("T")
_LISTENING = "0A"


def eventually(ask: Callable[[], T], *, within: float = 30.0) -> T:
    """The first true answer; AssertionError with the last one if none came `within` seconds."""
    end = time.monotonic() + within
    while not (answer := ask()):
        assert time.monotonic() < end, f"still {answer!r} after {within} s"
        time.sleep(0.02)
    return answer


@contextmanager
def running(
    command: Sequence[str | Path],
    ready: Callable[["subprocess.Popen[bytes]"], T | None],
    *,
    environment: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
) -> Iterator[T]:
    """What `ready` says of the started process, once that is true; killed at the end, its log shown if it never is."""
    with TemporaryDirectory() as directory:
        log = Path(directory) / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=os.environ | (environment or {}),
                pass_fds=pass_fds,
                start_new_session=True,  # so that its children end with it
            )
        try:
            yield _started(process, lambda: ready(process), log)
        finally:
            with suppress(ProcessLookupError):  # it ended by itself, and so did its children
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _started(process: "subprocess.Popen[bytes]", ready: Callable[[], T | None], log: Path) -> T:
    end = time.monotonic() + 60  # an API server on busy cores takes half of it
    while process.poll() is None and time.monotonic() < end:
        if answer := ready():
            return answer
        time.sleep(0.02)
    how = "is not ready after 60 s" if process.poll() is None else f"ended with {process.returncode}"
    raise RuntimeError(f"{process.args!r} {how}:\n{log.read_text(errors='replace')[-4000:]}")


def port_of(process: "subprocess.Popen[bytes]", *, beside: int | None = None) -> int | None:
    """The TCP port that the process listens on, None while there is none; so a server may be given port 0.

    `beside`: another one that it listens on.
    """
    sockets = set()
    for file in Path(f"/proc/{process.pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed since it was listed
            sockets.add(file.readlink().name)
    tables = (Path(f"/proc/net/{name}").read_text().splitlines()[1:] for name in ("tcp", "tcp6"))
    for line in chain.from_iterable(tables):
        _, local, _, state, *_, inode = line.split()[:10]
        port = int(local.rpartition(":")[2], 16)
        if state == _LISTENING and f"socket:[{inode}]" in sockets and port != beside:
            return port
    return None


def status_of(port: int, path: str) -> int | None:
    """The HTTP status of a GET to loopback, None where nothing answers."""
    connection = HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()
