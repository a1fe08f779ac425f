"""What the first bytes of an answer say: HTTP, TLS or something else."""

import re
from collections.abc import Sequence

from probes.readings.handshake import Spoke
from probes.sources.tls.first_bytes import say_and_hear

_STATUS_LINE = re.compile(rb"HTTP/\d(?:\.\d)? (\d{3})")
_STATUS_LINE_LENGTH = 12
_TLS_CONTENT_TYPES = range(20, 25)  # RFC 8446, section 5.1, and heartbeat
_TLS_MAJOR_VERSION = 3
_SENT_TO_TLS = re.compile(rb"to (?:an )?https|plain http|ssl-enabled", re.IGNORECASE)
MAX_BYTES = 1 << 12
"""Of an answer that are read."""


def is_tls(data: bytes) -> bool:
    """Whether these could be the first bytes of a TLS record."""
    return data[0] in _TLS_CONTENT_TYPES and (len(data) < 2 or data[1] == _TLS_MAJOR_VERSION)


def is_enough(data: bytes) -> bool:
    """Whether these first bytes are enough to say what speaks."""
    return len(data) >= (_STATUS_LINE_LENGTH if data.startswith(b"HTTP/") else 5)


def http_status(data: bytes) -> int | None:
    """The status of an HTTP/1 answer, None for anything else."""
    match = _STATUS_LINE.match(data)
    return int(match[1]) if match else None


def is_whole(data: bytes) -> bool:
    """Whether enough of an answer has arrived; of a 400 the body too, for it says whose fault it was."""
    return is_enough(data) and (http_status(data) != 400 or len(data) >= MAX_BYTES)


def spoken(data: bytes) -> Spoke:
    """What answers a plain request like this. Go, nginx and Apache answer it over TLS ports with a plaintext 400."""
    if not data:
        return Spoke.NOTHING
    if is_tls(data) or (http_status(data) == 400 and _SENT_TO_TLS.search(data)):
        return Spoke.TLS
    return Spoke.PLAINTEXT_HTTP if http_status(data) else Spoke.OTHER


def printable(data: bytes) -> str:
    """The first line of what a stranger sent, safe to show."""
    return ascii(data[:80].split(b"\r\n")[0].decode("latin-1"))[1:-1]


def plain_request(authority: str, of: str = "") -> bytes:
    """A plain HTTP request; the log of whoever gets it says who asks, and `of`: for what."""
    agent = f"agentweave-watcher ({of})" if of else "agentweave-watcher"
    return f"GET / HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: {agent}\r\nConnection: close\r\n\r\n".encode()


async def ask_plainly(addresses: Sequence[str], port: int, authority: str, until: float) -> bytes:
    """What a plain HTTP request is answered with, by this time of the loop; nothing where nothing comes."""
    try:
        return (await say_and_hear(plain_request(authority), addresses, port, until, is_whole, MAX_BYTES)).data
    except OSError:
        return b""
