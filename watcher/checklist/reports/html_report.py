"""Findings as one HTML file without scripts or anything from elsewhere, which prints well."""

from datetime import UTC, datetime
from importlib.resources import files
from itertools import groupby

from jinja2 import Environment, StrictUndefined

from probes.controls.catalogue.terms import Automation
from probes.controls.finding import Finding
from watcher.checklist.agent_report import AgentReport, Report
from watcher.checklist.reports.wording import MARKS, bounds, counted, required_counted, state_words, verdict_words, why
from watcher.text.printable import printable


def as_html(report: Report) -> str:
    """The page; all that comes from manifests is escaped."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["printable"] = printable
    template = environment.from_string((files(__package__) / "report.html").read_text())
    controls = report.catalogue.by_id

    def leaves(agent: AgentReport) -> list[Finding]:
        each_one = agent.findings.values()
        return [each for each in each_one if controls[each.control].automation is not Automation.ROLLUP]

    return template.render(
        report=report,
        controls=controls,
        at=datetime.fromtimestamp(report.generated_at, UTC).strftime("%Y-%m-%d %H:%M UTC"),
        leaves=leaves,
        sections=lambda agent: groupby(leaves(agent), lambda each: controls[each.control].section),
        marks=MARKS,
        words={
            "bounds": bounds,
            "counted": counted,
            "required": required_counted,
            "state": state_words,
            "verdict": verdict_words,
            "why": why,
        },
    )
