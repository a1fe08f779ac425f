"""Findings as JSON: the shape that the daemon's API has, too."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache

from probes.controls.catalogue.loading import Catalogue
from probes.controls.evidence import AgentRef
from probes.controls.finding import Finding, RecordRef
from probes.controls.readiness import Readiness
from watcher.checklist.agent_report import AgentReport, Report
from watcher.checklist.reports.json_text import json_text
from watcher.checklist.turned_finding import TurnedFinding


def as_json(report: Report) -> str:
    """One document."""
    shown: Mapping[str, object] = {
        **head(report.catalogue, report.generated_at),
        "agents": [agent_with_findings(each, report.catalogue) for each in report.agents],
        "fleet": {"findings": []},
        **({} if report.turned is None else {"turned": [turned_json(each) for each in report.turned]}),
        "problems": list(report.problems),
        "notes": list(report.notes),
    }
    return json_text(shown)


def head(catalogue: Catalogue, generated_at: float) -> dict[str, object]:
    """How a document begins; `generated_at`: Unix seconds."""
    about = {"version": catalogue.version, "digest": catalogue.digest}
    return {"generated_at": _time(generated_at), "catalogue": about}


def agent_alone(ref: AgentRef, profile: str, labels: Mapping[str, str], readiness: Readiness) -> dict[str, object]:
    """One agent without its findings."""
    return {
        "namespace": ref.namespace,
        "agent": ref.agent,
        "profile": profile,
        "labels": labels,
        "readiness": readiness.verdict,
        "blocked_by_platform": readiness.blocked_by_platform,
        "lower": readiness.lower,
        "upper": readiness.upper,
        "coverage": readiness.coverage,
        "counts": readiness.counts,
    }


def agent_with_findings(agent: AgentReport, catalogue: Catalogue) -> dict[str, object]:
    """One agent with its findings."""
    return {**_without(agent), "findings": [_finding(each, agent, catalogue) for each in agent.findings.values()]}


def pieces_of_agent(agent: AgentReport, catalogue: Catalogue) -> Iterator[str]:
    """The text of the same, a piece a finding: each rests on thousands of pods where the agent has so many."""
    yield f'{json.dumps(_without(agent))[:-1]}, "findings": ['
    between = ""
    for each in agent.findings.values():
        yield between + json.dumps(_finding(each, agent, catalogue))
        between = ", "
    yield "]}"


def _without(agent: AgentReport) -> dict[str, object]:
    shown = agent_alone(agent.ref, agent.profile, agent.labels, agent.readiness)
    required, there = agent.all_required.keys(), agent.all_required.keys() & agent.findings.keys()
    if len(there) < len(required):
        shown["required_shown"] = f"{len(there)} of {len(required)}"
    return shown


def turned_json(turned: TurnedFinding) -> Mapping[str, object]:
    """A finding that turned."""
    return {
        "at": _time(turned.at),
        "namespace": turned.agent.namespace,
        "agent": turned.agent.agent,
        "control": turned.control,
        "from": turned.before,
        "to": turned.after,
        "turn": turned.turn,
        "reason": turned.reason,
        "message": turned.message,
        "lasted_seconds": round(turned.lasted, 1),
    }


@lru_cache(maxsize=1024)  # what one agent's findings rest on was mostly seen at the same moments
def _time(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _finding(finding: Finding, agent: AgentReport, catalogue: Catalogue) -> Mapping[str, object]:
    control = catalogue.by_id[finding.control]
    return {
        "control": finding.control,
        "state": finding.state,
        "underlying": finding.underlying,
        "required": finding.control in agent.required,
        "severity": control.severity,
        "owner": control.owner,
        "reason": finding.reason,
        "assurance": finding.assurance,
        "message": finding.message,
        "since": _time(finding.since),
        "next_decided_at": _time(finding.next_decided_at),
        "evidence_lost_since": _time(finding.evidence_lost_since),
        "observed_pods": f"{len(finding.pods)} of {finding.all_pods}" if finding.all_pods else None,
        "pods": dict(finding.pods),
        "evidence": [
            {"source": each.source, "ref": each.ref, "observed_at": _time(each.observed_at), "summary": each.summary}
            for each in finding.evidence
        ],
        "record": _record(finding.record),
    }


def _record(record: RecordRef | None) -> Mapping[str, object] | None:
    if record is None:
        return None
    return {
        "id": record.id,
        "kind": record.kind,
        "by": record.by,
        "at": _time(record.at),
        "expires_at": _time(record.expires_at),
        "evidence_url": record.evidence_url,
        "verified": record.verified,
        "approved_by": record.approved_by,
        "reason": record.reason,
    }
