"""The lines of a rollout, judged: what has failed or passed, and why the rest is not decided. Pure.

1. A line that was decided, or whose window is over, stays as it is.
2. Its judge says what it sees: trouble at once, that all is well only when its window is over.
3. Where the watcher saw too little of the window, nothing is called well.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

from watcher.rollouts.lines import conditions, immediate, rates
from watcher.rollouts.lines.said import Said
from watcher.rollouts.lines.sight import Sight
from watcher.rollouts.rollout import Line
from watcher.rollouts.terms import LINES, LineName, LineState, Undecided, Window

Place = tuple[Window, LineName]
_Judge = Callable[[Sight, Window], Said]

_JUDGES: Mapping[LineName, _Judge] = {
    LineName.PODS_RUNNING: immediate.pods_running,
    LineName.HEALTH_CHECKS: immediate.health_checks,
    LineName.LOGS: immediate.logs,
    LineName.METRICS: immediate.metrics,
    LineName.TRAFFIC: rates.traffic,
    LineName.ERROR_RATE: rates.error_rate,
    LineName.LATENCY: rates.latency,
    LineName.AUTHORIZATION: rates.authorization,
    LineName.BREAKERS: conditions.breakers,
    LineName.MEMORY: conditions.memory,
    LineName.CPU: conditions.cpu,
    LineName.POOL: conditions.pool,
    LineName.SVID_ROTATION: conditions.svid_rotation,
    LineName.OPA: conditions.opa,
}
_FAIL_BY_WHAT_IS_MISSING = frozenset({LineName.TRAFFIC})
"""Never where the watcher could not see."""


FIRST_LINES = tuple(Line(window=window, name=name) for window, names in LINES.items() for name in names)
"""As a rollout begins."""


class Judged(NamedTuple):
    """All lines, and those that nothing changes any more."""

    lines: tuple[Line, ...]
    closed: frozenset[Place]


def judge(lines: tuple[Line, ...], closed: frozenset[Place], sight: Sight) -> Judged:
    """All lines as of now."""
    found = tuple(each if (each.window, each.name) in closed else _judged(each, sight) for each in lines)
    return Judged(found, closed | {(each.window, each.name) for each in found if _is_closed(each, sight)})


def _is_closed(line: Line, sight: Sight) -> bool:
    decided = line.state in (LineState.PASS, LineState.FAIL)
    return decided or (sight.is_over(line.window) and line.reason != Undecided.SETTLING)


def _judged(line: Line, sight: Sight) -> Line:
    said = _JUDGES[line.name](sight, line.window)
    if sight.is_blind(line.window) and _needs_eyes(line.name, said):
        why = sight.impaired or "the watcher was away for too much of the window"
        said = Said(LineState.UNDECIDED, Undecided.WATCHER_IMPAIRED, f"Not judged: {why}.", said.evidence)
    decided = said.state in (LineState.PASS, LineState.FAIL)
    return replace(
        line,
        state=said.state,
        reason=said.reason,
        message=said.message,
        evidence=said.evidence,
        conditions=said.conditions,
        lacks=said.lacks,
        decided_at=sight.date if decided else None,
    )


def _needs_eyes(name: LineName, said: Said) -> bool:
    if said.state is LineState.FAIL:
        return name in _FAIL_BY_WHAT_IS_MISSING
    return said.state is not LineState.NOT_APPLICABLE
