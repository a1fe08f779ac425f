"""The words that all formats for people share."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from probes.contract.units import utc
from probes.controls.catalogue.terms import RecordKind
from probes.controls.finding import Finding, State
from probes.controls.readiness import Readiness
from watcher.checklist.agent_report import AgentReport, Report

MARKS = {
    State.PASS: "✓",
    State.FAIL: "✗",
    State.UNKNOWN: "?",
    State.EXPIRED: "⌛",
    State.ATTESTED: "✓",
    State.WAIVED: "~",
    State.NOT_APPLICABLE: "-",
}


def state_words(state: State) -> str:
    """`not applicable`."""
    return state.replace("_", " ")


def verdict_words(readiness: Readiness) -> str:
    """`not ready`."""
    blocked = ", blocked by the platform alone" if readiness.blocked_by_platform else ""
    return f"{readiness.verdict.replace('_', ' ')}{blocked}"


def counted(findings: Iterable[Finding]) -> str:
    """`3 fail, 20 unknown, 9 pass`."""
    return counted_states(Counter(each.state for each in findings))


def counted_states(counts: Mapping[State, int]) -> str:
    """The same of counts."""
    return ", ".join(f"{counts[state]} {state_words(state)}" for state in _TOLD if counts.get(state)) or "none"


_TOLD = (
    State.FAIL,
    State.EXPIRED,
    State.UNKNOWN,
    State.WAIVED,
    State.ATTESTED,
    State.PASS,
    State.NOT_APPLICABLE,
)


def required_counted(agent: AgentReport) -> str:
    """The counts of what readiness rests on, and how many of these controls are shown where not all are."""
    total, shown = len(agent.all_required), len(agent.all_required.keys() & agent.findings.keys())
    counts = Counter(agent.all_required.values())
    return f"{counted_states(counts)}{f' ({shown} of {total} shown)' if shown < total else ''}"


def all_counted(agent: AgentReport) -> str:
    """The counts of all controls of the agent, and what part is met."""
    told = bounds(agent.readiness)
    return f"{counted_states(agent.readiness.counts)}{'; ' if told else ''}{told}"


def bounds(readiness: Readiness) -> str:
    """What part is met, for certain and at most; empty where nothing applies."""
    if readiness.lower is None or readiness.upper is None or readiness.coverage is None:
        return ""
    return f"{readiness.lower:.0%} to {readiness.upper:.0%} met, {readiness.coverage:.0%} known"


def why(finding: Finding) -> str:
    """`Violated: Container x lacks ...`."""
    return f"{finding.reason}: {finding.message}" if finding.reason else finding.message


def record_properties(finding: Finding) -> Mapping[str, str]:
    """What is to be known of the record that a finding rests on, or that waives it; empty where there is none."""
    record = finding.record
    if record is None:
        return {}
    told = {"assurance": "attested"} if finding.state is State.ATTESTED else {}
    if finding.state is State.WAIVED:
        told["underlying"] = finding.underlying
    told |= {str(record.kind): record.id, "by": record.by, "expires": utc(record.expires_at)}
    told["verified"] = record.verified
    return told | ({"evidence_url": record.evidence_url} if record.evidence_url else {})


def record_told(finding: Finding) -> str:
    """`Waiver records.yaml:12 by ann@x until 2027-02-01T00:00:00Z, without it fail.`; empty without a record."""
    record = finding.record
    if record is None:
        return ""
    under = f", without it {state_words(finding.underlying)}" if finding.state is State.WAIVED else ""
    kind = "pipeline record" if record.kind is RecordKind.PIPELINE else str(record.kind)
    return f"{kind.capitalize()} {record.id} by {record.by} until {utc(record.expires_at)}{under}."


def turned_told(report: Report) -> Sequence[str]:
    """What turned and is news, a sentence each, the newest first."""
    return [
        f"{utc(each.at)} {each.agent} {each.control} {each.turn}: {each.message}"
        for each in reversed(report.turned or ())
        if each.turn is not None
    ]
