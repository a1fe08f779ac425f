"""The answer of a running daemon, `/api/v1/readiness?findings=true`, as the report that all formats take."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field, ValidationError

from probes.controls.catalogue.control import Assurance, SourceName
from probes.controls.catalogue.loading import Catalogue
from probes.controls.catalogue.terms import RecordKind
from probes.controls.evidence import AgentRef
from probes.controls.finding import EvidenceShown, Finding, RecordRef, State
from watcher.checklist.agent_report import AgentReport, Chosen, Report, agent_report
from watcher.checklist.turned_finding import TurnedFinding


class _Evidence(BaseModel):
    source: SourceName
    ref: str
    observed_at: datetime
    summary: str


class _Record(BaseModel):
    id: str
    kind: RecordKind
    by: str
    at: datetime
    expires_at: datetime
    evidence_url: str
    verified: str
    approved_by: str = ""
    reason: str = ""


class _Finding(BaseModel):
    control: str
    state: State
    underlying: State
    required: bool
    reason: str
    assurance: Assurance | None
    message: str
    since: datetime
    next_decided_at: datetime | None = None
    evidence_lost_since: datetime | None = None
    observed_pods: str | None = None
    pods: dict[str, State]
    evidence: list[_Evidence]
    record: _Record | None = None


class _Agent(BaseModel):
    namespace: str
    agent: str
    profile: str
    labels: dict[str, str]
    findings: list[_Finding]


class _Turned(BaseModel):
    at: datetime
    namespace: str
    agent: str
    control: str
    before: Annotated[State, Field(alias="from")]
    after: Annotated[State, Field(alias="to")]
    reason: str
    message: str
    lasted_seconds: float


class _Document(BaseModel):
    generated_at: datetime
    agents: list[_Agent]
    turned: list[_Turned] | None = None
    problems: list[str] = []
    notes: list[str] = []


def report_of(answer: bytes, catalogue: Catalogue, chosen: Chosen) -> Report:
    """ValueError, in one line, for what is no such answer; what this catalogue does not have is told as a problem."""
    try:
        document = _Document.model_validate_json(answer)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the answer"
        raise ValueError(f"expected the readiness of agents as JSON: {where}: {first['msg']}") from error
    strange = {each.control for agent in document.agents for each in agent.findings} - catalogue.by_id.keys()
    return Report(
        catalogue,
        document.generated_at.timestamp(),
        [_agent(each, catalogue, chosen) for each in document.agents],
        [*document.problems, *_strange(strange)],
        document.notes,
        None if document.turned is None else [_turned(each) for each in document.turned],
    )


def _strange(controls: Iterable[str]) -> Iterable[str]:
    names = sorted(controls)
    if names:
        count = "a control is" if len(names) == 1 else f"{len(names)} controls are"
        yield f"{count} not known to this version, such as {names[0]}: use that of the daemon"


def _agent(agent: _Agent, catalogue: Catalogue, chosen: Chosen) -> AgentReport:
    known = [each for each in agent.findings if each.control in catalogue.by_id]
    return agent_report(
        AgentRef(agent.namespace, agent.agent),
        agent.labels,
        None,
        {each.control: _finding(each) for each in known},
        catalogue,
        chosen,
        frozenset(each.control for each in known if each.required),
        agent.profile,
    )


def _finding(given: _Finding) -> Finding:
    pods = (given.observed_pods or "").rpartition(" of ")[2]
    return Finding(
        control=given.control,
        state=given.state,
        underlying=given.underlying,
        since=given.since.timestamp(),
        reason=given.reason,
        assurance=given.assurance,
        message=given.message,
        evidence=tuple(_evidence(each) for each in given.evidence),
        pods=given.pods,
        all_pods=int(pods) if pods.isdecimal() else 0,
        next_decided_at=_seconds(given.next_decided_at),
        evidence_lost_since=_seconds(given.evidence_lost_since),
        record=_record(given.record),
    )


def _evidence(given: _Evidence) -> EvidenceShown:
    return EvidenceShown(given.source, given.ref, given.observed_at.timestamp(), given.summary)


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def _record(given: _Record | None) -> RecordRef | None:
    if given is None:
        return None
    dates = given.at.timestamp(), given.expires_at.timestamp()
    return RecordRef(
        given.id, given.kind, *dates, given.by, given.evidence_url, given.verified, given.approved_by, given.reason
    )


def _turned(given: _Turned) -> TurnedFinding:
    ref = AgentRef(given.namespace, given.agent)
    states = given.before, given.after
    return TurnedFinding(
        given.at.timestamp(), ref, given.control, *states, given.reason, given.message, given.lasted_seconds
    )
