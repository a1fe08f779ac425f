"""What a judge of log samples is handed."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from probes.controls.catalogue.control import Control, SourceName, UnknownReason
from probes.controls.evidence import EvidenceSet, LogSample, MetricsLook, Missing, Pod, Seen, Share
from probes.controls.judging import Facts, Says, Statement, judge

SOURCE = SourceName.LOGS
LEAST_LINES, LEAST_REQUESTS = 100, 20
"""Lines that tell, of all and of those that belong to requests."""

_LONGEST = 200


@dataclass(frozen=True, slots=True)
class LogCase:
    """One control and a sample."""

    control: Control
    evidence: EvidenceSet
    facts: Facts
    seen: LogSample

    def good(self, message: str) -> Statement:
        """The lines speak for the control."""
        return Statement(SOURCE, Says.GOOD, message[:_LONGEST])

    def bad(self, message: str) -> Statement:
        """The lines speak against it."""
        return Statement(SOURCE, Says.BAD, message[:_LONGEST])

    def unclear(self, reason: UnknownReason, message: str) -> Statement:
        """The lines leave it open."""
        return Statement(SOURCE, Says.UNCLEAR, message[:_LONGEST], reason=reason)

    def by_share(self, share: Share, least: int, wanted: float, what: str) -> Statement:
        """Whether of at least so many lines the wanted share has it; `what`: `JSON lines have request_id`."""
        if share.of < least:
            told = f"Only {share.of} lines that tell whether {what} were read, {least} are needed."
            return self.unclear(UnknownReason.NO_DATA, told)
        said = f"{share.ratio:.0%} of {share.of} {what}"
        return self.good(f"{said}.") if share.has >= wanted * share.of else self.bad(f"{said}, {wanted:.0%} should.")

    def requests_of(self, pod: Pod) -> float | None:
        """That a pod handled in the last hour; None where nothing tells."""
        found = self.evidence.of_pod(SourceName.AGENT_METRICS, pod)
        return (
            found.value.traffic.requests if isinstance(found, Seen) and isinstance(found.value, MetricsLook) else None
        )


LogJudge = Callable[[LogCase], Iterable[Statement]]


def log_judge(*controls: str, reads_record: bool = False) -> Callable[[LogJudge], LogJudge]:
    """Register a judge of samples of log lines."""

    def register(function: LogJudge) -> LogJudge:
        @judge(*controls, of=[SOURCE], reads_record=reads_record)
        def of_sample(control: Control, evidence: EvidenceSet, facts: Facts) -> Iterator[Statement]:
            found = evidence.of(SOURCE, LogSample)
            if not isinstance(found, Missing):
                yield from function(LogCase(control, evidence, facts, found.value))

        return function

    return register
