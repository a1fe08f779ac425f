"""All that one verdict is formed of."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from probes.controls.catalogue.control import Control
from probes.controls.catalogue.terms import Automation
from probes.controls.evidence import EvidenceSet, Missing
from probes.controls.evidence.revisions import lasts, newest_revisions
from probes.controls.finding import NOTHING_REMEMBERED, Finding, Memory, State, Witness
from probes.controls.judging import Facts, Says, Statement
from probes.controls.verdict.record_verdict import RecordVerdict
from probes.controls.verdict.scales import Scales, Weighed
from probes.controls.verdict.showing import pod_states, shown

RECORDED = (Automation.HUMAN, Automation.REFUTABLE, Automation.PIPELINE)
"""Controls that only a record can meet."""

# Names of members: to look one up at its Enum takes ten times as long, and this is asked of each control and agent.
_BAD = Says.BAD


@dataclass(frozen=True, slots=True)
class Case:
    """One control of one agent, weighed."""

    control: Control
    evidence: EvidenceSet
    facts: Facts
    scales: Scales
    previous: Finding | None
    records: RecordVerdict
    unsure: Missing | None = None  # why it is not known whether the control applies

    @property
    def memory(self) -> Memory:
        """What the verdict before left to know."""
        return self.previous.memory if self.previous else NOTHING_REMEMBERED

    @property
    def recorded(self) -> bool:
        """Only a record can meet it."""
        return self.control.automation in RECORDED

    def bad(self) -> list[tuple[Weighed, Statement]]:
        """All that speaks against it, confirmed or not."""
        return [(part, each) for part in self.scales.parts for each in part.says(_BAD)]

    def are_heard(self, witnesses: Iterable[Witness]) -> bool:
        """Whether none of these is a pod that lasts and has no vote now, because it is not Ready: what other pods show
        is nothing contrary."""
        names = {each.pod for each in witnesses} - self.scales.voting
        silent = [self.evidence.pods[name] for name in names if name in self.evidence.pods]
        newest = newest_revisions(self.evidence.pods) if silent else {}
        return not any(lasts(pod, newest) for pod in silent)

    def finding(self, state: State, message: str, parts: Sequence[Weighed] = (), reason: str = "") -> Finding:
        """A finding of this case that rests on these parts."""
        return Finding(
            control=self.control.id,
            state=state,
            underlying=state,
            reason=reason,
            message=message,
            since=self.facts.now,
            evidence=shown(parts),
            pods=pod_states(self.scales.parts) if self.evidence.pods else {},
            all_pods=len(self.evidence.pods),
        )
