"""What a judge of live pods is handed, and how it says what it saw of each."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from probes.controls.catalogue.control import Control, UnknownReason
from probes.controls.evidence import EvidenceSet, LivePod, Missing, Pod, Seen
from probes.controls.judges.kubernetes_object.case import POD
from probes.controls.judging import Facts, Says, Statement, judge


@dataclass(frozen=True, slots=True)
class PodCase:
    """A pod to be judged."""

    control: Control
    evidence: EvidenceSet
    facts: Facts
    pod: Pod
    seen: Seen[LivePod]

    @property
    def live(self) -> LivePod:
        """What was seen of it."""
        return self.seen.value

    def good(self, message: str) -> Statement:
        """The pod speaks for the control."""
        return Statement(POD, Says.GOOD, message, pod=self.pod.name)

    def bad(self, message: str) -> Statement:
        """The pod speaks against it."""
        return Statement(POD, Says.BAD, message, pod=self.pod.name)

    def unclear(self, reason: UnknownReason, message: str, next_at: float | None = None) -> Statement:
        """The pod leaves it open; `next_at`: Unix seconds when it can be decided."""
        return Statement(POD, Says.UNCLEAR, message, pod=self.pod.name, reason=reason, next_at=next_at)


PodJudge = Callable[[PodCase], Iterable[Statement]]


def pod_judge(*controls: str) -> Callable[[PodJudge], PodJudge]:
    """Register a judge of each live pod that was seen."""

    def register(function: PodJudge) -> PodJudge:
        @judge(*controls, of=[POD])
        def asked(control: Control, evidence: EvidenceSet, facts: Facts) -> Iterator[Statement]:
            for pod, found in evidence.of_pods(POD, LivePod):
                if not isinstance(found, Missing):
                    yield from function(PodCase(control, evidence, facts, pod, found))

        return function

    return register
