"""The agent's metrics page: one look answers every probe that judges by metrics."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple
from zlib import crc32

import httpx
from pydantic import Field

from probes.contract import Bytes, SourceContext, SourceKind, Target
from probes.contract.signal import Dialect, Signal
from probes.readings.metrics_page import MetricsPage, PageTrouble, WantedSignals
from probes.readings.text_format import NOTHING, KeptLines, NotAPageError, Scan, pieces
from probes.sources.http.client import (
    HTTPSession,
    Origin,
    Response,
    TLSFailedError,
    TooLargeError,
    fault_of,
    locate,
)
from probes.sources.http.credentials import Outbound, OutboundSettings
from probes.sources.http.date import read_date

_HEADERS = b"User-Agent: agentweave-watcher\r\nAccept: text/plain;version=0.0.4\r\nConnection: close\r\n"
_OPENMETRICS = "application/openmetrics-text"
_LEARNT_FOR = 600.0  # seconds, give or take half, so that the fleet is not asked for whole pages at once


class AgentMetricsSettings(OutboundSettings):
    """How metrics pages are asked for and read."""

    max_bytes: Bytes = Field(default=8 << 20, ge=1 << 10, description="a larger page is not read")
    dialects: tuple[Dialect, ...] = Field(default=(), description="rows added to the built-in table of metric names")


class _Habit(NamedTuple):
    """What a whole page showed of the filtered one."""

    wanted: WantedSignals
    until: float
    whole_only: bool  # the filter hides what the whole page has
    lacking: int  # signals that the whole page lacks as well
    bare: tuple[str, ...]


class AgentMetrics:
    """Asks for the wanted names only, and for the whole page where that may have hidden one."""

    def __init__(self, settings: AgentMetricsSettings, source_context: SourceContext) -> None:
        self._settings, self._now = settings, source_context.now
        self._outbound = Outbound(settings, source_context)
        self._wanted: dict[Sequence[object], WantedSignals] = {}
        self._places: dict[str, tuple[Origin, bytes]] = {}
        self._habits: dict[str, _Habit] = {}

    async def look(self, target: Target, wants: Sequence[object]) -> MetricsPage:
        """One look at the target's page, over within the timeout."""
        wanted = self._wanted_of(wants)
        try:
            return await self._look(target.metrics or "", wanted)
        except httpx.TransportError as error:
            fault = fault_of(error)
            return MetricsPage(
                wanted=wanted, fault=fault, trouble=None if fault else _trouble_of(error), error=str(error)
            )

    def fleet_changed(self, targets: Sequence[Target]) -> None:
        """Forget the pages that are no longer looked at."""
        urls = {target.metrics for target in targets}
        self._places = {url: place for url, place in self._places.items() if url in urls}
        self._habits = {url: habit for url, habit in self._habits.items() if url in urls}

    async def close(self) -> None:
        """Nothing is held between looks."""

    async def _look(self, url: str, wanted: WantedSignals) -> MetricsPage:
        origin, path = self._place_of(url)
        tls = self._outbound.tls() if origin.secure else None
        habit = self._habit_of(url, wanted)
        async with HTTPSession(origin, self._settings.timeout, self._settings.max_bytes, tls) as session:
            filtered = None
            if habit is None or not habit.whole_only:
                names = (b"&" if b"?" in path else b"?") + wanted.query
                filtered = await self._ask(session, path + names, wanted, habit)
                if filtered.trouble is PageTrouble.UNAUTHORIZED or _complete(filtered, habit):
                    return filtered
            whole = await self._ask(session, path, wanted, None)
        self._learn(url, wanted, filtered, whole)
        return whole

    async def _ask(self, session: HTTPSession, path: bytes, wanted: WantedSignals, habit: _Habit | None) -> MetricsPage:
        answer = await session.ask(b"GET", path, _HEADERS + self._outbound.authorization())
        bare = habit.bare if habit else ()
        return await _page_of(answer, wanted, filtered=path.endswith(wanted.query), bare=bare)

    def _wanted_of(self, wants: Sequence[object]) -> WantedSignals:
        key = tuple(wants)
        if key not in self._wanted:
            signals = [want for want in key if isinstance(want, Signal)]
            self._wanted[key] = WantedSignals.of(signals, self._settings.dialects)
        return self._wanted[key]

    def _place_of(self, url: str) -> tuple[Origin, bytes]:
        if url not in self._places:
            self._places[url] = locate(url)
        return self._places[url]

    def _habit_of(self, url: str, wanted: WantedSignals) -> _Habit | None:
        habit = self._habits.get(url)
        return habit if habit and habit.wanted is wanted and self._now() < habit.until else None

    def _learn(self, url: str, wanted: WantedSignals, filtered: MetricsPage | None, whole: MetricsPage) -> None:
        if filtered is None or whole.trouble:
            return
        lacking = wanted.lacking(whole.kept)
        hidden = bool(filtered.trouble) or bool(wanted.lacking(filtered.kept) & ~lacking)
        until = self._now() + _LEARNT_FOR * (0.5 + crc32(url.encode()) % 1000 / 1000)
        self._habits[url] = _Habit(wanted, until, hidden, lacking, whole.kept.bare)


def _complete(filtered: MetricsPage, habit: _Habit | None) -> bool:
    if filtered.trouble:
        return False
    lacking = filtered.wanted.lacking(filtered.kept)
    return not lacking or (habit is not None and not lacking & ~habit.lacking)


async def _page_of(answer: Response, wanted: WantedSignals, *, filtered: bool, bare: tuple[str, ...]) -> MetricsPage:
    trouble, error, kept = None, "", NOTHING
    if answer.status in (401, 403):
        trouble, error = PageTrouble.UNAUTHORIZED, f"The page answered {answer.status}: the watcher may not read it."
    elif answer.status != 200:
        trouble, error = PageTrouble.HTTP_ERROR, f"The page answered {answer.status}."
    else:
        try:
            kept = await _kept_of(answer, wanted, whole=not filtered, bare=bare)
        except NotAPageError as problem:
            trouble, error = PageTrouble.MALFORMED, f"What was answered is no metrics page: {problem}."
    return MetricsPage(
        error=error,
        trouble=trouble,
        status=answer.status,
        size=len(answer.body),
        filtered=filtered,
        wanted=wanted,
        kept=kept,
        their_date=read_date(answer.header(b"date")),
    )


async def _kept_of(answer: Response, wanted: WantedSignals, *, whole: bool, bare: tuple[str, ...]) -> KeptLines:
    scan = Scan(wanted.names)
    for number, piece in enumerate(pieces(answer.body)):
        if number:
            await asyncio.sleep(0)
        scan.feed(piece)
    if whole and not scan.has_a_sample:
        raise NotAPageError("it has no sample")
    if answer.header(b"content-type").startswith(_OPENMETRICS) and not answer.body[-16:].rstrip().endswith(b"# EOF"):
        raise NotAPageError("it is cut off, for it does not end with # EOF")
    return scan.end(bare)


def _trouble_of(error: httpx.TransportError) -> PageTrouble:
    match error:
        case TooLargeError():
            return PageTrouble.TOO_LARGE
        case TLSFailedError():
            return PageTrouble.HTTP_ERROR
    return PageTrouble.MALFORMED


KIND = SourceKind(
    name="agent_metrics",
    endpoint="metrics",
    settings=AgentMetricsSettings,
    concurrency=128,
    open=AgentMetrics,
)
