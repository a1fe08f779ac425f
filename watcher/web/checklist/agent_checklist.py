"""The checklist of one agent, section by section, and who can do what about what is not met."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from probes.controls.catalogue.control import Control, UnknownReason
from probes.controls.catalogue.terms import Automation, Owner, Severity
from probes.controls.evidence import AgentRef
from probes.controls.finding import EvidenceShown, Finding, State
from watcher.checklist.live.turns import Regression
from watcher.web.checklist.judged_agents import JudgedAgents
from watcher.web.checklist.sections import sections

SHOWN_EVIDENCE = 5
"""Pieces of evidence of one line; an agent may have hundreds of pods."""

UNMET = (State.FAIL, State.EXPIRED)

_SEVERITY = {severity: place for place, severity in enumerate(Severity)}
_EVIDENCE_MISSING = (
    *(UnknownReason.SOURCE_MISSING, UnknownReason.FORBIDDEN, UnknownReason.UNREACHABLE, UnknownReason.STALE),
    *(UnknownReason.UNPARSEABLE, UnknownReason.EVALUATOR_ERROR),
)
_WAITING = (UnknownReason.NO_DATA, UnknownReason.OBSERVING, UnknownReason.SETTLING)
_RECORDS = (UnknownReason.ATTESTATION_MISSING, UnknownReason.RECORD_REMOVED)


@dataclass(frozen=True, slots=True)
class Line:
    """One control of the agent."""

    control: Control
    finding: Finding
    required: bool
    regressed: Regression | None  # it was met within the last week

    @property
    def evidence(self) -> tuple[EvidenceShown, ...]:
        """What it rests on, as far as there is room."""
        return self.finding.evidence[:SHOWN_EVIDENCE]

    @property
    def evidence_left(self) -> int:
        """How many more there are."""
        return len(self.finding.evidence) - len(self.evidence)

    @property
    def mendable(self) -> bool:
        """Whether how to mend it belongs on the page; what is under a waiver is still to be mended."""
        return self.finding.underlying in (*UNMET, State.UNKNOWN)


class Part(NamedTuple):
    """A heading of the checklist and its lines."""

    chapter: str
    heading: str
    lines: Sequence[Line]


class Work(NamedTuple):
    """Lines that one and the same people can do something about."""

    heading: str
    about: str
    lines: Sequence[Line]


def parts_of(checklist: JudgedAgents, agent: AgentRef, required: frozenset[str]) -> list[Part]:
    """All lines, as the checklist has them."""
    findings, regressed = checklist.findings(agent), checklist.regressed(agent)

    def line(control: Control) -> Line:
        return Line(control, findings[control.id], control.id in required, regressed.get(control.id))

    return [
        Part(each.chapter, each.heading, [line(control) for control in each.controls])
        for each in sections(checklist.catalogue.controls)
    ]


_OWNERS = {
    Owner.TEAM: ("The team", "In the agent's own code, config, manifests or records."),
    Owner.PLATFORM: ("The platform", "In the cluster, its policies, or what all agents share."),
    Owner.SECURITY: ("Security", "By those who own the policies and review agents."),
    Owner.PIPELINE: ("The pipeline", "By a run that passes and writes its record."),
}


def to_mend(lines: Sequence[Line]) -> list[Work]:
    """What is required and fails or has expired, by who can mend it; the most severe first."""
    unmet = [each for each in lines if _counts(each) and each.finding.state in UNMET]
    return [work for owner, words in _OWNERS.items() if (work := Work(*words, _of(unmet, owner))).lines]


def to_know(lines: Sequence[Line], not_judged: Collection[str]) -> list[Work]:
    """What is required and unknown, by who can make it known; `not_judged`: controls of which this version cannot."""
    unknown = [each for each in lines if _counts(each) and each.finding.state is State.UNKNOWN]
    beyond = [each for each in unknown if _is_beyond(each, not_judged)]
    unknown = [each for each in unknown if not _is_beyond(each, not_judged)]
    reasons: dict[str, list[Line]] = {}
    for each in unknown:
        reasons.setdefault(each.finding.reason, []).append(each)
    works = [
        Work(
            "The operator of the watcher: enable it",
            "This evidence is not enabled.",
            reasons.pop(UnknownReason.NOT_ENABLED, []),
        ),
        Work(
            "The operator of the watcher: make the evidence available",
            "This evidence is missing, forbidden, unreachable, too old or unreadable.",
            _take(reasons, _EVIDENCE_MISSING),
        ),
        Work(
            "People and pipelines: bring a record", "Only people or a pipeline can know it.", _take(reasons, _RECORDS)
        ),
        Work(
            "Nobody: it is still being observed",
            "It has not been watched for long enough, or there was too little data.",
            _take(reasons, _WAITING),
        ),
    ]
    rest = [each for some in reasons.values() for each in some]
    works.append(Work("The team and the operator: make it provable", "The available evidence does not prove it.", rest))
    about = "This version of the watcher does not judge all that a pass needs."
    works.append(Work("Nobody yet: a later version of the watcher", about, beyond))
    return [each for each in works if each.lines]


def _is_beyond(line: Line, not_judged: Collection[str]) -> bool:
    return line.finding.reason == UnknownReason.SOURCE_MISSING and line.control.id in not_judged


def _take(reasons: dict[str, list[Line]], names: Sequence[str]) -> list[Line]:
    return [each for name in names for each in reasons.pop(name, [])]


def _counts(line: Line) -> bool:
    return line.required and line.control.automation is not Automation.ROLLUP


def _of(lines: Sequence[Line], owner: Owner) -> list[Line]:
    return sorted(
        (each for each in lines if each.control.owner is owner), key=lambda each: _SEVERITY[each.control.severity]
    )
