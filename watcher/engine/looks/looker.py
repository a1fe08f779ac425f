"""One look at one target: ask the source, let its probes judge, show what holds."""

import logging
import time
from collections.abc import Callable
from functools import partial

from probes import AnySourceKind
from probes.contract import Fault, Limits, Reading, Source, SourceSettings, Target
from watcher.engine.board import Board, Look, TargetState
from watcher.engine.fleet import Fleet
from watcher.engine.looks.judging import Broken, Judging
from watcher.metrics.own import OwnMetrics
from watcher.runtime.clock import Clock
from watcher.runtime.failures import FailuresLogger

_MUCH = 1 / 3
"""Of a look's timeout: a watcher that stood still for so long may have missed an answer that was there."""


class Looker:
    """Makes the looks at one source."""

    def __init__(
        self,
        kind: AnySourceKind,
        source: Source,
        settings: SourceSettings,
        board: Board,
        fleet: Fleet,
        own_metrics: OwnMetrics,
        clock: Clock,
        *,
        once: bool = False,
        for_checklist: bool = True,
        cpu_time: Callable[[], float] = time.thread_time,
    ) -> None:
        """`cpu_time`: seconds of CPU of this thread. Nothing is looked at yet.

        `for_checklist`: whether the source is asked what nobody but the checklist wants.
        """
        self._always = kind.always if for_checklist else ()
        self.kind, self.source, self.interval = kind, source, settings.interval
        self._much = settings.timeout * _MUCH
        self._fleet, self._clock = fleet, clock
        self._judging = Judging(kind, settings, board, fleet, own_metrics, once=once, cpu_time=cpu_time)
        self._logger = FailuresLogger(logging.getLogger(__name__))
        self._wants: dict[tuple[int, ...], tuple[tuple[Limits, ...], tuple[object, ...]]] = {}

    async def look(self, state: TargetState) -> None:
        """One look, judged and posted on the board, whatever happens in it."""
        await self._post(state, await self._seen(state))

    async def look_and_queue(self, state: TargetState, over: Callable[[TargetState], None]) -> None:
        """The same, but what is light is judged a moment later, with others; `over` is called once it is posted."""
        look = await self._seen(state)
        if self._judging.is_heavy(state, look.reading):
            await self._judging.post_in_turns(state, look)
            over(state)
        else:
            self._fleet.judging.add(partial(self._post_late, state, look, over), self.interval)

    def _post_late(self, state: TargetState, look: Look, over: Callable[[TargetState], None]) -> None:
        try:
            self._judging.post(state, look)
        finally:
            over(state)

    async def _post(self, state: TargetState, look: Look) -> None:
        if self._judging.is_heavy(state, look.reading):
            await self._judging.post_in_turns(state, look)
        else:
            self._judging.post(state, look)

    async def _seen(self, state: TargetState) -> Look:
        lag = self._fleet.lag
        started, before = time.monotonic(), lag.both
        try:
            reading: Reading = await self.source.look(state.target, self._wanted(state.target))
        except Exception:  # the boundary: a fault of a source costs its verdicts, never the daemon
            self._logger.exception("source failed", source=self.kind.name, target="/".join(state.target.key))
            reading = Broken(fault=Fault.OURS, error="The source raised an error: this is a bug of the watcher.")
        stalled, delayed = lag.both
        late = stalled - before[0] > self._much, delayed - before[1]
        seconds = max(0.0, time.monotonic() - started - reading.waited)
        return Look(self.kind.name, self._clock.steady(), seconds, reading, *late, self._clock.wall())

    def _wanted(self, target: Target) -> tuple[object, ...]:
        """What is asked of the source; the same object for all targets with the same limits."""
        limits = tuple([target.limits[probe.name] for _, probe in self._judging.probes])
        key = tuple(map(id, limits))
        if key not in self._wants:
            asked = zip(self._judging.probes, limits, strict=True)
            wants = tuple(want for (_, probe), each in asked if each.enabled for want in probe.wants(each))
            wants = (*wants, *self._always)
            self._wants[key] = (limits, wants)  # keeps the limits alive, so that no id is used again
        return self._wants[key][1]
