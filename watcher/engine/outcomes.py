"""What verdicts say but for their sentences: one object for all targets of a fleet of which the same is said."""

from typing import NamedTuple
from weakref import WeakValueDictionary

from probes.contract import ConditionKind, Verdict
from probes.contract.condition import Status


class Outcome(NamedTuple):
    """A condition, its status and its reason."""

    kind: ConditionKind
    status: Status
    reason: str


class SubjectOutcome(NamedTuple):
    """The same of one subject."""

    kind: ConditionKind
    status: Status
    reason: str
    subject: str


class Outcomes:
    """Of one probe on one target, and what pages made of it."""

    __slots__ = ("__weakref__", "all", "calm", "distinct", "healthy", "texts")

    def __init__(self, found: tuple[SubjectOutcome, ...]) -> None:
        self.all = found  # beside the verdicts
        self.distinct = frozenset([Outcome(*each[:3]) for each in found])
        self.healthy = all(each.status is Status.FALSE for each in found)
        self.calm = all(each.status is not Status.TRUE for each in found)
        self.texts: dict[object, str] = {}  # what the exposition made of them, for the next scrape


_shared: WeakValueDictionary[tuple[SubjectOutcome, ...], Outcomes] = WeakValueDictionary()


def outcomes_of(verdicts: tuple[Verdict, ...]) -> Outcomes:
    """One object for the same outcomes: a sentence with a number in it is another one for each target and look."""
    found = tuple([SubjectOutcome(each.kind, each.status, each.reason, each.subject) for each in verdicts])
    known = _shared.get(found)
    if known is None:
        known = _shared[found] = Outcomes(found)
    return known
