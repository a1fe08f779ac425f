"""Findings as Markdown, such as for a comment on a change.

Of a picture there is its text alternative: GitHub, for one, shows neither SVG within Markdown nor images in `data:`.
"""

from collections.abc import Iterator

from probes.controls.finding import Finding
from watcher.checklist.agent_report import AgentReport, Report
from watcher.checklist.reports.wording import (
    MARKS,
    all_counted,
    record_told,
    required_counted,
    state_words,
    turned_told,
    verdict_words,
    why,
)
from watcher.pictures.shown import PicturedAgent
from watcher.text.markdown import plain


def as_markdown(report: Report) -> str:
    """One heading an agent, one table a section."""
    lines = ["# Production readiness", ""]
    if report.turned is not None:
        lines += ["## What changed", "", *(f"- {plain(each)}" for each in turned_told(report) or ["nothing"]), ""]
    for agent in report.agents:
        lines += _agent(agent, report)
    if report.problems:
        lines += ["## Not judged", "", *(f"- {plain(each)}" for each in report.problems), ""]
    if report.notes:
        lines += ["## To know", "", *(f"- {plain(each)}" for each in report.notes), ""]
    return "\n".join(lines)


def _agent(agent: AgentReport, report: Report) -> Iterator[str]:
    leaves = agent.leaves
    yield f"## {plain(str(agent.ref))}: {verdict_words(agent.readiness)}"
    yield ""
    if agent.all_required:
        yield f"Required: {required_counted(agent)}.  "
    yield f"All: {all_counted(agent)}."
    yield ""
    for section in dict.fromkeys(report.catalogue.by_id[each.control].section for each in leaves):
        yield f"### {section}"
        yield ""
        yield "| | control | state | why | where |"
        yield "|---|---|---|---|---|"
        for each in leaves:
            if report.catalogue.by_id[each.control].section == section:
                yield _row(each, agent)
        yield ""
    if (pictured := report.pictured.get(agent.ref)) is not None and pictured.probes:
        yield from ("### As measured now", "", f"Of {plain(pictured.whose)}.", "", *_pictures(pictured), "")


def _pictures(pictured: PicturedAgent) -> Iterator[str]:
    for probe, of in pictured.probes.items():
        yield from (f"- **{plain(each.title)}** {plain(each.text)}" for each in of.pictures)
        if of.more:
            yield f"- of {probe} the first {len(of.pictures)} are listed, worst first"
        if of.failed:
            yield f"- the pictures of {probe} cannot be made"


def _row(finding: Finding, agent: AgentReport) -> str:
    where = plain(agent.where(finding))
    required = "" if finding.control in agent.required else " (not required)"
    said = " ".join(filter(None, (why(finding), record_told(finding))))
    return (
        f"| {MARKS[finding.state]} | {finding.control}{required} | {state_words(finding.state)} "
        f"| {plain(said)} | {where} |"
    )
