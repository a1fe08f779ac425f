"""Which exit code does a check have, and why?

1. Nothing was judged: 2. An empty answer is never a good one.
2. What `--fail-on` names is there: 1.
3. Without `--fail-on`, some condition is unknown for another reason than WarmingUp: 3.
4. Not all agents could be found, so nobody knows of the others: 3.
5. Else 0.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Literal, NamedTuple

from probes.contract import Severity, Unknown, Verdict
from probes.contract.condition import Status

FailOn = Literal["critical", "warning", "unknown"]


class Outcome(NamedTuple):
    """The exit code, and why it is that one."""

    code: int
    why: str


def fails(verdict: Verdict, fail_on: FailOn | None) -> bool:
    """Whether this verdict makes exit code 1."""
    if verdict.status is Status.TRUE:
        return fail_on != "critical" or verdict.kind.severity is Severity.CRITICAL
    return fail_on == "unknown" and is_open(verdict)


def is_open(verdict: Verdict) -> bool:
    """Whether it is unknown, and not because it needs more history."""
    return verdict.status is Status.UNKNOWN and verdict.reason != Unknown.WARMING_UP


def outcome(verdicts: Iterable[Verdict], fail_on: FailOn | None, *, incomplete: bool) -> Outcome:
    """Of all that was judged; `incomplete`: discovery failed, so there may be more agents."""
    every = list(verdicts)
    statuses = Counter(each.status for each in every)
    unknown = sum(map(is_open, every))
    if failing := sum(fails(each, fail_on) for each in every):
        return Outcome(
            1, f"{_conditions(failing)} {'failing' if failing == statuses[Status.TRUE] else 'failing or unknown'}"
        )
    if fail_on is None and unknown:
        return Outcome(3, f"{_conditions(unknown)} unknown")
    if incomplete:
        return Outcome(3, "discovery failed, there may be more agents")
    if not statuses[Status.TRUE] and not statuses[Status.FALSE] and not unknown:
        return Outcome(2, "nothing was judged")
    return Outcome(0, "no condition is failing" if not statuses[Status.TRUE] else f"no {fail_on} condition is failing")


def _conditions(count: int) -> str:
    return f"{count:,} condition{'' if count == 1 else 's'}"
