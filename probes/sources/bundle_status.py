"""What OPAs say of their bundles: asked at every fifth look, and at each while something is wrong."""

import asyncio
from collections.abc import Container
from typing import NamedTuple

import httpx

from probes.contract import SourceContext, Unknown
from probes.readings.opa_status import ASKED_IN, StatusReport, read_status
from probes.sources.http.client import HTTPSession
from probes.sources.http.date import read_date
from probes.sources.http.response import Response, TooLargeError
from probes.sources.shared_opas import Server

_SMALL = 1 << 15  # bytes of a status that are read at once; with OPA's own metrics it has twice as many


class _Known(NamedTuple):
    """The newest report of an OPA, None while the first is awaited."""

    report: StatusReport | None
    again_at: float  # when to ask again, by the loop's clock
    asking: asyncio.Event | None = None  # set when the answer to the request under way is there


class BundleReports:
    """The newest status report of each OPA."""

    def __init__(self, interval: float, source_context: SourceContext) -> None:
        """`interval`: seconds between looks at one OPA."""
        self._interval, self._now, self._date = interval, source_context.now, source_context.date
        self._cpu_time, self._gate = source_context.cpu_time, source_context.gate
        self._cpu: dict[Server, float] = {}
        self._known: dict[Server, _Known] = {}

    def newest(self, server: Server) -> StatusReport | None:
        """What this OPA said last; None before it was asked."""
        known = self._known.get(server)
        return known.report if known is not None else None

    def cpu(self, server: Server) -> float:
        """Seconds of CPU that reading took since this was last asked."""
        return self._cpu.pop(server, 0.0)

    def keep(self, urls: Container[str]) -> None:
        """Forget the OPAs at all other URLs."""
        self._known = {server: known for server, known in self._known.items() if server[0] in urls}
        self._cpu = {server: cpu for server, cpu in self._cpu.items() if server[0] in urls}

    async def refresh(self, server: Server, session: HTTPSession, path: bytes, headers: bytes) -> None:
        """Ask this OPA again, if it is time; where another look is asking, its answer is waited for."""
        known = self._known.get(server)
        now = asyncio.get_running_loop().time()
        if known is not None and now < known.again_at:
            if known.asking is not None:
                await known.asking.wait()
            return
        before = known.report if known is not None else None
        # Claimed before it is asked, so that the other targets of a shared OPA do not ask too.
        asking = asyncio.Event()
        self._known[server] = _Known(before, self._after(now, ASKED_IN), asking)
        try:
            report = await self._ask(server, session, path, headers)
        finally:
            asking.set()
        if report.unknown is not None and before is not None:
            report = before.failed(report.at, report.unknown)
        self._known[server] = _Known(report, self._after(now, 1 if report.troubled else ASKED_IN))

    def _after(self, now: float, looks: int) -> float:
        # Half an interval early: looks do not start on the dot.
        return now + (looks - 0.5) * self._interval

    async def _ask(self, server: Server, session: HTTPSession, path: bytes, headers: bytes) -> StatusReport:
        try:
            answer = await session.ask(b"GET", path, headers)
        except (TooLargeError, httpx.RemoteProtocolError):
            return StatusReport(at=self._now(), clock=0.0, unknown=Unknown.MALFORMED)
        except httpx.TransportError:
            return StatusReport(at=self._now(), clock=0.0, unknown=Unknown.SOURCE_FAILED)
        if len(answer.body) <= _SMALL:
            return self._read(server, answer)
        async with self._gate:
            return self._read(server, answer)

    def _read(self, server: Server, answer: Response) -> StatusReport:
        now, began = self._now(), self._cpu_time()
        report = read_status(answer.status, answer.body, now, _clock(answer, self._date()))
        self._cpu[server] = self._cpu_time() - began
        return report


def _clock(answer: Response, now: float) -> float:
    """The Unix seconds of OPA's own clock, by the Date header (RFC 9110, section 6.6.1); of ours without one."""
    date = read_date(answer.header(b"date"))
    return now if date is None else date
