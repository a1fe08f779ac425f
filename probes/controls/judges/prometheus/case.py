"""What a judge of Prometheus' evidence is handed, and what can be said of it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from probes.controls.catalogue.control import Control, SourceName, UnknownReason
from probes.controls.evidence import EvidenceSet, PrometheusLook, Seen
from probes.controls.judging import Facts, Says, Statement, judge

PROMETHEUS = SourceName.PROMETHEUS
_LONGEST = 200

# Names of members: to look one up at its Enum takes ten times as long, and this is asked of each control and agent.
_GOOD, _BAD, _UNCLEAR = Says.GOOD, Says.BAD, Says.UNCLEAR


@dataclass(frozen=True, slots=True)
class RulesCase:
    """One control and one agent."""

    control: Control
    look: PrometheusLook
    evidence: EvidenceSet
    facts: Facts

    def good(self, message: str) -> Statement:
        """What was seen speaks for the control."""
        return Statement(PROMETHEUS, _GOOD, cut(message))

    def bad(self, message: str) -> Statement:
        """What was seen speaks against it."""
        return Statement(PROMETHEUS, _BAD, cut(message))

    def unclear(self, reason: UnknownReason, message: str) -> Statement:
        """What was seen leaves it open; for NoData where the control does not know the reason."""
        known = reason if reason in self.control.unknown_reasons else UnknownReason.NO_DATA
        return Statement(PROMETHEUS, _UNCLEAR, cut(message), reason=known)


def cut(message: str) -> str:
    """Not longer than a statement may be."""
    return message if len(message) <= _LONGEST else f"{message[: _LONGEST - 1]}…"


def judge_of_rules(
    *controls: str, reads_record: bool = False
) -> Callable[[Callable[[RulesCase], Iterable[Statement]]], object]:
    """Register a judge that is asked where Prometheus told something of the agent."""

    def register(function: Callable[[RulesCase], Iterable[Statement]]) -> object:
        @judge(*controls, of=[PROMETHEUS], reads_record=reads_record)
        def of_look(control: Control, evidence: EvidenceSet, facts: Facts) -> Iterator[Statement]:
            found = evidence.of(PROMETHEUS, PrometheusLook)
            if isinstance(found, Seen):
                yield from function(RulesCase(control, found.value, evidence, facts))

        return function

    return register
