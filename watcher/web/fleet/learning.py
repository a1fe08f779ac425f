"""How much of a target is judged, how much is still learning, and until when?"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

from probes import AnyProbe
from probes.contract import Target, Unknown, Verdict
from probes.contract.condition import Status
from probes.contract.reading import STALE_AFTER
from watcher.engine.board import Board, TargetState
from watcher.engine.debounce import ProbeResult
from watcher.engine.warm_up import WarmUp


@dataclass(slots=True)
class Judged:
    """Conditions of one target or of several."""

    passing: int = 0
    learning: int = 0
    until: float | None = None  # Unix seconds, when the last of those that are learning is expected to be judged
    overdue: bool = False  # some take longer than expected, so nobody knows until when

    def add(self, until: float, now: float) -> None:
        """One more that is learning."""
        self.learning += 1
        if now < until < inf:
            self.until = max(until, self.until or 0.0)
        else:
            self.overdue = True


def judged(board: Board, states: Iterable[TargetState], now: float) -> Judged:
    """What is judged of these targets at `now`, steady seconds."""
    found, oldest = Judged(), board.oldest(now)
    for state in states:
        for index, result, verdicts in board.fresh(state.results, oldest):
            interval = board.stale_after[index] / STALE_AFTER
            for place, each in enumerate(verdicts.all):
                found.passing += each.status is Status.FALSE
                if each.reason == Unknown.WARMING_UP:
                    until = _until(board.probes[index], state.target, each, _begin(result, place, each), interval, now)
                    found.add(board.date_of(until), board.date_of(now))
    return found


def _begin(result: ProbeResult, place: int, verdict: Verdict) -> float:
    """The first good look at it, or when it became unknown."""
    waiting = result.young.waiting.get((verdict.kind.name, verdict.subject))
    return waiting.since if waiting is not None else result.since[place]


def _until(probe: AnyProbe, target: Target, verdict: Verdict, begin: float, interval: float, now: float) -> float:
    """When it is expected to be told, in steady seconds; in the past where it is not known any more."""
    limits = target.limits[probe.name]
    expected = begin + max(verdict.kind.window.length(limits, interval), interval)
    if expected > now:
        return expected
    longest = WarmUp(limits, interval).longest(verdict.kind)
    return begin + longest if longest < inf else expected
