"""Which policy each OPA has, by the digest of its modules: asked for about once a minute."""

import asyncio
from collections.abc import Container
from zlib import crc32

import httpx

from probes.contract import SourceContext
from probes.readings.opa.policies import HOLDS, LoadedPolicies, read_policies
from probes.sources.http.client import HTTPSession
from probes.sources.http.response import Response, TooLargeError
from probes.sources.shared_opas import Server

_EVERY = 60.0
"""Seconds, less up to a quarter: a fleet is not asked at once."""

_SMALL = 1 << 15  # bytes of an answer that are read at once


class PolicyReports:
    """What each OPA said last."""

    def __init__(self, source_context: SourceContext) -> None:
        self._now, self._gate = source_context.now, source_context.gate
        self._known: dict[Server, LoadedPolicies] = {}
        self._again_at: dict[Server, float] = {}  # by the loop's clock

    def newest(self, server: Server) -> LoadedPolicies | None:
        """What this OPA said last; None before it was asked."""
        return self._known.get(server)

    def keep(self, urls: Container[str]) -> None:
        """Forget the OPAs at all other URLs."""
        self._known = {server: known for server, known in self._known.items() if server[0] in urls}
        self._again_at = {server: at for server, at in self._again_at.items() if server[0] in urls}

    async def refresh(self, server: Server, session: HTTPSession, path: bytes, headers: bytes) -> None:
        """Ask this OPA again, if it is time."""
        now = asyncio.get_running_loop().time()
        if now < self._again_at.get(server, 0.0):
            return
        # Claimed before it is asked, so that the other targets of a shared OPA do not ask too.
        self._again_at[server] = now + _EVERY * (1 - crc32(server[0].encode()) % 250 / 1000)
        found, before = await self._ask(session, path, headers), self._known.get(server)
        silent = found.status in (0, 429) or found.status >= 500
        if not (silent and before is not None and before.digest and found.at - before.at < HOLDS):
            self._known[server] = found

    async def _ask(self, session: HTTPSession, path: bytes, headers: bytes) -> LoadedPolicies:
        try:
            answer = await session.ask(b"GET", path, headers)
        except (TooLargeError, httpx.TransportError):
            return LoadedPolicies(self._now())
        if len(answer.body) <= _SMALL:
            return self._read(answer)
        async with self._gate:
            return self._read(answer)

    def _read(self, answer: Response) -> LoadedPolicies:
        return read_policies(answer.status, answer.body, self._now())
