"""Whether OPAs record their decisions, by their own config: asked for about every ten minutes."""

import httpx

from probes.readings.decision import DecisionLogs, read_decision_logs
from probes.sources.http.client import HTTPSession
from probes.sources.http.response import TooLargeError
from probes.sources.server_reports import ServerReports


class DecisionLogReports(ServerReports[DecisionLogs]):
    """What it tells holds for fifteen minutes."""

    EVERY = 600.0

    async def _ask(self, session: HTTPSession, path: bytes, headers: bytes) -> DecisionLogs:
        try:
            answer = await session.ask(b"GET", path, headers)
        except (TooLargeError, httpx.TransportError):
            return DecisionLogs(self._now())
        return read_decision_logs(answer.status, answer.body, self._now())
