"""The agent's metrics page: one look answers every probe that judges by metrics."""

from collections.abc import Sequence
from dataclasses import replace

import httpx
from pydantic import Field

from probes.contract import Bytes, Fault, SourceContext, SourceKind, Target, Unknown
from probes.contract.reading import HEAVY
from probes.contract.signal import Dialect, Signal
from probes.history.families import FAMILIES
from probes.readings.conformance import Conformance
from probes.readings.metrics_page import MetricsPage, PageTrouble
from probes.readings.signal_reader import WantedSignals
from probes.readings.text_format import TooCostlyError
from probes.sources.cpu_budget import CPUBudget
from probes.sources.http.client import HTTPSession, Origin, locate
from probes.sources.http.credentials import Outbound, OutboundSettings
from probes.sources.http.faults import OtherIdentityError, TLSFailedError, TooCostlyTLSError, fault_of
from probes.sources.http.response import TooLargeError
from probes.sources.pace import Pace
from probes.sources.pages.habits import Habit, PageHabits
from probes.sources.pages.request import PageRequests
from probes.sources.pages.unjudged import OneLook, UnjudgedPages

_BUDGET = 0.15  # seconds of CPU to read the pages of one look with: eight megabytes as libraries print them take 0.05
_INSPECTION = 0.4  # seconds of CPU, about once an hour: eight megabytes as libraries print them take 0.2


class AgentMetricsSettings(OutboundSettings):
    """How metrics pages are asked for and read."""

    max_bytes: Bytes = Field(
        default=8 << 20, ge=1 << 10, description="size limit of a response; a larger one is not read"
    )
    dialects: tuple[Dialect, ...] = Field(default=(), description="rows added to the built-in table of metric names")


class AgentMetrics:
    """Asks for the wanted names only, and for the whole page where that may have hidden one."""

    def __init__(self, settings: AgentMetricsSettings, source_context: SourceContext) -> None:
        self._settings, self._names = settings, source_context.names
        self._cpu_time, self._gate = source_context.cpu_time, source_context.gate
        self._pace = Pace[MetricsPage](source_context.now)
        self._outbound = Outbound(settings, source_context)
        self._wanted: dict[Sequence[object], WantedSignals] = {}
        self._places: dict[str, tuple[Origin, bytes]] = {}
        self._habits, self._unjudged = PageHabits(source_context.now), UnjudgedPages()

    async def look(self, target: Target, wants: Sequence[object]) -> MetricsPage:
        """One look at the target's page, over within the timeout."""
        wanted = self._wanted_of(wants)
        if (instead := self._pace.instead(target.key)) is not None:
            return replace(instead, wanted=wanted)
        budget, inspecting = CPUBudget(self._cpu_time, _BUDGET), CPUBudget(self._cpu_time, _INSPECTION)
        try:
            page = await self._look(target, wanted, budget, inspecting)
        except TooCostlyTLSError as error:
            return self._too_costly(target, wanted, budget, error.__cause__ or error)
        except httpx.TransportError as error:
            fault = fault_of(error)
            return MetricsPage(
                wanted=wanted, fault=fault, trouble=None if fault else _trouble_of(error), error=str(error)
            ).charged(budget.spent)
        except TooCostlyError as error:
            return self._too_costly(target, wanted, budget, error)
        self._pace.faster(target.key)
        if page.trouble is PageTrouble.UNAUTHORIZED:
            why = self._outbound.withheld(target, self._place_of(target.metrics or "")[0])
            return replace(page, error=f"{page.error} {why}".strip())
        spent = budget.spent + inspecting.spent
        return page.charged(spent) if spent > HEAVY else page

    def fleet_changed(self, targets: Sequence[Target]) -> None:
        """Forget the pages that are no longer looked at."""
        urls = {target.metrics for target in targets}
        self._pace.keep({target.key for target in targets})
        self._places = {url: place for url, place in self._places.items() if url in urls}
        self._habits.keep(targets)

    async def close(self) -> None:
        """Nothing is held between looks."""

    def _too_costly(self, target: Target, wanted: WantedSignals, budget: CPUBudget, why: BaseException) -> MetricsPage:
        asked_in = self._pace.slower(target.key)
        page = MetricsPage(
            wanted=wanted,
            trouble=PageTrouble.TOO_LARGE,
            error=f"The metrics endpoint is too much to read: {why}. It is requested at one of {asked_in} attempts.",
            cpu=budget.spent,
            asked_in=asked_in,
        )
        self._pace.say(target.key, page)
        return page

    async def _look(
        self, target: Target, wanted: WantedSignals, budget: CPUBudget, inspecting: CPUBudget
    ) -> MetricsPage:
        url = target.metrics or ""
        origin, path = self._place_of(url)
        token = self._outbound.authorization(target, origin)
        if origin.secure:
            await self._outbound.prepare()
        tls = self._outbound.tls(target, secret=bool(token) or b"?" in path) if origin.secure else None
        habit = self._habits.of(url, wanted)
        due = inspecting if self._habits.inspection_is_due(target) else None
        limits = self._settings.timeout, self._settings.max_bytes
        async with HTTPSession(origin, *limits, tls, names=self._names, meter=budget) as session:
            requests = PageRequests(session, origin, token, wanted, budget, self._gate, OneLook(self._unjudged))
            filtered = None
            if habit is None or not habit.whole_only:
                filtered = await requests.filtered(path, habit)
                if filtered.trouble is PageTrouble.UNAUTHORIZED:
                    return filtered
                if _complete(filtered, habit):
                    filtered = filtered.having_ours() if habit is not None and habit.ours else filtered
                    return filtered.inspected(await self._inspected(target, requests, path, due)) if due else filtered
            whole = await self._whole(target, requests, path, due)
        self._habits.learn(url, filtered, whole)
        return whole

    async def _whole(
        self, target: Target, requests: PageRequests, path: bytes, inspecting: CPUBudget | None
    ) -> MetricsPage:
        """The whole page; one that was inspected in vain is not inspected at each look."""
        found: Conformance | None = None
        try:
            page = await requests.whole(path, inspecting)
            found = page.conformance
        finally:
            if found is not None or (inspecting is not None and inspecting.spent):
                self._habits.inspected(target, found or Conformance(), came=found is not None)
        return page

    async def _inspected(
        self, target: Target, requests: PageRequests, path: bytes, inspecting: CPUBudget
    ) -> Conformance:
        """What a current Prometheus makes of the whole page; that it is not had is no trouble of the filtered one."""
        try:
            page = await requests.inspected(path, inspecting)
            found = page.conformance or Conformance(unknown=Unknown.MALFORMED, why=_UNSEEN + page.error)
            came = page.conformance is not None
        except (TooCostlyError, TooCostlyTLSError) as error:
            came, found = True, Conformance(unknown=Unknown.MALFORMED, why=f"{_UNSEEN}{error.__cause__ or error}.")
        except httpx.TransportError as error:
            came = isinstance(error, TooLargeError)
            found = Conformance(unknown=_unknown_of(error), why=_UNSEEN + str(error))
        self._habits.inspected(target, found, came=came)
        return found

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


_UNSEEN = "The whole metrics endpoint could not be inspected: "


def _complete(filtered: MetricsPage, habit: Habit | None) -> bool:
    if filtered.trouble:
        return False
    lacking = filtered.wanted.lacking(filtered.kept)
    return not lacking or (habit is not None and habit.excuses(lacking))


def _trouble_of(error: httpx.TransportError) -> PageTrouble:
    match error:
        case TooLargeError():
            return PageTrouble.TOO_LARGE
        case OtherIdentityError():
            return PageTrouble.UNAUTHORIZED
        case TLSFailedError():
            return PageTrouble.HTTP_ERROR
    return PageTrouble.MALFORMED


def _unknown_of(error: httpx.TransportError) -> Unknown:
    if isinstance(error, TooLargeError):
        return Unknown.MALFORMED
    return Unknown.WATCHER_IMPAIRED if fault_of(error) is Fault.OURS else Unknown.SOURCE_FAILED


KIND = SourceKind(
    name="agent_metrics",
    endpoint="metrics",
    settings=AgentMetricsSettings,
    concurrency=128,
    open=AgentMetrics,
    always=FAMILIES,
)
