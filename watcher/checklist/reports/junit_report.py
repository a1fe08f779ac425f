"""Findings as JUnit XML, as Jenkins, GitLab and GitHub read it: a suite an agent, a case a control."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Literal
from xml.etree import ElementTree as ET

from probes.controls.finding import Finding, State
from watcher.checklist.agent_report import AgentReport, Report
from watcher.checklist.reports.wording import record_properties, state_words, why
from watcher.text.printable import printable

_FAILED = (State.FAIL, State.EXPIRED)
_OPEN = (State.UNKNOWN, State.EXPIRED)
_RECORDED = (State.ATTESTED, State.WAIVED)

_Outcome = Literal["failure", "error", "skipped", "passed"]


def as_junit(report: Report) -> str:
    """Only what is required fails a case; what is open (unknown, expired) is an error where the report says so.

    What is waived is no failure and not skipped: its case says so, and what is under the waiver.
    """
    root = ET.Element("testsuites", name="production readiness")
    for agent in report.agents:
        _suite(root, agent, report)
    if report.problems:
        suite = ET.SubElement(root, "testsuite", name="not judged")
        for each in report.problems:
            case = ET.SubElement(suite, "testcase", classname="not judged", name=_clean(each))
            ET.SubElement(case, "error", message=_clean(each), type="NotJudged")
        _count(suite, tests=len(report.problems), failures=0, errors=len(report.problems), skipped=0)
    suites = list(root)
    for key in ("tests", "failures", "errors"):
        root.set(key, str(sum(int(each.get(key, "0")) for each in suites)))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite(root: ET.Element, agent: AgentReport, report: Report) -> None:
    at = datetime.fromtimestamp(report.generated_at, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    suite = ET.SubElement(root, "testsuite", name=_clean(str(agent.ref)), timestamp=at)
    controls = report.catalogue.by_id
    leaves = agent.leaves
    for each in leaves:
        _case(suite, each, agent, _outcome(each, agent, report), controls[each.control].remediation)
    outcomes = Counter(_outcome(each, agent, report) for each in leaves)
    counts = {"failures": outcomes["failure"], "errors": outcomes["error"], "skipped": outcomes["skipped"]}
    _count(suite, tests=len(leaves), **counts)


def _count(suite: ET.Element, **counts: int) -> None:
    for key, value in counts.items():
        suite.set(key, str(value))


def _outcome(finding: Finding, agent: AgentReport, report: Report) -> _Outcome:
    required, state = finding.control in agent.required, finding.state
    if state in _OPEN and report.open_fails:
        return "error" if required else "skipped"
    if state in _FAILED:
        return "failure" if required else "skipped"
    return "skipped" if state in (State.UNKNOWN, State.NOT_APPLICABLE) else "passed"


def _case(suite: ET.Element, finding: Finding, agent: AgentReport, outcome: _Outcome, remediation: str) -> None:
    place, said = agent.place_of(finding), _clean(why(finding))
    where = f"{place.file}:{place.line}: " if place else ""
    case = ET.SubElement(suite, "testcase", classname=_clean(str(agent.ref)), name=finding.control, time="0")
    if outcome in ("failure", "error"):
        failure = ET.SubElement(case, outcome, message=said, type=finding.reason)
        failure.text = _clean(f"{where}{said}\n{remediation}")
    elif outcome == "skipped":
        required = "" if finding.control in agent.required else ", not required"
        ET.SubElement(case, "skipped", message=f"{state_words(finding.state)}{required}: {said}")
    elif finding.state in _RECORDED:
        ET.SubElement(case, "system-out").text = _clean("\n".join(_told_of_record(finding)))


def _told_of_record(finding: Finding) -> Iterator[str]:
    """In the form in which tools take properties from the output of a case: Jenkins' schema has no others."""
    warning = "Warning: " if finding.state is State.WAIVED else ""
    yield f"{warning}{state_words(finding.state)}: {why(finding)}"
    for name, value in record_properties(finding).items():
        yield f"[[PROPERTY|{name}={value}]]"


def _clean(text: str) -> str:
    """Line by line as a terminal can show it: of what XML cannot hold nothing is left then."""
    return "\n".join(map(printable, text.split("\n")))
