"""Asks /livez every 5 ms and keeps the worst answer: how long the event loop stalls, as seen from outside.

Run as a process of its own. It prints what it saw since the last time, as a JSON line, for each line that it reads.
"""

import json
import select
import socket
import sys
import time
from dataclasses import asdict, dataclass

PERIOD = 0.005

_REQUEST = b"GET /livez HTTP/1.1\r\nHost: observer\r\n\r\n"


@dataclass(slots=True)
class Seen:
    """The worst since the last report, in seconds."""

    polls: int = 0
    worst: float = 0.0  # from sending the request to the answer
    own_worst: float = 0.0  # how late the observer itself woke up: below this nothing is told of the daemon


def observe(port: int) -> None:
    """Poll until standard input ends."""
    seen, due = Seen(), time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=60) as daemon:
        daemon.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            readable, _, _ = select.select([sys.stdin], [], [], max(0.0, due - time.monotonic()))
            if readable:
                if not sys.stdin.readline():
                    return
                sys.stdout.write(json.dumps(asdict(seen)) + "\n")
                sys.stdout.flush()
                seen, due = Seen(), time.monotonic()
                continue
            seen.own_worst = max(seen.own_worst, time.monotonic() - due)
            seen.worst = max(seen.worst, _poll(daemon))
            seen.polls += 1
            due = max(due + PERIOD, time.monotonic())


def _poll(daemon: socket.socket) -> float:
    start = time.monotonic()
    daemon.sendall(_REQUEST)
    answer = b""
    while b"\r\n\r\n" not in answer or not _whole(answer):
        received = daemon.recv(4096)
        if not received:
            raise ConnectionResetError("the daemon closed the connection")
        answer += received
    return time.monotonic() - start


def _whole(answer: bytes) -> bool:
    head, _, body = answer.partition(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return len(body) >= int(line.partition(b":")[2])
    return True


if __name__ == "__main__":
    observe(int(sys.argv[1]))
