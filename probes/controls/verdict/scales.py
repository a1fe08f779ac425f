"""What was weighed of one control: each source, and each pod that has a vote."""

from dataclasses import dataclass, field, replace
from typing import NamedTuple

from probes.controls.catalogue.control import EvidenceSpec, SourceName, UnknownReason
from probes.controls.evidence import Missing, Seen
from probes.controls.finding import Witness
from probes.controls.judging import Says, Statement

# Names of members: to look one up at its Enum takes ten times as long, and this is asked of each control and agent.
_UNCLEAR, _BAD, _GOOD, _OBSERVING = Says.UNCLEAR, Says.BAD, Says.GOOD, UnknownReason.OBSERVING
_ROLLOUT = SourceName.ROLLOUT

_IN_THE_RECORD = frozenset(
    {SourceName.CONDITIONS, SourceName.AGENT_METRICS, SourceName.OPA, SourceName.HISTORY, SourceName.HANDSHAKE}
)
"""What the lines of a rollout are judged by."""


class Weighed(NamedTuple):
    """What one source showed of one subject: a pod, or (with an empty name) the agent as a whole."""

    spec: EvidenceSpec
    witness: Witness
    found: Seen[object] | Missing
    statements: tuple[Statement, ...] = ()

    def says(self, what: Says) -> tuple[Statement, ...]:
        """The statements of this kind."""
        said = self.statements
        if len(said) < 2:  # of nearly all
            return said if said and said[0].says is what else ()
        return tuple([each for each in said if each.says is what])

    @property
    def clean(self) -> bool:
        """Seen, and nothing in it is bad or unclear."""
        return isinstance(self.found, Seen) and len(self.says(_GOOD)) == len(self.statements)

    @property
    def observing(self) -> bool:
        """Nothing but that it has not been watched for long enough."""
        unclear = self.says(_UNCLEAR)
        if not unclear or len(unclear) < len(self.statements):
            return False
        return all(each.reason is _OBSERVING for each in unclear)


@dataclass(frozen=True, slots=True)
class Scales:
    """All that was weighed of one control."""

    parts: tuple[Weighed, ...]  # those that have a vote
    error: str = ""  # a judge raised: what it was
    raised: frozenset[SourceName] = frozenset()  # of which sources the judges speak that did
    voting: frozenset[str] = frozenset()
    judged_sources: frozenset[SourceName] = field(default_factory=frozenset)  # that some judge speaks of

    def of(self, source: SourceName) -> tuple[Weighed, ...]:
        """What this source showed."""
        return tuple(each for each in self.parts if each.spec.source is source)


def by_the_record(scales: Scales) -> Scales:
    """Of a release: what the record of its rollout has decided is frozen; until then all evidence counts.

    What the record is not made of, such as what Prometheus says, counts after that too.
    """
    if not any(part.says(_GOOD) or part.says(_BAD) for part in scales.of(_ROLLOUT)):
        return scales
    others = tuple([part for part in scales.parts if part.spec.source not in _IN_THE_RECORD])
    return replace(scales, parts=others, error=scales.error if scales.raised - _IN_THE_RECORD else "")
