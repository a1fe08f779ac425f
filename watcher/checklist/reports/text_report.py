"""Findings for a terminal: what fails in full, what is unknown by its reasons."""

from collections import Counter
from collections.abc import Iterator, Sequence

from probes.controls.catalogue.control import UnknownReason
from probes.controls.finding import Finding, State
from watcher.checklist.agent_report import AgentReport, Report
from watcher.checklist.reports.wording import MARKS, all_counted, required_counted, turned_told, verdict_words, why
from watcher.text.printable import printable

_COUNTED = {
    UnknownReason.SOURCE_MISSING: "no evidence that was read shows it; another system may.",
    UnknownReason.ATTESTATION_MISSING: "no evidence can show it: people or a pipeline must record it.",
}
"""Reasons of which only the number is told, and what they mean."""

_NOT_IN_FILES = "manifests do not show it, a running agent or another system does."

_LEFT = " not decided: "
_FEW = 3
"""So many controls are always shown one by one."""

# Names of members: to look one up at its Enum takes ten times as long, and this is asked of each control and agent.
_UNKNOWN = State.UNKNOWN


def as_text(report: Report) -> str:
    """All agents, section by section; at the end what counted reasons mean, and the verdicts."""
    lines = [*_turned(report), *(line for each in report.agents for line in _agent(each, report))]
    left = [line for line in lines if _LEFT in line]
    of_files = any(each.place is not None for each in report.agents)
    meanings = _COUNTED | ({UnknownReason.SOURCE_MISSING: _NOT_IN_FILES} if of_files else {})
    lines += [f"{name}: {meaning}" for name, meaning in meanings.items() if any(f" {name}" in line for line in left)]
    if len(report.agents) > 1:
        verdicts = Counter(verdict_words(each.readiness) for each in report.agents).most_common()
        lines.append(f"{len(report.agents)} agents: {', '.join(f'{count} {verdict}' for verdict, count in verdicts)}")
    return "\n".join(lines).rstrip("\n") + "\n"


def _turned(report: Report) -> Iterator[str]:
    if report.turned is not None:
        told = turned_told(report)
        yield f"{len(told) or 'no'} finding{'' if len(told) == 1 else 's'} changed{':' if told else ''}"
        yield from (f"  {printable(each)}" for each in told)
        yield ""


def _agent(agent: AgentReport, report: Report) -> Iterator[str]:
    place = f" ({printable(agent.place.file)}:{agent.place.line})" if agent.place else ""
    yield f"{printable(str(agent.ref))}: {verdict_words(agent.readiness)}{place}"
    if agent.all_required:
        yield f"  required: {required_counted(agent)}"
    yield f"  all: {all_counted(agent)}"
    few = len(agent.findings) <= _FEW
    sections: dict[str, list[Finding]] = {}
    for each in agent.findings.values() if few else agent.leaves:
        sections.setdefault(report.catalogue.by_id[each.control].section, []).append(each)
    for section, mine in sections.items():
        yield f"  {section}"
        yield from _section(mine, agent, every=few)
    yield ""


def _section(mine: Sequence[Finding], agent: AgentReport, *, every: bool) -> Iterator[str]:
    reasons: Counter[str] = Counter()
    for each in mine:
        if not every and not _says_more(each):
            reasons[each.reason or each.state] += 1
            continue
        required = "" if each.control in agent.required else " (not required)"
        where = f" [{printable(found)}]" if (found := agent.where(each)) else ""
        yield f"    {MARKS[each.state]} {each.state} {each.control}{required}: {printable(why(each))}{where}"
    if reasons:
        yield f"    ? {reasons.total()}{_LEFT}{', '.join(f'{count} {name}' for name, count in reasons.most_common())}"


def _says_more(finding: Finding) -> bool:
    """Than that there is no such evidence here."""
    return finding.state is not _UNKNOWN or finding.reason not in _COUNTED
