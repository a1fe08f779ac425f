"""Which policy each OPA has, by the digest of its modules: asked for about once a minute."""

import httpx

from probes.readings.opa.policies import HOLDS, LoadedPolicies, read_policies
from probes.sources.http.client import HTTPSession
from probes.sources.http.response import Response, TooLargeError
from probes.sources.server_reports import ServerReports
from probes.sources.shared_opas import Server

_SMALL = 1 << 15  # bytes of an answer that are read at once


class PolicyReports(ServerReports[LoadedPolicies]):
    """Of one that is silent for a while, what it said before holds."""

    EVERY = 60.0

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

    def _take(self, server: Server, found: LoadedPolicies) -> None:
        before, silent = self.newest(server), found.status in (0, 429) or found.status >= 500
        if not (silent and before is not None and before.digest and found.at - before.at < HOLDS):
            super()._take(server, found)
