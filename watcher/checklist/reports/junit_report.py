"""Findings as JUnit XML, as Jenkins, GitLab and GitHub read it: a suite an agent, a case a control."""

from datetime import UTC, datetime
from xml.etree import ElementTree as ET

from probes.controls.finding import Finding, State
from watcher.checklist.agent_report import AgentReport, Report
from watcher.checklist.reports.wording import state_words, why
from watcher.text.printable import printable

_FAILED = (State.FAIL, State.EXPIRED)
_SKIPPED = (State.UNKNOWN, State.NOT_APPLICABLE, State.WAIVED)


def as_junit(report: Report) -> str:
    """What is unknown is skipped: a pipeline's own rule decides of it. Only what is required fails a case."""
    root = ET.Element("testsuites", name="production readiness")
    for agent in report.agents:
        _suite(root, agent, report)
    if report.problems:
        suite = ET.SubElement(root, "testsuite", name="manifests")
        for each in report.problems:
            case = ET.SubElement(suite, "testcase", classname="manifests", name=_clean(each))
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
        _case(suite, each, agent, controls[each.control].remediation)
    failures = sum(each.state in _FAILED and each.control in agent.required for each in leaves)
    skipped = sum(
        each.state in _SKIPPED or (each.state in _FAILED and each.control not in agent.required) for each in leaves
    )
    _count(suite, tests=len(leaves), failures=failures, errors=0, skipped=skipped)


def _count(suite: ET.Element, **counts: int) -> None:
    for key, value in counts.items():
        suite.set(key, str(value))


def _case(suite: ET.Element, finding: Finding, agent: AgentReport, remediation: str) -> None:
    place, said = agent.place_of(finding), _clean(why(finding))
    where = f"{place.file}:{place.line}: " if place else ""
    case = ET.SubElement(suite, "testcase", classname=_clean(str(agent.ref)), name=finding.control, time="0")
    if finding.state in _FAILED and finding.control in agent.required:
        failure = ET.SubElement(case, "failure", message=said, type=finding.reason)
        failure.text = _clean(f"{where}{said}\n{remediation}")
    elif finding.state in (*_SKIPPED, *_FAILED):
        required = "" if finding.control in agent.required else ", not required"
        ET.SubElement(case, "skipped", message=f"{state_words(finding.state)}{required}: {said}")


def _clean(text: str) -> str:
    """Line by line as a terminal can show it: of what XML cannot hold nothing is left then."""
    return "\n".join(map(printable, text.split("\n")))
