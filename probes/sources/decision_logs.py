"""Whether OPAs record their decisions, by their own config: asked for about every ten minutes."""

import asyncio
from collections.abc import Container
from zlib import crc32

import httpx

from probes.contract import SourceContext
from probes.readings.decision import DecisionLogs, read_decision_logs
from probes.sources.http.client import HTTPSession
from probes.sources.http.response import TooLargeError
from probes.sources.shared_opas import Server

_EVERY = 600.0
"""Seconds, less up to a quarter: what it tells holds for fifteen minutes, and a fleet is not asked at once."""


class DecisionLogReports:
    """What each OPA said last."""

    def __init__(self, source_context: SourceContext) -> None:
        self._now = source_context.now
        self._known: dict[Server, DecisionLogs | None] = {}
        self._again_at: dict[Server, float] = {}  # by the loop's clock

    def newest(self, server: Server) -> DecisionLogs | None:
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
        self._known[server] = await self._ask(session, path, headers)

    async def _ask(self, session: HTTPSession, path: bytes, headers: bytes) -> DecisionLogs:
        try:
            answer = await session.ask(b"GET", path, headers)
        except (TooLargeError, httpx.TransportError):
            return DecisionLogs(self._now())
        return read_decision_logs(answer.status, answer.body, self._now())
