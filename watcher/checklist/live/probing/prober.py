"""What probing on purpose shows of agents: the sources that look for the checklist alone, one attempt at a time."""

import asyncio
import logging
import time
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path

from probes import AnySourceKind, load_checklist_sources
from probes.contract import Fault, Reading, Source, SourceSettings, Target, TargetKey
from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import AgentRef
from probes.controls.finding import Witness
from probes.readings.health.answer import HealthAnswer
from watcher.checklist.live.probing.attempts import AttemptQueue, Attempts
from watcher.checklist.live.probing.found import NOT_YET, evidence, kept
from watcher.checklist.live.probing.outages import Outages
from watcher.checklist.live.probing.outages_file import OutagesFile
from watcher.checklist.live.probing.targets import ProbedTarget, ProbedTargets
from watcher.checklist.live.provider import Presence, Provided, SourceDates, Sources, SourcesOfPods
from watcher.engine.engine import Engine
from watcher.metrics.families import LOOK_SECONDS, LOOKS
from watcher.runtime.failures import FailuresLogger

COSTLY = 0.05
"""Seconds of CPU of one attempt; a target whose answers cost more is asked less often."""

STEP, STEPS, TOGETHER = 0.05, 18, 5
"""Seconds between two beginnings, how many there are in a tick, and the attempts that begin together."""

LONGEST = 120.0
"""Seconds after which an attempt is cut off, whatever its source does."""

_MUCH = 5.0  # seconds that the watcher itself stood still: what was silent meanwhile is not the agent's silence
_SILENT = (Fault.SILENT, Fault.STALLED)


class Broken(Reading):
    """What stands for a reading where the source itself failed."""


class ProbedEvidence:
    """Makes the attempts, and keeps what the last one at each target saw. `tick` is to be called each second."""

    def __init__(
        self,
        engine: Engine,
        settings: Mapping[str, SourceSettings],
        state_dir: Path | None = None,
        kinds: Sequence[AnySourceKind] | None = None,
    ) -> None:
        """`settings` by source, as `source_settings` makes them; `kinds`: of the sources, if not all.

        `state_dir`: where what agents said in outages is kept; None: nowhere.
        """
        self._engine, self._clock = engine, engine.clock
        every = load_checklist_sources() if kinds is None else kinds
        self._kinds = {kind.name: kind for kind in sorted(every, key=lambda each: settings[each.name].interval)}
        self._settings = dict(settings)
        context = engine.source_context
        self._sources = {name: kind.open(settings[name], context) for name, kind in self._kinds.items()}
        self._replaced: list[Source] = []  # an attempt under way may still use them
        self._queue = AttemptQueue({name: kind.concurrency for name, kind in self._kinds.items()})
        self._outages = Outages()
        self._outages_file = OutagesFile(self._outages, state_dir)
        intervals = {name: each.interval for name, each in settings.items()}
        self._targets = ProbedTargets(engine, self._kinds, intervals, self._queue, self._outages)
        self._logger = FailuresLogger(logging.getLogger(__name__))
        self._tasks, self._changed = set[asyncio.Task[None]](), set[AgentRef]()
        self._ticking = self._news = False  # news: something was told in an outage since that was kept

    def agents(self) -> Collection[AgentRef]:
        """None: only what is watched is probed."""
        return ()

    def presence(self, _: AgentRef, /) -> Presence:
        """Gone: only pods that are watched are known here."""
        return Presence.GONE

    def evidence_of(self, agent: AgentRef, pods: Sequence[Target], /) -> Provided:
        """What was seen last of each pod by each source, or why nothing was."""
        names = {each.key.pod for each in pods}
        return Provided(pods=SourcesOfPods(names, partial(self._sources_of, agent), partial(self._dates_of, agent)))

    def take_changed(self) -> Collection[AgentRef]:
        """Of which agents anything was seen since the last time."""
        changed, self._changed = self._changed, set()
        return changed

    def sources_up(self) -> Mapping[str, str]:
        """Down where the watcher has no certificate to show; none where it is to have none."""
        if self._engine.settings.identity is None:
            return {}
        identity = self._engine.identity.current
        up = identity is not None and bool(identity.chain)
        return dict.fromkeys(self._kinds, "" if up else UnknownReason.UNREACHABLE.value)

    def remembered(self, source: str, key: TargetKey) -> Reading | None:
        """What this source saw last of a target; None where it saw nothing yet."""
        target = self._targets.get(key)
        attempts = target.attempts.get(source) if target is not None else None
        return attempts.reading if attempts is not None else None

    def look_again(self, agents: Collection[AgentRef] | None = None) -> None:
        """Probe all targets as soon as may be, or those of some agents."""
        self._targets.ask_anew(agents, self._clock.steady())

    def confirm(self, agent: AgentRef, witnesses: Collection[Witness]) -> None:
        """What these saw was bad, and a second look decides: it is made soon, and not when its turn comes."""
        for source, pod in witnesses:
            self._targets.confirm(source, TargetKey(agent.namespace, agent.agent, pod), self._clock.steady())

    @property
    def is_busy(self) -> bool:
        """Whether an attempt is under way, or due."""
        return self._queue.is_busy(self._clock.steady())

    @property
    def unwritable(self) -> str:
        """Why what agents said in outages cannot be kept; empty where it is."""
        return self._outages_file.trouble

    async def restore(self) -> None:
        """Know what the last process knew; before the first tick."""
        await self._outages_file.restore(self._clock.date_of(self._clock.steady()))

    async def tick(self) -> None:
        """Follow the targets, and begin what is due within about a second; nothing while another tick goes on."""
        if self._ticking:  # on standby it goes on too: who leads next must know what the leader knew
            return
        self._ticking = True
        try:
            fresh = await self._targets.follow(self._clock.steady())
            self._changed.update(fresh)
            await self._targets.sweep(self._clock.steady())
            await self._keep_news()
            for _ in range(STEPS):
                if self._engine.fleet.isolation.isolated or not self._begin_some():
                    return
                await asyncio.sleep(STEP)
        finally:
            self._ticking = False

    def adopt(self, settings: Mapping[str, SourceSettings]) -> None:
        """Probe by these settings from now on; what was seen stays, and is seen anew within its new interval."""
        changed = [name for name in self._kinds if settings[name] != self._settings[name]]
        for name in changed:
            self._replaced.append(self._sources[name])
            self._sources[name] = self._kinds[name].open(settings[name], self._engine.source_context)
        self._settings = dict(settings)
        intervals = {name: settings[name].interval for name in changed}
        self._targets.bring_forward(intervals, self._clock.steady())

    async def close(self) -> None:
        """Cut off the attempts under way, and give back what is held."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._keep_news()
        for source in (*self._sources.values(), *self._replaced):
            await source.close()

    def _begin_some(self) -> bool:
        """Whether so many could begin that more may be due."""
        for _ in range(TOGETHER):
            attempts = self._queue.take(self._clock.steady())
            if attempts is None:
                return False
            task = asyncio.create_task(self._attempt(attempts))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return True

    async def _keep_news(self) -> None:
        if self._news:
            self._news = False
            await self._outages_file.write(self._clock.date_of(self._clock.steady()))

    async def _attempt(self, attempts: Attempts) -> None:
        lag, began = self._engine.fleet.lag, time.monotonic()
        stalled = lag.stalled
        try:
            reading = await self._look(attempts)
        finally:
            self._queue.over(attempts, self._clock.steady())
        self._engine.own_metrics.add(LOOKS, 1, attempts.kind, reading.result)
        self._engine.own_metrics.add(LOOK_SECONDS, time.monotonic() - began, attempts.kind)
        target = self._targets.get(attempts.state.target.key)
        if target is None or target.attempts.get(attempts.kind) is not attempts:
            return  # it is gone
        try:
            if not attempts.outdated:
                self._take(target, attempts, reading, silent_for_us=lag.stalled - stalled > _MUCH)
        finally:
            self._put_next(attempts)

    def _take(self, target: ProbedTarget, attempts: Attempts, reading: Reading, *, silent_for_us: bool) -> None:
        self._engine.costs.charge(attempts.state.target.key, attempts.kind, reading.cpu)
        silent_for_us = silent_for_us or self._engine.fleet.isolation.isolated
        if reading.fault is Fault.OURS or (reading.fault in _SILENT and silent_for_us):
            self._engine.descriptors.check()
            changed = attempts.fail(reading)
        else:
            changed = attempts.take(kept(reading), self._clock.steady())
            attempts.charge(costly=reading.cpu > COSTLY)
            changed |= self._note(target, reading)
        if changed:
            self._changed.add(attempts.agent)

    async def _look(self, attempts: Attempts) -> Reading:
        key = attempts.state.target.key
        try:
            async with asyncio.timeout(LONGEST):
                return await self._sources[attempts.kind].look(attempts.state.target, ())
        except Exception:  # the boundary: a fault of a source costs its evidence, never the daemon
            self._logger.exception("source failed", source=attempts.kind, target="/".join(key))
            return Broken(fault=Fault.OURS, error="The source raised an error: this is a bug of the watcher.")

    def _note(self, target: ProbedTarget, reading: Reading) -> bool:
        """Hold what an agent says of its health against what is down; whether that tells anything."""
        if not isinstance(reading, HealthAnswer):
            return False
        pod, date = target.state.target.key.pod, self._clock.date_of(self._clock.steady())
        told = self._outages.note(target.agent, pod, reading, self._targets.down(target), date)
        self._news |= told
        return told

    def _put_next(self, attempts: Attempts) -> None:
        now = self._clock.steady()
        due = now if attempts.again else attempts.next_due(now, self._settings[attempts.kind].interval)
        self._queue.put(attempts, due)

    def _sources_of(self, agent: AgentRef, pod: str) -> Sources:
        target, now, date_of = self._targets.get(TargetKey(*agent, pod)), self._clock.steady(), self._clock.date_of
        if target is None:  # it is new, and not followed yet
            return dict.fromkeys(map(SourceName, self._kinds), NOT_YET)
        outages = self._outages.of(agent, date_of(now))
        return {SourceName(each): evidence(target.attempts.get(each), outages, now, date_of) for each in self._kinds}

    def _dates_of(self, agent: AgentRef, pod: str) -> SourceDates:
        target, date_of = self._targets.get(TargetKey(*agent, pod)), self._clock.date_of
        attempts = target.attempts.items() if target is not None else ()
        return {SourceName(name): date_of(each.at) for name, each in attempts if each.reading is not None}
