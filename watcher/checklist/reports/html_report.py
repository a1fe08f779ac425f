"""Findings as one HTML file without scripts or anything from elsewhere, which prints well."""

from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from watcher.checklist.agent_report import Report
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
from watcher.pictures.shown import DRAWN_BY
from watcher.text.printable import printable


def as_html(report: Report) -> str:
    """The page; all that comes from manifests is escaped."""
    environment = Environment(
        loader=FileSystemLoader([Path(__file__).parent, DRAWN_BY]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["printable"] = printable
    template = environment.get_template("report.html")
    controls = report.catalogue.by_id

    return template.render(
        report=report,
        controls=controls,
        at=datetime.fromtimestamp(report.generated_at, UTC).strftime("%Y-%m-%d %H:%M UTC"),
        sections=lambda agent: groupby(agent.leaves, lambda each: controls[each.control].section),
        marks=MARKS,
        picture_style=(DRAWN_BY / "pictures.css").read_text() if report.pictured else "",
        turned=turned_told(report),
        words={
            "all": all_counted,
            "record": record_told,
            "required": required_counted,
            "state": state_words,
            "verdict": verdict_words,
            "why": why,
        },
    )
