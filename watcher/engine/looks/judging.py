"""From what one look saw to the board: judged, debounced and shown."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence

from probes import AnyProbe, AnySourceKind
from probes.contract import Evaluation, EvaluationContext, Fault, Reading, SourceSettings, Target, Unknown
from watcher.engine.board import Board, Look, TargetState, Turned
from watcher.engine.costs import JudgingCPU
from watcher.engine.debounce import DebounceStates, ProbeResult, debounce
from watcher.engine.fleet import Fleet
from watcher.engine.majority import Votes
from watcher.engine.warm_up import UNSEEN, WarmUp, Young
from watcher.metrics.families import LOOK_SECONDS, LOOKS
from watcher.metrics.own import OwnMetrics
from watcher.runtime.failures import FailuresLogger

log = logging.getLogger(__name__)

_NOT_REACHED = (Fault.REFUSED, Fault.SILENT, Fault.UNRESOLVED, Fault.OURS)
_OURS = (Fault.OURS, Fault.UNRESOLVED)
_MAYBE_OURS = (*_OURS, Fault.SILENT, Fault.STALLED)

_CROWD = 100
"""Verdicts of one judge that are given in a turn of their own: a thousand take 20 ms."""


_Judged = tuple[int, str, Evaluation[object], ProbeResult | DebounceStates, ProbeResult]
"""The place of a probe on the board and its name, what its judge said, what held before, and what holds then.

Nothing is told of it before it is sure that the target is watched.
"""


class Broken(Reading):
    """What stands for a reading where the source itself failed."""


class Judging:
    """Judges the looks at one source."""

    def __init__(
        self,
        kind: AnySourceKind,
        settings: SourceSettings,
        board: Board,
        fleet: Fleet,
        own_metrics: OwnMetrics,
        *,
        once: bool = False,
        cpu_time: Callable[[], float] = time.thread_time,
    ) -> None:
        """`cpu_time`: seconds of CPU of this thread."""
        self.kind, self.interval = kind, settings.interval
        self.probes = [(index, each) for index, each in enumerate(board.probes) if each.source == kind.name]
        self._board, self._fleet, self._own_metrics, self._once = board, fleet, own_metrics, once
        self._cpu_time = cpu_time
        self._logger = FailuresLogger(logging.getLogger(__name__))

    def is_heavy(self, state: TargetState, reading: Reading) -> bool:
        """Whether to judge it takes so long that it is done in turns."""
        if reading.is_heavy:
            return True
        for index, _ in self.probes:
            result = state.results[index]
            if result is not None and len(result.since) > _CROWD:
                return True
        return False

    def post(self, state: TargetState, look: Look) -> None:
        """Judge it and show what holds then; of a target that is gone the look counts and says nothing."""
        if not self._begins(state, look):
            return
        found, began = list[_Judged](), self._cpu_time()
        for _ in self._steps(state, look, found):
            pass
        self._end(state, look, found, self._cpu_time() - began)

    async def post_in_turns(self, state: TargetState, look: Look) -> None:
        """The same for what takes long, one of these at a time."""
        if not self._begins(state, look):
            return
        async with self._fleet.gate.ahead():
            cpu, found = JudgingCPU(self._cpu_time), list[_Judged]()
            for _ in self._steps(state, look, found):
                await cpu.next()
            self._end(state, look, found, cpu.spent())

    def _begins(self, state: TargetState, look: Look) -> bool:
        reading = look.reading
        if reading.asked:
            self._own_metrics.add(LOOKS, 1, self.kind.name, reading.result)
            self._own_metrics.add(LOOK_SECONDS, look.seconds, self.kind.name)
        if state.removed:
            return False
        if reading.asked:
            self._follow(state, look)
        return True

    def _end(self, state: TargetState, look: Look, found: Sequence[_Judged], cpu: float) -> None:
        if not state.removed:
            self._show(state, look, found)
        self._fleet.costs.charge(state.target.key, self.kind.name, look.reading.cpu + cpu)

    def _follow(self, state: TargetState, look: Look) -> None:
        """What the answer, or its absence, says of the fleet and of our own place in it."""
        fault = look.reading.fault
        ours = _MAYBE_OURS if look.held_up else _OURS
        if fault is None or fault not in ours:  # of those nobody was asked, or an answer may have been missed
            self._fleet.isolation.record(state.target.key, self.kind.name, look.reading, look.at)
        elif self._fleet.descriptors is not None:
            self._fleet.descriptors.check()
        self._fleet.peer_clocks.record(state.target.key, look.reading, look.at)

    def _steps(self, state: TargetState, look: Look, found: list[_Judged]) -> Iterator[None]:
        votes = self._fleet.vote_counter.counts(state.target.key)
        kept = state.restored if self.kind.name not in state.looks else None
        restored = kept.of([probe.name for _, probe in self.probes]) if kept is not None else None
        for index, probe in self.probes:
            result = state.results[index]
            if result is not None:
                history = result.history if restored is None else restored.history.get(probe.name, result.history)
                before = result if restored is None else restored.debounce_states.get(probe.name, {})
                young = result.young if restored is None else restored.young.get(probe.name, UNSEEN)
                judged = self._judge(probe, state, history, look, votes)
                if state.target.unlearnt:
                    judged = _with_unlearnt(probe, state.target, judged)
                yield
                after = self._debounced(probe, state, before, young, judged, look)
                found.append((index, probe.name, judged, before, after))
                yield

    def _show(self, state: TargetState, look: Look, found: Sequence[_Judged]) -> None:
        self._tell_pace(state, look)
        results = list(state.results)  # as they are now: another source may have posted its own meanwhile
        changed = list[Turned]()
        for index, probe, judged, known, result in found:
            self._fleet.vote_counter.vote(state.target.key, probe, judged.votes)
            if judged.observations:
                self._own_metrics.observe(judged.observations)
            before, results[index] = results[index], result
            if before is None or result.verdicts is not before.verdicts:
                changed.append((index, known))
        if look.reading.asked and look.reading.fault not in _NOT_REACHED:
            state.reach(self.kind.endpoint)
        remembered = Look(look.source, look.at, look.seconds, look.reading.remembered())
        state.looks = {**state.looks, self.kind.name: remembered}
        state.post(tuple(results))
        if changed:
            self._board.touch(state.target.key)
            for tell_turn in self._board.on_turn:
                tell_turn(state, changed)
        for tell in self._board.on_look:
            tell(state)
        if state.restored is not None and self._all_looked(state, results):
            state.restored = None

    def _all_looked(self, state: TargetState, results: Sequence[ProbeResult | None]) -> bool:
        pairs = zip(self._board.probes, results, strict=True)
        return all(
            probe.source in state.looks for probe, result in pairs if result is not None and result.rests_on_looks
        )

    def _tell_pace(self, state: TargetState, look: Look) -> None:
        before = state.looks.get(self.kind.name)
        was, now = before.reading.asked_in if before else 1, look.reading.asked_in
        if was == now:
            return
        extra = {"source": self.kind.name, "target": "/".join(state.target.key)}
        if now > 1 == was:
            log.warning(
                "target asked less often, its answers cost too much CPU", extra=extra | {"why": look.reading.error}
            )
        elif was > 1 == now:
            log.info("target asked at each probe attempt again", extra=extra)

    def _debounced(
        self,
        probe: AnyProbe,
        state: TargetState,
        before: ProbeResult | DebounceStates,
        young: Young,
        judged: Evaluation[object],
        look: Look,
    ) -> ProbeResult:
        limits, verdicts = state.target.limits[probe.name], judged.verdicts
        if isinstance(before, ProbeResult) and before.stands(verdicts, look.at):  # nearly all looks
            return ProbeResult(look.at, before.verdicts, before.since, (), judged.samples, judged.history, before.young)
        if not (look.reading.error or look.reading.fault):  # of the others, the first of all is still to come
            same = before.verdicts.all if isinstance(before, ProbeResult) else ()
            verdicts, young = WarmUp(limits, self.interval).ended(verdicts, same, young, look.at)
        debounced = debounce(verdicts, before, limits.failures, look.at, asked=look.reading.asked)
        return ProbeResult(look.at, *debounced, judged.samples, judged.history, young)

    def _judge(
        self, probe: AnyProbe, state: TargetState, history: object, look: Look, votes: Votes
    ) -> Evaluation[object]:
        if isinstance(look.reading, Broken):
            return Evaluation(verdicts=probe.all_unknown(state.target, Unknown.PROBE_ERROR), history=history)
        context = EvaluationContext(
            target=state.target,
            limits=state.target.limits[probe.name],
            now=look.at,
            date=look.date,
            interval=self.interval,
            endpoint=self.kind.endpoint,
            reached=self.kind.endpoint in state.reached,
            isolated=self._fleet.isolation.isolated,
            held_up=look.held_up,
            lag=look.lag,
            clock_doubt=self._fleet.peer_clocks.doubt,
            once=self._once,
            vote_counts=votes,
        )
        try:
            judged = probe.judge(look.reading, history, context)
            return judged if look.reading.asked else context.dated(judged, look.reading)
        except Exception:  # the boundary: a probe that raises costs its verdicts, never the daemon
            self._logger.exception("probe failed", probe=probe.name, target="/".join(state.target.key))
            return Evaluation(verdicts=probe.all_unknown(state.target, Unknown.PROBE_ERROR), history=history)


def _with_unlearnt(probe: AnyProbe, target: Target, judged: Evaluation[object]) -> Evaluation[object]:
    """And the conditions that the judge leaves out because a fact is missing that may well be there."""
    lacking = probe.unlearnt(target, target.limits[probe.name])
    return judged._replace(verdicts=(*judged.verdicts, *lacking)) if lacking else judged
