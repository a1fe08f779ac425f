"""One look at a link: is the document there? Only hosts that the operator lists are asked, and nothing is followed.

A record is written by a team, so its link may lead anywhere: no credential goes along, no redirect is followed, and a
listed name that leads to this machine, to a link-local address or to the metadata of a cloud is not asked.
"""

import asyncio
import re
import ssl
from collections.abc import Callable, Collection, Iterator, Sequence
from enum import Enum
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx

from probes.contract import NameLookup
from probes.sources.http.client import HTTPSession, locate
from probes.sources.http.faults import UnresolvedError
from probes.sources.http.key_exchange import without_dhe
from probes.sources.http.tls import TLS

_SECONDS, _AT_ONCE, _ANY_LENGTH = 10.0, 4096, 1 << 40
_GONE = (404, 410)
_WRITTEN = re.compile(r"[^\s\x00-\x20\x7f<>\"\\]{1,2048}")
"""A URL as it is written: what has spaces or control characters is none, and would be sent as something else."""

_TRANSLATED = ip_network("64:ff9b::/96")
_OF_METADATA = frozenset(
    map(ip_address, ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254"))
)
"""Of clouds' metadata, those that are not link-local: Alibaba, Azure, Oracle, AWS and Google by IPv6."""

_HEADERS = b"User-Agent: agentweave-watcher\r\nAccept: */*\r\nConnection: close\r\n"


class State(Enum):
    """What a look showed."""

    THERE = "there"  # it answers, whatever else it says
    GONE = "gone"
    UNKNOWN = "unknown"  # nobody answered


class Tried(NamedTuple):
    """One look."""

    state: State
    why: str = ""  # of GONE


def is_listed(url: str, hosts: Collection[str]) -> bool:
    """Whether it may be tried: a URL of http or https, without a user, at a host that is listed.

    A host that is listed without a port is asked at 80 and 443 alone.
    """
    if not _WRITTEN.fullmatch(url):
        return False
    try:
        found = urlsplit(url)
        host, port = (found.hostname or "").rstrip(".").lower(), found.port
    except ValueError:
        return False
    if found.scheme not in ("http", "https") or "@" in found.netloc or not host:
        return False
    named = {each.lower() for each in hosts}
    with_port = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return with_port in named or (host in named and port in (None, 80, 443))


class _Elsewhere:
    """Addresses of names, none of which is on this machine or only reached from it."""

    def __init__(self, names: NameLookup) -> None:
        self._names = names

    async def addresses(self, host: str) -> Sequence[str]:
        found = await self._names.addresses(host)
        if any(_is_near(each) for each in found):
            raise OSError(0, f"{host} leads to this machine, to a link-local address or to the metadata of a cloud")
        return found


class LinkTrying:
    """Looks at links, one after the other."""

    def __init__(self, names: NameLookup, context: Callable[[], ssl.SSLContext] | None = None) -> None:
        """`context`: what verifies https servers; left out: the system's authorities."""
        self._names = _Elsewhere(names)
        self._make = context or _of_system
        self._tls: TLS | None = None

    async def look(self, url: str) -> Tried:
        """One look at a link on a listed host."""
        try:
            origin, path = locate(url.partition("#")[0])
            tls = await self._verified() if origin.secure else None
            async with HTTPSession(origin, _SECONDS, _ANY_LENGTH, tls, names=self._names) as session:
                answer = await session.ask(b"GET", path, _HEADERS, at_once=_AT_ONCE)
        except UnresolvedError:
            return Tried(State.GONE, "its host does not exist")
        except (httpx.HTTPError, OSError, ValueError):
            return Tried(State.UNKNOWN)
        return Tried(State.GONE, f"it answers {answer.status}") if answer.status in _GONE else Tried(State.THERE)

    async def _verified(self) -> TLS:
        if self._tls is None:
            self._tls = TLS(await asyncio.to_thread(self._make))
        return self._tls


def _of_system() -> ssl.SSLContext:
    return without_dhe(ssl.create_default_context())


def _is_near(address: str) -> bool:
    found = ip_address(address.partition("%")[0])
    return any(
        each.is_loopback or each.is_link_local or each.is_unspecified or each.is_multicast or each in _OF_METADATA
        for each in (found, *_within(found))
    )


def _within(found: IPv4Address | IPv6Address) -> Iterator[IPv4Address]:
    """The IPv4 addresses that one of IPv6 leads to: mapped, translated, or through a tunnel."""
    if isinstance(found, IPv6Address):
        yield from (each for each in (found.ipv4_mapped, found.sixtofour, *(found.teredo or ())) if each is not None)
        if found in _TRANSLATED:
            yield IPv4Address(int(found) & 0xFFFFFFFF)
