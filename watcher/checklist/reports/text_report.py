"""Findings for a terminal: what fails in full, what is unknown by its reasons."""

from collections import Counter
from collections.abc import Iterator, Sequence

from probes.controls.catalogue.control import UnknownReason
from probes.controls.catalogue.terms import Automation
from probes.controls.finding import Finding, State
from watcher.checklist.agent_report import AgentReport, Report
from watcher.checklist.reports.wording import MARKS, bounds, counted, required_counted, verdict_words, why
from watcher.text.printable import printable

_COUNTED = {
    UnknownReason.SOURCE_MISSING: "manifests do not show it, a running agent or another system does.",
    UnknownReason.ATTESTATION_MISSING: "no machine can tell, people or a pipeline must say so in a record.",
}
"""Reasons of which only the number is told, and what they mean."""

_LEFT = " not decided: "
_FEW = 3
"""So many controls are always shown one by one."""


def as_text(report: Report) -> str:
    """All agents, section by section; at the end what counted reasons mean, and the verdicts."""
    lines = [line for each in report.agents for line in _agent(each, report)]
    left = [line for line in lines if _LEFT in line]
    lines += [f"{name}: {meaning}" for name, meaning in _COUNTED.items() if any(f" {name}" in line for line in left)]
    if len(report.agents) > 1:
        verdicts = Counter(verdict_words(each.readiness) for each in report.agents).most_common()
        lines.append(f"{len(report.agents)} agents: {', '.join(f'{count} {verdict}' for verdict, count in verdicts)}")
    return "\n".join(lines).rstrip("\n") + "\n"


def _agent(agent: AgentReport, report: Report) -> Iterator[str]:
    yield f"{agent.ref}: {verdict_words(agent.readiness)} ({printable(agent.place.file)}:{agent.place.line})"
    leaves = [each for name, each in agent.findings.items() if not _is_rollup(name, report)]
    if leaves and agent.required:
        yield f"  required: {required_counted(agent)}"
    if leaves:
        yield f"  all: {counted(leaves)}; {bounds(agent.readiness)}".removesuffix("; ")
    sections: dict[str, list[Finding]] = {}
    for name, each in agent.findings.items():
        sections.setdefault(report.catalogue.by_id[name].section, []).append(each)
    for section, mine in sections.items():
        yield from _section(section, mine, agent, report)
    yield ""


def _is_rollup(name: str, report: Report) -> bool:
    return report.catalogue.by_id[name].automation is Automation.ROLLUP


def _section(section: str, mine: Sequence[Finding], agent: AgentReport, report: Report) -> Iterator[str]:
    told = [each for each in mine if len(agent.findings) <= _FEW or _is_told(each, report)]
    named = {each.control for each in told}
    left = [each for each in mine if each.control not in named and not _is_rollup(each.control, report)]
    if told or left:
        yield f"  {section}"
    for each in told:
        required = "" if each.control in agent.required else " (not required)"
        place = agent.place_of(each)
        where = f" [{printable(place.file)}:{place.line}]" if each.evidence else ""
        yield f"    {MARKS[each.state]} {each.state} {each.control}{required}: {printable(why(each))}{where}"
    if left:
        reasons = Counter(each.reason or each.state for each in left)
        yield f"    ? {len(left)}{_LEFT}{', '.join(f'{count} {name}' for name, count in reasons.most_common())}"


def _is_told(finding: Finding, report: Report) -> bool:
    """Whether it says more than that there is no such evidence here."""
    if _is_rollup(finding.control, report):
        return False
    return finding.state is not State.UNKNOWN or finding.reason not in _COUNTED
