"""Who else knows something of agents: where their logs and traces are, as the config says."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path

from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import AgentRef, Missing
from watcher.checklist.live.document_links.evidence import LinkEvidence, Linking
from watcher.checklist.live.kubernetes.opening import ObjectEvidence
from watcher.checklist.live.logs.loki import Loki
from watcher.checklist.live.logs.pod_logs import PodLogs
from watcher.checklist.live.outside.asked_evidence import Ask, AskedEvidence
from watcher.checklist.live.outside.client import OutsideClient, Place
from watcher.checklist.live.outside.rounds import Rounds
from watcher.checklist.live.provider import EvidenceProvider
from watcher.checklist.live.traces.jaeger import Jaeger
from watcher.checklist.live.traces.tempo import Tempo
from watcher.config.checklist import ChecklistSettings
from watcher.config.witnesses.stores import LogsSettings, TracesSettings
from watcher.discovery.pods.scope import SeenPod
from watcher.engine.engine import Engine
from watcher.scheduling.schedule import Schedule

_KEPT_EVERY = 300.0
"""Seconds from one writing of what is known of links to the next."""

_A_SECOND = 2.0
"""Requests to one place, at most: a thousand agents are asked about in some minutes."""

_TRACES_OLD = 3600.0 * 0.8
"""Seconds until traces are asked for again, at most: after an hour the answer before proves nothing."""

_NO_LOGS = Missing(UnknownReason.NOT_ENABLED, "Logs are not read: checklist.logs is not set.")
_NO_TRACES = Missing(UnknownReason.NOT_ENABLED, "Traces are not asked for: checklist.traces is not set.")
_NO_CLUSTER = Missing(
    UnknownReason.SOURCE_MISSING, "checklist.logs is of kind kubernetes, and nothing is found in Kubernetes here."
)


class Witnesses:
    """All of them."""

    def __init__(
        self,
        settings: ChecklistSettings,
        engine: Engine,
        objects: ObjectEvidence,
        records: Callable[[AgentRef], Iterable[Linking]],
        state_dir: Path | None,
    ) -> None:
        """`records`: those of an agent that are valid; `state_dir`: where what is known of links is kept."""
        self._engine, self._objects, self._settings = engine, objects, settings
        names, board = engine.source_context.names, engine.board
        self._links = LinkEvidence(
            settings.document_links, records, lambda: board.states, names, engine.clock, state_dir
        )
        self.logs = self._evidence(SourceName.LOGS, *self._logs_of(settings))
        self._traces = self._evidence(SourceName.TRACES, *self._traces_of(settings))

    @property
    def providers(self) -> Sequence[EvidenceProvider]:
        """One each."""
        return [self.logs, self._traces, self._links]

    @property
    def unwritable(self) -> str:
        """Why what is known of links cannot be kept; empty where it is."""
        return self._links.known.trouble

    async def start(self, schedule: Schedule, every: float) -> None:
        """Ask from now on; `every`: seconds from one step to the next."""
        await self._links.known.restore()
        schedule.every(every, self._links.tick, "links")
        schedule.every(_KEPT_EVERY, self._links.known.write, "known links", first=_KEPT_EVERY)
        schedule.every(every, self.logs.tick, "logs")
        schedule.every(every, self._traces.tick, "traces")

    async def first(self, seconds: float) -> None:
        """Ask about all agents once; not about all where that takes longer than so many seconds."""
        end = time.monotonic() + seconds
        while (self.logs.is_busy or self._traces.is_busy) and time.monotonic() < end:
            await asyncio.gather(self.logs.tick(), self._traces.tick())
            await asyncio.sleep(0.1)

    def adopt(self, settings: ChecklistSettings) -> None:
        """Ask as these settings say from now on."""
        before, self._settings = self._settings, settings
        if settings.document_links != before.document_links:
            self._links.adopt(settings.document_links)
        if (settings.logs, settings.intervals.logs) != (before.logs, before.intervals.logs):
            self._adopt(self.logs, *self._logs_of(settings))
        if (settings.traces, settings.intervals.traces) != (before.traces, before.intervals.traces):
            self._adopt(self._traces, *self._traces_of(settings))

    async def close(self) -> None:
        """Keep what is known of links."""
        await self._links.known.write()

    def _adopt(self, provider: AskedEvidence, ask: Ask | Missing, every: float, requests: int) -> None:
        provider.adopt(ask, every, requests / _A_SECOND)

    def _evidence(self, source: SourceName, ask: Ask | Missing, every: float, requests: int) -> AskedEvidence:
        clock, board = self._engine.clock, self._engine.board
        rounds = Rounds(every, requests / _A_SECOND, clock.steady)
        return AskedEvidence(source, ask, rounds, lambda: board.states, clock)

    def _logs_of(self, settings: ChecklistSettings) -> tuple[Ask | Missing, float, int]:
        wanted, every = settings.logs, settings.intervals.logs
        if wanted is None:
            return _NO_LOGS, every, 1
        place = self._place_of_logs(wanted)
        if isinstance(place, Missing):
            return place, every, 1
        return self._asking(place.sample), wanted.interval or every, place.REQUESTS

    def _place_of_logs(self, wanted: LogsSettings) -> PodLogs | Loki | Missing:
        if wanted.kind == "loki":
            labels = wanted.namespace_label, wanted.pod_label
            return Loki(OutsideClient(_place("Loki", wanted)), wanted.lines, labels, self._date)
        access = self._objects.access
        return _NO_CLUSTER if access is None else PodLogs(access, wanted.lines)

    def _traces_of(self, settings: ChecklistSettings) -> tuple[Ask | Missing, float, int]:
        wanted, every = settings.traces, min(settings.intervals.traces, _TRACES_OLD)
        if wanted is None:
            return _NO_TRACES, every, 1
        kind = Jaeger if wanted.kind == "jaeger" else Tempo
        place = kind(OutsideClient(_place(wanted.kind.capitalize(), wanted)), wanted.service, self._date)

        async def ask(agent: AgentRef, _: Collection[str]) -> tuple[object, str] | Missing:
            return await place.sample(agent)

        return ask, every, place.REQUESTS

    def _asking(
        self, sample: Callable[[AgentRef, Mapping[str, SeenPod | None]], Awaitable[tuple[object, str] | Missing]]
    ) -> Ask:
        async def ask(agent: AgentRef, pods: Collection[str]) -> tuple[object, str] | Missing:
            return await sample(agent, {**dict.fromkeys(pods), **self._objects.pods_of(agent)})

        return ask

    def _date(self) -> float:
        return self._engine.clock.date_of(self._engine.clock.steady())


def _place(what: str, wanted: LogsSettings | TracesSettings) -> Place:
    headers = {"X-Scope-OrgID": wanted.tenant} if wanted.tenant else {}
    return Place(what, wanted.url or "", wanted.bearer_token_file, wanted.ca_file, headers)
