"""What a judge of single pods is handed: one pod, what a source saw of it, and what can be said of that."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from probes.contract import Unknown, Verdict
from probes.contract.condition import Status
from probes.controls.catalogue.control import Control, SourceName, UnknownReason
from probes.controls.evidence import EvidenceSet, Missing, Pod, Seen, Verdicts
from probes.controls.judging import Facts, Says, Statement, judge

T = TypeVar("T")
_LONGEST = 200

_REASONS = {
    Unknown.WARMING_UP: UnknownReason.OBSERVING,
    Unknown.HISTORY_INTERRUPTED: UnknownReason.OBSERVING,
    Unknown.NOT_HELD_YET: UnknownReason.OBSERVING,
    Unknown.NEVER_REACHED: UnknownReason.UNREACHABLE,
    Unknown.SOURCE_FAILED: UnknownReason.UNREACHABLE,
    Unknown.SIGNAL_ABSENT: UnknownReason.NO_DATA,
    Unknown.FACT_UNKNOWN: UnknownReason.NO_POLICY,
    Unknown.MALFORMED: UnknownReason.UNPARSEABLE,
    Unknown.UNAUTHORIZED: UnknownReason.FORBIDDEN,
    Unknown.NO_TRUST_BUNDLE: UnknownReason.NO_DATA,
    Unknown.STALE: UnknownReason.STALE,
    Unknown.WATCHER_IMPAIRED: UnknownReason.UNREACHABLE,  # of silence that is our own
    Unknown.PROBE_ERROR: UnknownReason.EVALUATOR_ERROR,
}
_INSTEAD = (UnknownReason.NO_DATA, UnknownReason.UNREACHABLE, UnknownReason.OBSERVING)

# Names of members: to look one up at its Enum takes ten times as long, and this is asked of each control and pod.
_GOOD, _BAD, _UNCLEAR, _TRUE, _FALSE = Says.GOOD, Says.BAD, Says.UNCLEAR, Status.TRUE, Status.FALSE


@dataclass(frozen=True, slots=True)
class PodCase(Generic[T]):
    """One control and one pod."""

    control: Control
    source: SourceName
    pod: Pod
    found: Seen[T]
    facts: Facts
    evidence: EvidenceSet

    @property
    def seen(self) -> T:
        """What was seen."""
        return self.found.value

    def of_pod(self, source: SourceName) -> Seen[object] | Missing | None:
        """What another source gave of the same pod; None where it gave nothing."""
        return self.evidence.of_pod(source, self.pod)

    @property
    def ready_for(self) -> float:
        """Seconds since the pod became Ready; 0 where it is not."""
        return self.facts.now - self.pod.ready_since if self.pod.ready_since is not None else 0.0

    def good(self, message: str) -> Statement:
        """What was seen speaks for the control."""
        return Statement(self.source, _GOOD, _cut(message), pod=self.pod.name)

    def bad(self, message: str, *, at_once: bool = False) -> Statement:
        """What was seen speaks against it."""
        return Statement(self.source, _BAD, _cut(message), pod=self.pod.name, at_once=at_once)

    def unclear(self, reason: UnknownReason, message: str, next_at: float | None = None) -> Statement:
        """What was seen leaves it open; where the control does not know the reason, for the nearest that it knows."""
        known = self.control.unknown_reasons
        reason = next((each for each in (reason, *_INSTEAD) if each in known), reason)
        return Statement(self.source, _UNCLEAR, _cut(message), pod=self.pod.name, reason=reason, next_at=next_at)

    def doubt(self, verdict: Verdict) -> Statement:
        """A condition that is unknown leaves it open for the same reason."""
        return self.unclear(_REASONS[Unknown(verdict.reason)], verdict.text)

    def settling(self, seconds: float, why: str) -> Statement | None:
        """That the pod has not run for so long (seconds); None where it has."""
        if self.ready_for >= seconds:
            return None
        next_at = None if self.pod.ready_since is None else self.pod.ready_since + seconds
        return self.unclear(UnknownReason.SETTLING, why, next_at)


def _cut(message: str) -> str:
    return message if len(message) <= _LONGEST else f"{message[: _LONGEST - 1]}…"


PodJudge = Callable[[PodCase[T]], Iterable[Statement]]


def judge_of_pods(source: SourceName, kind: type[T], *controls: str) -> Callable[[PodJudge[T]], PodJudge[T]]:
    """Register a judge that is asked once for each pod that this source saw."""

    def register(function: PodJudge[T]) -> PodJudge[T]:
        @judge(*controls, of=[source])
        def of_pods(control: Control, evidence: EvidenceSet, facts: Facts) -> Iterator[Statement]:
            for pod, found in evidence.of_pods(source, kind):
                if isinstance(found, Seen):
                    yield from function(PodCase(control, source, pod, found, facts, evidence))

        return function

    return register


def worst(verdicts: Verdicts, condition: str) -> Verdict | None:
    """Of all subjects of a condition: one that is true, else one that is unknown; None where it is not judged."""
    return min(verdicts.get(condition, ()), key=lambda each: each.status.rank, default=None)


def is_true(verdict: Verdict | None) -> bool:
    """Whether the condition is there."""
    return verdict is not None and verdict.status is _TRUE


def is_false(verdict: Verdict | None) -> bool:
    """Whether it is known not to be there; of a condition that does not apply nothing is known."""
    return verdict is not None and verdict.status is _FALSE
