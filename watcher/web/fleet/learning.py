"""How much of a target is judged, how much is still learning, and until when?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf

from probes.contract import Target, Unknown, Verdict, say_duration
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
            for place, each in enumerate(verdicts.all):
                found.passing += each.status is Status.FALSE
                if each.reason == Unknown.WARMING_UP:
                    until = _until(board, index, state.target, each, _begin(result, place, each), now)
                    found.add(board.date_of(until), board.date_of(now))
    return found


def needs(board: Board, state: TargetState, now: float) -> Mapping[tuple[str, str], str]:
    """By condition and subject: how much history those need that do not say so themselves, and have; a sentence."""
    found = {}
    for index, result, verdicts in board.fresh(state.results, board.oldest(now)):
        for place, each in enumerate(verdicts.all):
            if each == each.kind.unknown(Unknown.WARMING_UP, subject=each.subject):
                begin = _begin(result, place, each)
                whole = _until(board, index, state.target, each, begin, now) - begin
                if now < begin + whole < inf:
                    said = f"Needs {say_duration(whole)} of history, has {say_duration(max(0.0, now - begin))}."
                    found[each.kind.name, each.subject] = said
    return found


def _begin(result: ProbeResult, place: int, verdict: Verdict) -> float:
    """The first good look at it, or when it became unknown."""
    waiting = result.young.waiting.get((verdict.kind.name, verdict.subject))
    return waiting.since if waiting is not None else result.since[place]


def _until(board: Board, index: int, target: Target, verdict: Verdict, begin: float, now: float) -> float:
    """When it is expected to be told, in steady seconds; in the past where it is not known any more."""
    limits, interval = target.limits[board.probes[index].name], board.stale_after[index] / STALE_AFTER
    expected = begin + max(verdict.kind.window.length(limits, interval), interval)
    if expected > now:
        return expected
    longest = WarmUp(limits, interval).longest(verdict.kind)
    return begin + longest if longest < inf else expected
