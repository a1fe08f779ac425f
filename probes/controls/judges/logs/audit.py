"""Do audit records arrive? Those of one hour, counted against the decisions of the same hour.

What OPA's own config says of its decision logs decides by itself. What is sent elsewhere than to the pod's output does
not stand in its lines: that none is there tells only where the agent's config says that it should be.
"""

from collections.abc import Iterator

from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import AgentConfigFile, EvidenceSet, LogSample, Missing, OPALook, PrometheusLook, Seen
from probes.controls.evidence.alerts.prometheus import ENOUGH_DECISIONS, Decided
from probes.controls.judges.logs.case import SOURCE, LogCase, log_judge
from probes.controls.judging import Statement

_ENABLED, _DESTINATION = "authorization.audit.enabled", "authorization.audit.destination"
_ARRIVED = 0.95
"""The share of decisions that must have a record."""

_APART = 600.0
"""Seconds between the two hours, at most."""

_STREAMS = ("stdout", "stderr", "console", "/dev/stdout", "/dev/stderr", "file:///dev/stdout", "file:///dev/stderr")


@log_judge("security.authz.audit-logging-enabled")
def audit_records(case: LogCase) -> Iterator[Statement]:
    """Whether nearly each decision has one."""
    if _opa_records(case.evidence):
        return
    audited, decided = case.seen.audited, _of_the_same_hour(case.evidence)
    if audited is None:
        yield case.unclear(UnknownReason.NO_DATA, "Audit records of an hour were not counted: only Loki counts them.")
    elif decided is None:
        told = "How many decisions were made in the hour of the log lines is not known: Prometheus does not tell."
        yield case.unclear(UnknownReason.NO_DATA, told)
    elif decided.decisions < ENOUGH_DECISIONS:
        told = f"Only {decided.decisions:.0f} decisions are known of the last hour, {ENOUGH_DECISIONS} are needed."
        yield case.unclear(UnknownReason.NO_DATA, told)
    else:
        yield _compared(case, audited, decided)


def _compared(case: LogCase, audited: int, decided: Decided) -> Statement:
    told = f"{audited} audit records arrived in an hour, in which {decided.decisions:.0f} decisions were made"
    if audited >= _ARRIVED * decided.decisions and decided.whole:
        return case.good(f"{told}.")
    if not audited and _should_be_there(case.evidence) and _lines_arrive(case.seen):
        return case.bad(f"{told}.")
    return case.unclear(UnknownReason.NO_DATA, f"{told}; not all of them need to be in these lines.")


def _opa_records(evidence: EvidenceSet) -> bool:
    """Whether some OPA's own config says that it does."""
    found = (each for _, each in evidence.of_pods(SourceName.OPA, OPALook) if isinstance(each, Seen))
    return any(each.value.reading.logs is not None and each.value.reading.logs.kept for each in found)


def _of_the_same_hour(evidence: EvidenceSet) -> Decided | None:
    """What was decided in the hour before the lines were read; None where that is not known."""
    logs, prometheus = evidence.of(SOURCE, LogSample), evidence.of(SourceName.PROMETHEUS, PrometheusLook)
    if isinstance(logs, Missing) or isinstance(prometheus, Missing):
        return None
    at = logs.observed_at
    nearest = min(prometheus.value.decided, key=lambda each: abs(each.at - at), default=None)
    return nearest if nearest is not None and abs(nearest.at - at) <= _APART else None


def _should_be_there(evidence: EvidenceSet) -> bool:
    """Whether the config writes audit records to the pod's output, or nowhere at all."""
    found = evidence.of(SourceName.AGENT_CONFIG, AgentConfigFile)
    if isinstance(found, Missing) or found.value.broken:
        return False
    return found.value.get(_ENABLED) is False or found.value.get(_DESTINATION) in _STREAMS


def _lines_arrive(seen: LogSample) -> bool:
    """Whether the store has other lines of the same hour: else its labels may be others than are asked for."""
    return not isinstance(seen.arrived, Missing) and any(each.hour for each in seen.arrived)
