"""Findings as JSON: the shape that the daemon's API has, too."""

from collections.abc import Mapping
from datetime import UTC, datetime

from probes.controls.finding import Finding, RecordRef
from watcher.checklist.agent_report import AgentReport, Report
from watcher.checklist.reports.json_text import json_text


def as_json(report: Report) -> str:
    """One document."""
    about = {"version": report.catalogue.version, "digest": report.catalogue.digest}
    shown: Mapping[str, object] = {
        "generated_at": _time(report.generated_at),
        "catalogue": about,
        "agents": [_agent(each, report) for each in report.agents],
        "fleet": {"findings": []},
        "problems": list(report.problems),
        "notes": list(report.notes),
    }
    return json_text(shown)


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _agent(agent: AgentReport, report: Report) -> Mapping[str, object]:
    readiness = agent.readiness
    return {
        "namespace": agent.ref.namespace,
        "agent": agent.ref.agent,
        "profile": agent.profile,
        "labels": agent.labels,
        "readiness": readiness.verdict,
        "blocked_by_platform": readiness.blocked_by_platform,
        "lower": readiness.lower,
        "upper": readiness.upper,
        "coverage": readiness.coverage,
        "counts": readiness.counts,
        "findings": [_finding(each, agent, report) for each in agent.findings.values()],
    }


def _finding(finding: Finding, agent: AgentReport, report: Report) -> Mapping[str, object]:
    control = report.catalogue.by_id[finding.control]
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
    }
