"""One look at one target: ask the source, let its probes judge, show what holds."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from probes import AnyProbe, AnySourceKind
from probes.contract import Evaluation, EvaluationContext, Fault, Limits, Reading, Source, Target, Unknown
from watcher.engine.board import Board, Look, TargetState
from watcher.engine.debounce import ProbeResult, debounce
from watcher.engine.isolation import Isolation
from watcher.engine.majority import VoteCounter
from watcher.metrics.families import LOOK_SECONDS, LOOKS
from watcher.metrics.own import OwnMetrics
from watcher.runtime.failures import FailuresLogger
from watcher.runtime.loop_lag import LoopLag


@dataclass(frozen=True, slots=True)
class Fleet:
    """What is known of all targets together; a judge is handed what it may use of it."""

    vote_counter: VoteCounter
    isolation: Isolation
    lag: LoopLag


class Broken(Reading):
    """What stands for a reading where the source itself failed."""


class Looker:
    """Makes the looks at one source."""

    def __init__(
        self,
        kind: AnySourceKind,
        source: Source,
        interval: float,
        board: Board,
        fleet: Fleet,
        own_metrics: OwnMetrics,
        now: Callable[[], float],
        *,
        once: bool = False,
    ) -> None:
        """`interval`: seconds from one look at a target to the next; `now`: Unix seconds."""
        self.kind, self.source, self.interval = kind, source, interval
        self._board, self._fleet, self._own_metrics, self._now, self._once = board, fleet, own_metrics, now, once
        self._probes = [(index, each) for index, each in enumerate(board.probes) if each.source == kind.name]
        self._logger = FailuresLogger(logging.getLogger(__name__))
        self._wants: dict[tuple[int, ...], tuple[tuple[Limits, ...], tuple[object, ...]]] = {}

    async def look(self, state: TargetState) -> None:
        """One look, judged and posted on the board, whatever happens in it."""
        started = time.monotonic()
        try:
            reading: Reading = await self.source.look(state.target, self._wanted(state.target))
        except Exception:  # the boundary: a fault of a source costs its verdicts, never the daemon
            self._logger.exception("source failed", source=self.kind.name, target="/".join(state.target.key))
            reading = Broken(fault=Fault.OURS, error="The source failed here; this is a fault of the watcher.")
        look = Look(self.kind.name, self._now(), time.monotonic() - started, reading)
        self._own_metrics.add(LOOKS, 1, self.kind.name, reading.result)
        self._own_metrics.add(LOOK_SECONDS, look.seconds, self.kind.name)
        if not state.removed:
            self._post(state, look)

    def _wanted(self, target: Target) -> tuple[object, ...]:
        """What the probes ask of the source; the same object for all targets with the same limits."""
        limits = tuple(target.limits[probe.name] for _, probe in self._probes)
        key = tuple(map(id, limits))
        if key not in self._wants:
            asked = zip(self._probes, limits, strict=True)
            wants = tuple(want for (_, probe), each in asked if each.enabled for want in probe.wants(each))
            self._wants[key] = (limits, wants)  # keeps the limits alive, so that no id is used again
        return self._wants[key][1]

    def _post(self, state: TargetState, look: Look) -> None:
        if look.reading.fault not in (Fault.OURS, Fault.UNRESOLVED):  # of those nobody was asked
            self._fleet.isolation.record(state.target.key, self.kind.name, look.reading, look.at)
        results, changed = list(state.results), False
        for index, probe in self._probes:
            result = results[index]
            if result is not None:
                results[index] = judged = self._evaluated(probe, state, result, look)
                changed |= judged.verdicts is not result.verdicts
        if look.reading.fault not in (Fault.REFUSED, Fault.SILENT, Fault.UNRESOLVED, Fault.OURS):
            state.reach(self.kind.endpoint)
        remembered = Look(look.source, look.at, look.seconds, look.reading.remembered())
        state.looks = {**state.looks, self.kind.name: remembered}
        state.post(tuple(results))
        if changed:
            self._board.touch(state.target.key)
        if all(
            probe.source in state.looks for probe, result in zip(self._board.probes, results, strict=True) if result
        ):
            state.restored = None

    def _evaluated(self, probe: AnyProbe, state: TargetState, result: ProbeResult, look: Look) -> ProbeResult:
        restored = state.restored if self.kind.name not in state.looks else None
        history = result.history if restored is None else restored.history.get(probe.name, result.history)
        before = result if restored is None else restored.debounce_states.get(probe.name, {})
        judged = self._judge(probe, state, history, look)
        self._fleet.vote_counter.vote(state.target.key, probe.name, judged.votes)
        self._own_metrics.observe(judged.observations)
        debounced = debounce(judged.verdicts, before, state.target.limits[probe.name].failures, look.at)
        return ProbeResult(look.at, *debounced, judged.samples, judged.history)

    def _judge(self, probe: AnyProbe, state: TargetState, history: object, look: Look) -> Evaluation[object]:
        if isinstance(look.reading, Broken):
            return Evaluation(verdicts=probe.all_unknown(state.target, Unknown.PROBE_ERROR), history=history)
        context = EvaluationContext(
            target=state.target,
            limits=state.target.limits[probe.name],
            now=look.at,
            interval=self.interval,
            endpoint=self.kind.endpoint,
            reached=self.kind.endpoint in state.reached,
            isolated=self._fleet.isolation.isolated,
            overloaded=self._fleet.lag.overloaded,
            once=self._once,
            vote_counts=self._fleet.vote_counter.counts(state.target.key),
        )
        try:
            return probe.judge(look.reading, history, context)
        except Exception:  # the boundary: a probe that raises costs its verdicts, never the daemon
            self._logger.exception("probe failed", probe=probe.name, target="/".join(state.target.key))
            return Evaluation(verdicts=probe.all_unknown(state.target, Unknown.PROBE_ERROR), history=history)
