"""What each OPA says of itself beside its decisions: asked once an interval, whichever of its targets is looked at."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Container
from typing import ClassVar, Generic, TypeVar
from zlib import crc32

from probes.contract import SourceContext
from probes.sources.http.client import HTTPSession
from probes.sources.shared_opas import Server

Report = TypeVar("Report")


class ServerReports(ABC, Generic[Report]):
    """What each OPA said last."""

    EVERY: ClassVar[float]
    """Seconds from one question to the next, less up to a quarter: a fleet is not asked at once."""

    def __init__(self, source_context: SourceContext) -> None:
        self._now, self._gate = source_context.now, source_context.gate
        self._known: dict[Server, Report] = {}
        self._again_at: dict[Server, float] = {}  # by the loop's clock

    def newest(self, server: Server) -> Report | None:
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
        self._again_at[server] = now + self.EVERY * (1 - crc32(server[0].encode()) % 250 / 1000)
        self._take(server, await self._ask(session, path, headers))

    @abstractmethod
    async def _ask(self, session: HTTPSession, path: bytes, headers: bytes) -> Report:
        """What it says now, or that it does not."""

    def _take(self, server: Server, found: Report) -> None:
        """What it said now counts from now on."""
        self._known[server] = found
