"""Findings as SARIF 2.1.0 (OASIS), as GitHub takes it: failed, open and waived ones only, each with a location.

What is waived keeps its failure under a suppression; what has no record, or one that lapsed, is to be reviewed.

What came by standard input has no file: its location is the agent alone, and such a report GitHub refuses.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

from probes.controls.catalogue.control import Control, UnknownReason
from probes.controls.catalogue.terms import Severity
from probes.controls.finding import Finding, State
from watcher.checklist.agent_report import AgentReport, Place, Report
from watcher.checklist.manifests.objects import STANDARD_INPUT_NAME
from watcher.checklist.reports.json_text import json_text
from watcher.checklist.reports.wording import record_properties, why

MOST_RESULTS = 25_000
"""Of a run; GitHub refuses a file with more. What fails goes before what is open, that before what is waived."""

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_RANKS = {State.FAIL: 0, State.UNKNOWN: 1, State.EXPIRED: 1, State.WAIVED: 2}
"""Of what is told: in this order, where not all has room."""
_REVIEWED = (UnknownReason.ATTESTATION_MISSING, UnknownReason.RECORD_REMOVED)
_LEVELS = {Severity.CRITICAL: "error", Severity.HIGH: "error", Severity.MEDIUM: "warning", Severity.LOW: "note"}
_SCORES = {Severity.CRITICAL: "9.5", Severity.HIGH: "8.0", Severity.MEDIUM: "5.5", Severity.LOW: "2.0"}
"""What GitHub calls critical, high, medium and low."""


def as_sarif(report: Report, most: int = MOST_RESULTS) -> str:
    """One document with one run; `most`: results that are in it."""
    every = sorted(_told(report), key=lambda each: _RANKS[each[1].state])
    told = every[:most]
    used = dict.fromkeys(finding.control for _, finding in told)
    rules = [report.catalogue.by_id[each] for each in used]
    numbers = {each.id: number for number, each in enumerate(rules)}
    run = {
        "tool": {
            "driver": {
                "name": "agentweave-watcher",
                "version": version("agentweave-watcher"),
                "rules": [_rule(each) for each in rules],
            }
        },
        "automationDetails": {"id": "agentweave-watcher/readiness"},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(report.problems, (*report.notes, *left_out(report, most)))],
        "results": [_result(agent, each, report, numbers) for agent, each in told],
    }
    return json_text({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})


def left_out(report: Report, most: int = MOST_RESULTS) -> Sequence[str]:
    """What is in the findings and not in the document, a sentence."""
    every = list(_told(report))
    more = len(every) - most
    if more <= 0:
        return ()
    failing = sum(finding.state is State.FAIL for _, finding in every)
    waived = " or waived" if any(finding.state is State.WAIVED for _, finding in every) else ""
    lost = f", {failing - most} that fail among them" if failing > most else f", all of them open{waived}"
    said = f"{more} results are left out{lost}: GitHub takes no more than {most}"
    return (f"{said}; choose with --namespace, --agent, --section or --required",)


def _told(report: Report) -> Iterator[tuple[AgentReport, Finding]]:
    for agent in report.agents:
        for each in agent.leaves:
            if each.state in _RANKS:
                yield agent, each


def _invocation(problems: Sequence[str], notes: Sequence[str]) -> Mapping[str, object]:
    levels = [("error", each) for each in problems] + [("note", each) for each in notes]
    told = [{"level": level, "message": {"text": each}} for level, each in levels]
    return {"executionSuccessful": not problems, "toolExecutionNotifications": told}


def _rule(control: Control) -> Mapping[str, object]:
    properties: dict[str, object] = {"tags": [control.section, f"owner:{control.owner}"], "precision": "high"}
    if control.section == "security":
        properties["security-severity"] = _SCORES[control.severity]
    return {
        "id": control.id,
        "name": "".join(word.capitalize() for word in control.id.replace(".", "-").split("-")),
        "shortDescription": {"text": control.title},
        "fullDescription": {"text": control.passes},
        "help": {"text": control.remediation, "markdown": control.remediation},
        "defaultConfiguration": {"level": _LEVELS[control.severity]},
        "properties": properties,
    }


def _result(agent: AgentReport, finding: Finding, report: Report, numbers: Mapping[str, int]) -> Mapping[str, object]:
    control, place = report.catalogue.by_id[finding.control], agent.place_of(finding)
    fails, required = finding.underlying is State.FAIL, finding.control in agent.required
    mark = sha256(f"{agent.ref}\0{finding.control}".encode()).hexdigest()[:32]
    return {
        "ruleId": finding.control,
        "ruleIndex": numbers[finding.control],
        "kind": _kind(finding),
        "level": _LEVELS[control.severity] if fails else "none",
        "message": {"text": f"{agent.ref}: {why(finding)}{'' if required else ' (not required)'}"},
        "locations": [_location(agent, place)],
        "partialFingerprints": {"primaryLocationLineHash": f"{mark}:1"},
        **_recorded(finding),
    }


def _kind(finding: Finding) -> str:
    if finding.underlying is State.FAIL:
        return "fail"
    return "review" if finding.underlying is State.EXPIRED or finding.reason in _REVIEWED else "open"


def _recorded(finding: Finding) -> Mapping[str, object]:
    """The record that it rests on, and where that waives it, that it is suppressed."""
    properties = record_properties(finding)
    told: dict[str, object] = {"properties": properties} if properties else {}
    if finding.state is State.WAIVED:
        told["suppressions"] = [{"kind": "external", "status": "accepted", "justification": why(finding)}]
    return told


def _location(agent: AgentReport, place: Place | None) -> Mapping[str, object]:
    if place is None or place.file == STANDARD_INPUT_NAME:
        return {"logicalLocations": [{"fullyQualifiedName": str(agent.ref), "kind": "resource"}]}
    return {"physicalLocation": {"artifactLocation": {"uri": uri_of(place)}, "region": {"startLine": place.line}}}


def uri_of(place: Place) -> str:
    """Relative to where the command ran, so that GitHub finds the file; absolute where it lies elsewhere."""
    here = Path.cwd()
    path = Path(os.path.normpath(here / place.file))  # a link stays the file that was named
    return quote(os.fsencode(path.relative_to(here).as_posix())) if path.is_relative_to(here) else path.as_uri()
