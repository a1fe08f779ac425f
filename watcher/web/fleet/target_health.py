"""What state is a target in, for people? One answer for pages, the API and badges."""

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import NamedTuple

from probes.contract import ConditionKind, Severity, Unknown, Verdict
from probes.contract.condition import Status
from watcher.engine.board import Board, TargetState
from watcher.engine.debounce import Verdicts

Outcome = tuple[ConditionKind, Status, str]
"""A condition, its status and its reason."""


class TargetHealth(StrEnum):
    """The state of a target, the worst first."""

    CRITICAL = "critical"
    WARNING = "warning"
    UNKNOWN = "unknown"
    HEALTHY = "healthy"
    NOTHING = "nothing_to_judge"  # no condition applies, or not one has passed yet: no reason for a green light

    @property
    def rank(self) -> int:
        """What comes first where targets are listed."""
        return _RANKS[self]

    @property
    def in_trouble(self) -> bool:
        """Whether a row of it says what is wrong, or what is not known."""
        return self.rank < TargetHealth.HEALTHY.rank


_RANKS = {health: rank for rank, health in enumerate(TargetHealth)}
_OF_SEVERITY = {Severity.CRITICAL: TargetHealth.CRITICAL, Severity.WARNING: TargetHealth.WARNING}


class Cause(NamedTuple):
    """What targets have in common: a condition that is true, or for which reason a probe cannot tell."""

    health: TargetHealth
    condition: str  # of a true condition; else empty
    probe: str  # of what is unknown; else empty
    reason: str  # of what is unknown; else empty


class Summary(NamedTuple):
    """What one probe says of a target, as far as targets are sorted and found by it."""

    health: TargetHealth
    outcomes: frozenset[Outcome]
    causes: frozenset[Cause]
    words: str  # names of what is not passing and not learning, case folded: for a search
    wanted: bool  # whether it has an outcome that is asked for


class Summaries:
    """Made once for each set of verdicts: most of a fleet shares a few. Lives as long as one request."""

    def __init__(
        self, board: Board, now: float, is_wanted: Callable[[str, Outcome], bool] = lambda _probe, _outcome: False
    ) -> None:
        """`now`: steady seconds; `is_wanted`: whether an outcome of a probe is asked for."""
        self._board, self._oldest, self._is_wanted = board, board.oldest(now), is_wanted
        self._known: dict[Verdicts, Summary] = {}

    def of(self, state: TargetState) -> list[Summary]:
        """What each probe says of the target now."""
        found, known = [], self._known
        for index, _, verdicts in self._board.fresh(state.results, self._oldest):
            summary = known.get(verdicts)
            if summary is None:
                summary = known[verdicts] = self._made(self._board.probes[index].name, verdicts)
            found.append(summary)
        return found

    def _made(self, probe: str, verdicts: Verdicts) -> Summary:
        causes = frozenset(cause for outcome in verdicts.outcomes if (cause := _cause(probe, outcome)) is not None)
        passes = any(status is Status.FALSE for _, status, _ in verdicts.outcomes)
        healths = [each.health for each in causes] + [TargetHealth.HEALTHY] * passes
        names = {kind.name for kind, status, reason in verdicts.outcomes if _tells(status, reason)}
        wanted = any(self._is_wanted(probe, outcome) for outcome in verdicts.outcomes)
        return Summary(worst(healths), verdicts.outcomes, causes, "\n".join(sorted(names)).casefold(), wanted)


def worst(healths: Iterable[TargetHealth]) -> TargetHealth:
    """The worst of several; of none there is nothing to judge."""
    return min(healths, key=_RANKS.__getitem__, default=TargetHealth.NOTHING)


def health_of(summaries: Iterable[Summary]) -> TargetHealth:
    """The state of a target of which its probes say this."""
    return worst([each.health for each in summaries])


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
