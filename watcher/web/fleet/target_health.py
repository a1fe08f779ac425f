"""What state is a target in, for people? One answer for pages, the API and badges."""

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import NamedTuple

from probes.contract import Severity, Unknown, Verdict
from probes.contract.condition import Status
from watcher.engine.board import Board, TargetState
from watcher.engine.outcomes import Outcome, Outcomes


class TargetHealth(StrEnum):
    """The state of a target, the worst first."""

    CRITICAL = "critical"
    WARNING = "warning"
    UNKNOWN = "unknown"
    HEALTHY = "healthy"
    NOTHING = "nothing_to_judge"  # no condition applies, or not one has passed yet: no reason for a green light

    def __init__(self, _: str) -> None:
        # Attributes and no properties: they are read ten thousand times for a page.
        self.rank = len(type(self).__members__)  # what comes first where targets are listed
        self.in_trouble = self.rank < 3  # whether a row of it says what is wrong, or what is not known


_OF_SEVERITY = {Severity.CRITICAL: TargetHealth.CRITICAL, Severity.WARNING: TargetHealth.WARNING}


class Cause(NamedTuple):
    """What targets have in common: a condition that is true, or for which reason a probe cannot tell."""

    health: TargetHealth
    condition: str  # of a true condition; else empty
    probe: str  # of what is unknown; else empty
    reason: str  # of what is unknown; else empty


class Summary(NamedTuple):
    """What the probes say of a target, as far as targets are sorted and found by it."""

    health: TargetHealth
    by_probe: tuple[TargetHealth, ...]  # of each probe that says something, in their order
    outcomes: frozenset[Outcome]
    causes: frozenset[Cause]
    words: str  # names of what is not passing and not learning, case folded: for a search
    wanted: bool  # whether it has an outcome that is asked for


class Summaries:
    """Made once for each set of outcomes: most of a fleet shares a few. Lives as long as one request."""

    def __init__(self, board: Board, now: float, is_wanted: Callable[[str, Outcome], bool] | None = None) -> None:
        """`now`: steady seconds; `is_wanted`: whether an outcome of a probe is asked for."""
        self._board, self._oldest, self._is_wanted = board, board.oldest(now), is_wanted
        self._known: dict[tuple[Outcomes, ...], Summary] = {}
        self._parts: dict[Outcomes, Summary] = {}

    def of(self, state: TargetState) -> Summary:
        """What is said of the target now."""
        found = tuple([verdicts.outcomes for _, _, verdicts in self._board.fresh(state.results, self._oldest)])
        summary = self._known.get(found)
        if summary is None:
            summary = self._known[found] = self._made(state)
        return summary

    def _made(self, state: TargetState) -> Summary:
        fresh = self._board.fresh(state.results, self._oldest)
        parts = [self._part(index, verdicts.outcomes) for index, _, verdicts in fresh]
        health = worst([each.health for each in parts])
        causes = frozenset[Cause]().union(*(each.causes for each in parts))
        if health is not TargetHealth.UNKNOWN:  # what a failed probe leaves open is told by what is true
            causes = frozenset([each for each in causes if each.reason != Unknown.SOURCE_FAILED])
        return Summary(
            health,
            tuple([each.health for each in parts]),
            frozenset[Outcome]().union(*(each.outcomes for each in parts)),
            causes,
            "\n".join(each.words for each in parts if each.words),
            any(each.wanted for each in parts),
        )

    def _part(self, index: int, said: Outcomes) -> Summary:
        """The same of one probe."""
        known = self._parts.get(said)
        if known is not None:
            return known
        probe, outcomes = self._board.probes[index].name, said.distinct
        causes = frozenset([cause for outcome in outcomes if (cause := _cause(probe, outcome)) is not None])
        passes = any(status is Status.FALSE for _, status, _ in outcomes)
        health = worst([*(each.health for each in causes), *([TargetHealth.HEALTHY] * passes)])
        words = "\n".join({kind.name for kind, status, reason in outcomes if _tells(status, reason)}).casefold()
        wanted = self._is_wanted is not None and any(self._is_wanted(probe, outcome) for outcome in outcomes)
        part = self._parts[said] = Summary(health, (health,), outcomes, causes, words, wanted)
        return part


def worst(healths: Iterable[TargetHealth]) -> TargetHealth:
    """The worst of several; of none there is nothing to judge."""
    return min(healths, key=_rank, default=TargetHealth.NOTHING)


def _rank(health: TargetHealth) -> int:
    return health.rank


def health_of_verdict(verdict: Verdict) -> TargetHealth:
    """How bad one condition is; of one that is still learning nothing is known that could be bad."""
    if verdict.status is Status.TRUE:
        return _OF_SEVERITY[verdict.kind.severity]
    if verdict.status is Status.FALSE:
        return TargetHealth.HEALTHY
    return TargetHealth.NOTHING if verdict.reason == Unknown.WARMING_UP else TargetHealth.UNKNOWN


def _tells(status: Status, reason: str) -> bool:
    return status is not Status.FALSE and reason != Unknown.WARMING_UP


def _cause(probe: str, outcome: Outcome) -> Cause | None:
    kind, status, reason = outcome
    if not _tells(status, reason):
        return None
    if status is Status.TRUE:
        return Cause(_OF_SEVERITY[kind.severity], kind.name, "", "")
    return Cause(TargetHealth.UNKNOWN, "", probe, reason)
