"""A DNS server that does with each name what the test says: answer, deny, fail or hang (RFC 1035, section 4.1)."""

import asyncio
import struct
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from ipaddress import IPv4Address
from typing import NamedTuple, cast

from probes.sources.names import Names

_A = 1


class Answer(NamedTuple):
    """What a name is answered with: addresses (none: it has no address), or a code that is not 0."""

    addresses: tuple[str, ...] = ()
    ttl: int = 60
    code: int = 0


NO_SUCH_NAME, FAILS = Answer(code=3), Answer(code=2)
HERE = Answer(("127.0.0.1",))
HANGS = None
Zone = Mapping[str, Answer | None]


class DNSServer(asyncio.DatagramProtocol):
    """Answers by `zone`, which the test may change; a name that is not in there does not exist."""

    def __init__(self, zone: Zone) -> None:
        self.zone = dict(zone)
        self.asked: Counter[str] = Counter()  # for IPv4 addresses
        self.port = 0

    def names(self, **more: object) -> Names:
        """Look-ups that ask this server."""
        where = {"nameservers": ["127.0.0.1"], "udp_port": self.port, "tcp_port": self.port, "domains": []}
        return Names(**where | more)  # type: ignore[arg-type]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        self.port = self._transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        name, end = _name(data)
        (kind,) = struct.unpack_from(">H", data, end)
        self.asked[name] += kind == _A
        answer = self.zone.get(name, NO_SUCH_NAME)
        if answer is HANGS:
            return
        records = [_record(address, answer.ttl) for address in answer.addresses if kind == _A]
        head = data[:2] + struct.pack(">HHHHH", 0x8180 | answer.code, 1, len(records), 0, 0)
        self._transport.sendto(head + data[12 : end + 4] + b"".join(records), addr)


@asynccontextmanager
async def run_dns(zone: Zone) -> AsyncIterator[DNSServer]:
    """A server on loopback."""
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(lambda: DNSServer(zone), local_addr=("127.0.0.1", 0))
    try:
        yield server
    finally:
        transport.close()


def _name(data: bytes) -> tuple[str, int]:
    """The name that is asked for, and where its type begins."""
    labels, place = [], 12
    while length := data[place]:
        labels.append(data[place + 1 : place + 1 + length].decode().lower())
        place += 1 + length
    return ".".join(labels), place + 1


def _record(address: str, ttl: int) -> bytes:
    return b"\xc0\x0c" + struct.pack(">HHIH", _A, 1, ttl, 4) + IPv4Address(address).packed
