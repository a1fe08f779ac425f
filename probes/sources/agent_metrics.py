"""The agent's metrics page: one look answers every probe that judges by metrics."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple
from zlib import crc32

import httpx
from pydantic import Field

from probes.contract import Bytes, SourceContext, SourceKind, Target
from probes.contract.reading import HEAVY
from probes.contract.signal import Dialect, Signal
from probes.readings.metrics_page import MetricsPage, PageTrouble, WantedSignals
from probes.readings.text_format import NOTHING, NotAPageError, Scan, TooCostlyError
from probes.sources.http.client import (
    HTTPSession,
    Origin,
    TLSFailedError,
    TooLargeError,
    fault_of,
    locate,
)
from probes.sources.http.credentials import Outbound, OutboundSettings
from probes.sources.http.date import read_date
from probes.sources.http.faults import OtherIdentityError, TooCostlyTLSError
from probes.sources.pace import Pace
from probes.sources.page_arrival import AT_ONCE, PageArrival
from probes.sources.turns import Turns

_HEADERS = b"User-Agent: agentweave-watcher\r\nAccept: text/plain;version=0.0.4\r\nConnection: close\r\n"
_BUDGET = 0.15  # seconds of CPU to read the pages of one look with: eight megabytes as libraries print them take 0.05
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
        self._settings, self._now, self._names = settings, source_context.now, source_context.names
        self._cpu_time, self._pace, self._gate = source_context.cpu_time, Pace(), source_context.gate
        self._outbound = Outbound(settings, source_context)
        self._wanted: dict[Sequence[object], WantedSignals] = {}
        self._places: dict[str, tuple[Origin, bytes]] = {}
        self._habits: dict[str, _Habit] = {}

    async def look(self, target: Target, wants: Sequence[object]) -> MetricsPage:
        """One look at the target's page, over within the timeout."""
        wanted = self._wanted_of(wants)
        if (instead := self._pace.instead(target.key)) is not None:
            trouble, again = PageTrouble.TOO_LARGE, instead.asked_in
            return MetricsPage(wanted=wanted, trouble=trouble, error=instead.error, asked_in=again, asked=False)
        turns = Turns(self._cpu_time, _BUDGET)
        try:
            page = await self._look(target, wanted, turns)
        except TooCostlyTLSError as error:
            return self._too_costly(target, wanted, turns, error.__cause__ or error)
        except httpx.TransportError as error:
            fault = fault_of(error)
            return MetricsPage(
                wanted=wanted, fault=fault, trouble=None if fault else _trouble_of(error), error=str(error)
            ).charged(turns.spent)
        except TooCostlyError as error:
            return self._too_costly(target, wanted, turns, error)
        self._pace.faster(target.key)
        if page.trouble is PageTrouble.UNAUTHORIZED:
            why = self._outbound.withheld(target, self._place_of(target.metrics or "")[0])
            return replace(page, error=f"{page.error} {why}".strip())
        return page.charged(turns.spent) if turns.spent > HEAVY else page

    def fleet_changed(self, targets: Sequence[Target]) -> None:
        """Forget the pages that are no longer looked at."""
        urls = {target.metrics for target in targets}
        self._pace.keep({target.key for target in targets})
        self._places = {url: place for url, place in self._places.items() if url in urls}
        self._habits = {url: habit for url, habit in self._habits.items() if url in urls}

    async def close(self) -> None:
        """Nothing is held between looks."""

    def _too_costly(self, target: Target, wanted: WantedSignals, turns: Turns, why: BaseException) -> MetricsPage:
        asked_in = self._pace.slower(target.key)
        page = MetricsPage(
            wanted=wanted,
            trouble=PageTrouble.TOO_LARGE,
            error=f"The page is too much to read: {why}. It is asked for at one of {asked_in} looks.",
            cpu=turns.spent,
            asked_in=asked_in,
        )
        self._pace.say(target.key, page)
        return page

    async def _look(self, target: Target, wanted: WantedSignals, turns: Turns) -> MetricsPage:
        url = target.metrics or ""
        origin, path = self._place_of(url)
        token = self._outbound.authorization(target, origin)
        headers = _HEADERS + token
        tls = self._outbound.tls(target, secret=bool(token) or b"?" in path) if origin.secure else None
        habit = self._habit_of(url, wanted)
        limits = self._settings.timeout, self._settings.max_bytes
        async with HTTPSession(origin, *limits, tls, names=self._names, meter=turns) as session:
            filtered = None
            if habit is None or not habit.whole_only:
                names = (b"&" if b"?" in path else b"?") + wanted.query
                filtered = await self._ask(session, (path + names, headers), wanted, habit, turns)
                if filtered.trouble is PageTrouble.UNAUTHORIZED or _complete(filtered, habit):
                    return filtered
            whole = await self._ask(session, (path, headers), wanted, None, turns)
        self._learn(url, wanted, filtered, whole)
        return whole

    async def _ask(
        self,
        session: HTTPSession,
        request: tuple[bytes, bytes],
        wanted: WantedSignals,
        habit: _Habit | None,
        turns: Turns,
    ) -> MetricsPage:
        path, _ = request
        answer = await session.ask(b"GET", *request, at_once=AT_ONCE)
        arrival = PageArrival(session, answer, turns, self._gate)
        filtered, bare = path.endswith(wanted.query), habit.bare if habit else ()
        return await _page_of(arrival, wanted, filtered=filtered, bare=bare)

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


async def _page_of(
    arrival: PageArrival, wanted: WantedSignals, *, filtered: bool, bare: tuple[str, ...]
) -> MetricsPage:
    trouble, error, kept, answer = None, "", NOTHING, arrival.answer
    if answer.status in (401, 403):
        trouble, error = PageTrouble.UNAUTHORIZED, f"The page answered {answer.status}: the watcher may not read it."
    elif answer.status != 200:
        trouble, error = PageTrouble.HTTP_ERROR, f"The page answered {answer.status}."
    else:
        try:
            kept = await arrival.scanned(Scan(wanted.names), bare=bare, whole=not filtered)
        except NotAPageError as problem:
            trouble, error = PageTrouble.MALFORMED, f"What was answered is no metrics page: {problem}."
    page = MetricsPage(
        error=error,
        trouble=trouble,
        status=answer.status,
        size=arrival.size,
        filtered=filtered,
        wanted=wanted,
        kept=kept,
        their_date=read_date(answer.header(b"date")),
    )
    if page.reader.is_large():  # of others judges read what they want to know
        await arrival.read(page.reader.steps())
    return page


def _trouble_of(error: httpx.TransportError) -> PageTrouble:
    match error:
        case TooLargeError():
            return PageTrouble.TOO_LARGE
        case OtherIdentityError():
            return PageTrouble.UNAUTHORIZED
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
