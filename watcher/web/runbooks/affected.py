"""What does the watcher see now of the agents that an alert is about?"""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cache
from heapq import nsmallest
from itertools import chain

from probes.contract import ConditionKind, TargetKey, Unknown, Verdict
from probes.contract.condition import Status
from watcher.engine.board import Board, ConditionStatus, TargetState
from watcher.engine.outcomes import Outcome
from watcher.runtime.cooperative import TimeSlice
from watcher.web.told import Told

SHOWN_TARGETS = 20
SHOWN_CONDITIONS = 20
SHOWN_AGENTS = 50

_SLICE = 50
_NONE = len(Status)


@dataclass(frozen=True, slots=True)
class AlertSelection:
    """What an alert's link names; empty: anything."""

    kind: ConditionKind | None  # None where the alert is not about one condition
    namespace: str = ""
    agent: str = ""
    pod: str = ""
    subject: str = ""

    @property
    def names_targets(self) -> bool:
        """Whether a target can be told by this."""
        return bool(self.namespace or self.agent or self.pod or self.subject)

    def fits(self, key: TargetKey) -> bool:
        """Whether this target is meant, as far as its identity tells."""
        return self.namespace in ("", key.namespace) and self.agent in ("", key.agent) and self.pod in ("", key.pod)

    def is_own(self, verdict: Verdict) -> bool:
        """Whether this is the condition that the alert is about."""
        return verdict.kind is self.kind and self.subject in ("", verdict.subject)


@dataclass(frozen=True, slots=True)
class AffectedTarget:
    """One target, as far as a page has room."""

    state: TargetState
    own: list[ConditionStatus]  # the condition of the alert, one for each subject
    others: list[ConditionStatus]  # what else is true, or unknown for another reason than too short a watch
    left_out: int


@dataclass(frozen=True, slots=True)
class Affected:
    """The targets that an alert is about."""

    seen: list[AffectedTarget]
    total: int
    true: list[TargetKey]  # all of which the condition of the alert is true
    workloads: frozenset[str]  # of all, as kubectl takes them; empty text: of one it is not known


async def affected(board: Board, wanted: AlertSelection, oldest: tuple[float, ...], told: Told) -> Affected:
    """The targets that are meant, those in trouble first."""
    ranked: list[tuple[int, int, TargetKey, TargetState]] = []
    time_slice = TimeSlice()
    for place, state in enumerate(list(board.states.values())):
        if place % _SLICE == 0 or state.dropped:  # of many subjects one is a slice of its own
            await time_slice.checkpoint()
        if wanted.fits(state.target.key):
            own, others = _ranks(board, state, wanted, oldest)
            if own < _NONE or not wanted.subject or wanted.namespace or wanted.agent or wanted.pod:
                ranked.append((own, others, state.target.key, state))
    seen = []
    for *_, state in nsmallest(SHOWN_TARGETS, ranked):
        seen.append(_seen(told(state), state, wanted))
        await time_slice.checkpoint()
    true = [key for own, _, key, _ in ranked if own == Status.TRUE.rank]
    return Affected(seen, len(ranked), true, frozenset(state.target.workload_object for *_, state in ranked))


def _ranks(board: Board, state: TargetState, wanted: AlertSelection, oldest: tuple[float, ...]) -> tuple[int, int]:
    """How bad the condition of the alert stands, and how bad anything does; less is worse."""
    own = others = _NONE
    for _, _, verdicts in board.fresh(state.results, oldest):
        outcomes = [
            (kind, status) for kind, status, reason in verdicts.outcomes.distinct if reason != Unknown.WARMING_UP
        ]
        others = min([others, *(status.rank for _, status in outcomes)])
        if any(kind is wanted.kind for kind, _, _ in verdicts.outcomes.distinct):
            mine = (each.status for each in verdicts.all if wanted.is_own(each))
            own = min([own, *(status.rank for status in mine)])
    return own, others


def _seen(found: Sequence[ConditionStatus], state: TargetState, wanted: AlertSelection) -> AffectedTarget:
    own = [each for each in found if wanted.is_own(each.verdict)]
    others = [each for each in found if _is_telling(each.verdict) and not wanted.is_own(each.verdict)]
    shown = own[:SHOWN_CONDITIONS], others[:SHOWN_CONDITIONS]
    return AffectedTarget(state, *shown, len(own) + len(others) - sum(map(len, shown)))


def _is_telling(verdict: Verdict) -> bool:
    """Whether it is trouble, or unknown for another reason than too short a watch."""
    return verdict.status is not Status.FALSE and verdict.reason != Unknown.WARMING_UP


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many of the fleet have the same trouble."""

    targets: int
    agents: Collection[tuple[str, str]]  # namespace and agent
    reasons: Counter[str]  # targets by reason; one with two subjects may have two reasons
    worst: list[tuple[tuple[str, str], Counter[str]]]  # the agents with most targets, and how many have which reason


async def crowd(
    board: Board, wanted: AlertSelection, is_wanted: Callable[[Outcome], bool], oldest: tuple[float, ...]
) -> Crowd:
    """The targets that are meant, as far as their identity tells, and have a wanted outcome."""
    agents: dict[tuple[str, str], list[str]] = {}  # a reason for each target
    targets, time_slice = 0, TimeSlice()

    @cache  # most of a fleet shares a few sets of outcomes
    def wanted_of(outcomes: frozenset[Outcome]) -> list[str]:
        return [outcome[2] for outcome in outcomes if is_wanted(outcome)]

    for place, state in enumerate(list(board.states.values())):
        if place % _SLICE == 0:
            await time_slice.checkpoint()
        if not wanted.fits(state.target.key):
            continue
        if found := {
            each
            for _, _, verdicts in board.fresh(state.results, oldest)
            for each in wanted_of(verdicts.outcomes.distinct)
        }:
            targets += 1
            agents.setdefault(state.target.key[:2], []).extend(found)
    worst = nsmallest(SHOWN_AGENTS, agents.items(), key=lambda each: (-len(each[1]), each[0]))
    reasons = Counter(chain.from_iterable(agents.values()))
    return Crowd(targets, agents.keys(), reasons, [(agent, Counter(found)) for agent, found in worst])
