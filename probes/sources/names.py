"""Where is a host? Names are looked up beside all looks, so that a resolver that hangs is blamed on no agent."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

import aiodns

from probes.contract.address import is_ip_address
from probes.sources.own_trouble import OWN_TROUBLE, is_refusal

PATIENCE, PATIENCE_WHEN_SILENT = 3.0, 0.5
"""Seconds that a look waits for an address: at first, and of a name for which the resolver was silent before."""

ASKED_AT_ONCE, ASKED_AGAIN_AT_ONCE = 256, 32
"""Look-ups under way: of names that are well or new, and apart from them of those that got no answer before."""

_TRY, _TRIES = 1.0, 2  # seconds until it is asked again, and how often it is asked
_KEPT_LEAST, _KEPT_MOST, _ABSENT_KEPT = 1.0, 300.0, 1.0  # seconds; an absent name is asked for anew at each look
_MOST_ADDRESSES = 8  # of one name
_ABSENT = frozenset(
    {aiodns.error.ARES_ENOTFOUND, aiodns.error.ARES_ENODATA, aiodns.error.ARES_ENONAME, aiodns.error.ARES_EBADNAME}
)

P = TypeVar("P", bound=asyncio.Protocol)


class NameNotResolvedError(OSError):
    """The resolver says that there is no such name, or that it has no address."""


class ResolverError(OSError):
    """The resolver said nothing, or that it does not know: nothing is known of the other side."""


class _Answer(NamedTuple):
    """What the resolver said of a name."""

    addresses: tuple[str, ...]
    until: float  # by the clock
    absent: bool = False
    trouble: str = ""  # why there is no answer


class Names:
    """Addresses by name, each kept for its time to live; those of one name are asked for once at a time.

    By the system's `resolv.conf` and `hosts`, search domains included. IP addresses are handed back as they are.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, most_names: int = 20_000, **resolver: Any) -> None:
        """`clock`: seconds, for times to live; `most_names` are kept; `resolver`: what aiodns takes, to ask another."""
        self._clock, self._most_names, self._how = clock, most_names, resolver
        self._resolver: aiodns.DNSResolver | None = None
        self._known: dict[str, _Answer] = {}
        self._under_way: dict[str, asyncio.Task[_Answer]] = {}
        self._slots = asyncio.Semaphore(ASKED_AT_ONCE)
        self._slots_again = asyncio.Semaphore(ASKED_AGAIN_AT_ONCE)

    async def addresses(self, host: str) -> Sequence[str]:
        """The addresses of a host, the best first; NameNotResolvedError, or ResolverError within PATIENCE seconds."""
        if _is_address(host):
            return (host,)
        known = self._known.get(host)
        if known is None or self._clock() >= known.until:
            known = await self._asked(host, PATIENCE_WHEN_SILENT if known and known.trouble else PATIENCE)
        if known.trouble:
            raise ResolverError(f"the watcher's resolver {known.trouble} when it is asked for {host}")
        if known.absent:
            raise NameNotResolvedError(f"the resolver says that the name {host} does not exist or has no address")
        return known.addresses

    async def close(self) -> None:
        """End what is under way."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._resolver is not None:
            await self._resolver.close()

    async def _asked(self, host: str, patience: float) -> _Answer:
        task = self._under_way.get(host)
        if task is None:
            task = self._under_way[host] = asyncio.create_task(self._ask(host))
            task.add_done_callback(lambda _: self._under_way.pop(host, None))
        done, _ = await asyncio.wait((task,), timeout=patience)  # who gives up leaves the question to the next look
        if done:
            return task.result()
        silent = _Answer((), self._clock(), trouble="does not answer")
        self._keep(host, silent)
        return silent

    async def _ask(self, host: str) -> _Answer:
        known = self._known.get(host)
        async with self._slots_again if known and known.trouble else self._slots:
            answer = await self._answer(host)
        self._keep(host, answer)
        return answer

    async def _answer(self, host: str) -> _Answer:
        if self._resolver is None:
            self._resolver = aiodns.DNSResolver(**{"timeout": _TRY, "tries": _TRIES, **self._how})
        try:
            found = (await self._resolver.getaddrinfo(host)).nodes
        except aiodns.error.DNSError as error:
            code, words = error.args
            if code in _ABSENT:
                return _Answer((), self._clock() + _ABSENT_KEPT, absent=True)
            silent = code == aiodns.error.ARES_ETIMEOUT
            return _Answer((), self._clock(), trouble="does not answer" if silent else f"fails ({words})")
        least = min((node.ttl for node in found), default=0)
        kept = max(_KEPT_LEAST, min(least, _KEPT_MOST))
        addresses = dict.fromkeys(node.addr[0].decode() for node in found)
        return _Answer(tuple(addresses)[:_MOST_ADDRESSES], self._clock() + kept, absent=not addresses)

    def _keep(self, host: str, answer: _Answer) -> None:
        self._known.pop(host, None)
        if len(self._known) >= self._most_names:
            del self._known[next(iter(self._known))]
        self._known[host] = answer


def connect(
    protocol: Callable[[], P], addresses: Sequence[str], port: int, until: float
) -> Awaitable[tuple[asyncio.Transport, P]]:
    """A connection to the first of these addresses that takes one; OSError where none does.

    It is that of the last one; but a refusal says more, and where a trouble of our own kept us from one of them, it
    may be the one that would have answered.

    No address takes more than its share of the time up to `until`, seconds of the loop's clock; to keep that of the
    last one is up to the caller.
    """
    if len(addresses) == 1:
        return asyncio.get_running_loop().create_connection(protocol, addresses[0], port)
    return _connect_to_one(protocol, addresses, port, until)


async def _connect_to_one(
    protocol: Callable[[], P], addresses: Sequence[str], port: int, until: float
) -> tuple[asyncio.Transport, P]:
    loop = asyncio.get_running_loop()
    errors = list[OSError]()
    for left in range(len(addresses), 1, -1):
        now = loop.time()
        try:
            async with asyncio.timeout_at(now + (until - now) / left):
                return await loop.create_connection(protocol, addresses[-left], port)
        except OSError as error:
            errors.append(error)
    try:
        return await loop.create_connection(protocol, addresses[-1], port)
    except OSError as error:
        raise min((error, *errors), key=_rank) from None


def _rank(error: OSError) -> int:
    return 0 if error.errno in OWN_TROUBLE else 1 if is_refusal(error) else 2


_is_address = lru_cache(maxsize=65_536)(is_ip_address)  # of targets only: what strangers name is not kept
