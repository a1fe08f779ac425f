"""A ClientHello of TLS 1.2 with any suites, and which of them the server chooses.

Written by hand: the watcher's TLS library has left out RC4, 3DES and the like, and of a server that chooses one of
them nothing more than its first message is needed. So nothing is computed, whatever group or key it comes with.
"""

import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

_HANDSHAKE, _ALERT = 22, 21
_CLIENT_HELLO, _SERVER_HELLO = 1, 2
_RENEGOTIATION = 0x00FF  # RFC 5746, section 3.3: not a suite, but says that the extension is known
_GROUPS = (29, 23, 24, 25)  # x25519, P-256, P-384, P-521
_SIGNATURES = (0x0403, 0x0503, 0x0603, 0x0807, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0203, 0x0201, 0x0202)
_VERSIONS = {0x0300: "SSLv3", 0x0301: "TLSv1", 0x0302: "TLSv1.1", 0x0303: "TLSv1.2"}
_HEAD = 5
MOST = 1 << 12
"""Bytes of an answer that are read."""

ALERTS = {
    0: "close notify",
    10: "unexpected message",
    20: "bad record mac",
    22: "record overflow",
    40: "handshake failure",
    42: "bad certificate",
    47: "illegal parameter",
    50: "decode error",
    70: "protocol version",
    71: "insufficient security",
    80: "internal error",
    86: "inappropriate fallback",
    109: "missing extension",
    112: "unrecognized name",
}
"""What servers say to a ClientHello (RFC 8446, section 6.2); any other is told by its number."""


class ServerSaid(NamedTuple):
    """The answer to a ClientHello. With all of them empty there is none yet, or it is no TLS."""

    suite: int | None = None
    protocol: str = ""
    alert: str = ""  # in words; of a fatal one


def client_hello(suites: Sequence[int], server_name: bytes | None) -> bytes:
    """The first message of a client that knows TLS up to 1.2 and these suites, in its record."""
    offered = b"".join(each.to_bytes(2) for each in (*suites, _RENEGOTIATION))
    body = b"\x03\x03" + os.urandom(32) + b"\x00" + _sized(offered, 2) + b"\x01\x00"
    body += _sized(b"".join(_extensions(server_name)), 2)
    message = bytes([_CLIENT_HELLO]) + _sized(body, 3)
    return bytes([_HANDSHAKE]) + b"\x03\x01" + _sized(message, 2)


def _extensions(server_name: bytes | None) -> Iterator[bytes]:
    if server_name is not None:
        yield _extension(0, _sized(b"\x00" + _sized(server_name, 2), 2))
    yield _extension(10, _sized(b"".join(each.to_bytes(2) for each in _GROUPS), 2))
    yield _extension(11, b"\x01\x00")  # points are not compressed
    yield _extension(13, _sized(b"".join(each.to_bytes(2) for each in _SIGNATURES), 2))
    yield _extension(23, b"")  # extended master secret


def _extension(number: int, body: bytes) -> bytes:
    return number.to_bytes(2) + _sized(body, 2)


def _sized(body: bytes, width: int) -> bytes:
    return len(body).to_bytes(width) + body


def read_answer(data: bytes) -> ServerSaid:
    """What the server says in these first bytes; warnings are passed over."""
    said = b""
    for kind, body in _records(data):
        if kind == _ALERT and len(body) == 2:
            level, number = body
            if level != 1 or number == 0:
                return ServerSaid(alert=ALERTS.get(number, f"number {number}"))
        elif kind == _HANDSHAKE:
            said += body
            if (chosen := _server_hello(said)) is not None:
                return chosen
        else:
            break
    return ServerSaid()


def is_enough(data: bytes) -> bool:
    """Whether an answer says something, or can say nothing any more."""
    return read_answer(data) != ServerSaid() or data[0] not in (_ALERT, _HANDSHAKE)


def _records(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The records that are whole, and of the last one what there is of a message."""
    while len(data) >= _HEAD:
        size = int.from_bytes(data[3:_HEAD])
        yield data[0], data[_HEAD : _HEAD + size]
        data = data[_HEAD + size :]


def _server_hello(said: bytes) -> ServerSaid | None:
    """Of a handshake message: kind, length, version, random, session id, suite."""
    if len(said) < 39 or said[0] != _SERVER_HELLO:
        return None
    at = 39 + said[38]
    if len(said) < at + 2:
        return None
    version = int.from_bytes(said[4:6])
    return ServerSaid(int.from_bytes(said[at : at + 2]), _VERSIONS.get(version, f"version {version:#06x}"))
