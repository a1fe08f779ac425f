"""What a judge of health answers is handed, and how it says what it saw of one pod."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from probes.controls.catalogue.control import Control, SourceName, UnknownReason
from probes.controls.evidence import EvidenceSet, Missing, Seen
from probes.controls.judging import Facts, Says, Statement, judge
from probes.readings.health.answer import HealthAnswer, PathAnswer, Way

HEALTH = SourceName.HEALTH
_LONGEST = 200

# Names of members: to look one up at its Enum takes ten times as long, and this is asked of each control and pod.
_GOOD, _BAD, _UNCLEAR = Says.GOOD, Says.BAD, Says.UNCLEAR
_UNREACHABLE, _FORBIDDEN, _UNPARSEABLE = (
    UnknownReason.UNREACHABLE,
    UnknownReason.FORBIDDEN,
    UnknownReason.UNPARSEABLE,
)


@dataclass(frozen=True, slots=True)
class HealthCase:
    """What one pod answered."""

    pod: str
    seen: Seen[HealthAnswer]

    @property
    def answer(self) -> HealthAnswer:
        """The answer."""
        return self.seen.value

    def good(self, message: str) -> Statement:
        """It speaks for the control."""
        return Statement(HEALTH, _GOOD, message[:_LONGEST], pod=self.pod)

    def bad(self, message: str) -> Statement:
        """It speaks against it."""
        return Statement(HEALTH, _BAD, message[:_LONGEST], pod=self.pod)

    def unclear(self, reason: UnknownReason, message: str) -> Statement:
        """It does not tell."""
        return Statement(HEALTH, _UNCLEAR, message[:_LONGEST], pod=self.pod, reason=reason, next_at=self.seen.next_at)

    def health(self) -> PathAnswer | Statement:
        """What /health was answered, over mTLS or in plaintext; else why that tells nothing."""
        answer, health = self.answer, self.answer.health
        if answer.way is Way.REFUSED:
            return self.unclear(_FORBIDDEN, answer.error)
        if health is None:
            return self.unclear(_UNREACHABLE, answer.error or "The agent's port gave no answer.")
        if health.status is None:
            return self.unclear(_UNPARSEABLE, health.trouble)
        if health.withheld and answer.way is not Way.PLAINTEXT:
            return self.unclear(_FORBIDDEN, f"{health.path} answers {health.status}: the watcher may not ask it.")
        return health


HealthJudge = Callable[[HealthCase], Iterable[Statement]]


def health_judge(*controls: str) -> Callable[[HealthJudge], HealthJudge]:
    """Register a judge that is asked once for each pod whose health was looked at."""

    def register(function: HealthJudge) -> HealthJudge:
        @judge(*controls, of=[HEALTH])
        def of_pods(_: Control, evidence: EvidenceSet, __: Facts) -> Iterator[Statement]:
            for case in cases(evidence):
                yield from function(case)

        return function

    return register


def cases(evidence: EvidenceSet) -> Iterator[HealthCase]:
    """Each pod whose health was looked at."""
    for pod, found in evidence.of_pods(HEALTH, HealthAnswer):
        if not isinstance(found, Missing):
            yield HealthCase(pod.name, found)
