"""The deployment record as Markdown, in the template's own words and order; below it each line of the checklist."""

from collections.abc import Iterator

from watcher.rollouts.reports.record import BLANK, TO_FILL_IN, Box, Record, Text
from watcher.rollouts.reports.words import STATES, WINDOWS, line_dated
from watcher.rollouts.rollout import Rollout
from watcher.rollouts.terms import LineState, Window
from watcher.text.markdown import code_span, plain


def as_markdown(record: Record, rollout: Rollout) -> str:
    """The record, and the post-deploy verification that it rests on."""
    return "\n".join([*_template(record), "", *_verification(rollout)]) + "\n"


def _template(record: Record) -> Iterator[str]:
    yield f"# Deployment Checklist: {plain(record.agent)} {_version(record.version)}"
    yield ""
    yield f"**Date**: {record.date}  "
    yield f"**Engineer**: {_text(record.engineer)}  "
    yield f"**Environment**: {plain(record.environment)}"
    for section in record.sections:
        yield ""
        yield f"## {section.heading}"
        yield ""
        yield from map(_box, section.boxes)
    boxes = " / ".join(f"[{'x' if ticked else ' '}] {name}" for name, ticked in record.status.items())
    yield ""
    yield f"**Status**: {boxes}{f' ({plain(record.beside)})' if record.beside else ''}"
    yield ""
    yield f"**Notes**: {' '.join(map(_text, record.notes)) or BLANK}"


def _version(version: Text) -> str:
    said = version.said if version.said.startswith(("v", "sha256:")) else f"v{version.said}"
    return _text(version._replace(said=said))


def _text(text: Text) -> str:
    if text.claimed:
        return f"{code_span(text.said)} (claimed)"
    return BLANK if text.said == BLANK else plain(text.said)


def _box(box: Box) -> str:
    words = box.words.replace("{}", _text(box.filled))
    said = "; ".join(filter(None, (box.said, TO_FILL_IN if box.by_person else "")))
    return f"- [{'x' if box.ticked else ' '}] {words}{f' - {plain(said)}' if said else ''}"


def _verification(rollout: Rollout) -> Iterator[str]:
    yield "## Post-Deploy Verification"
    for window in Window:
        yield ""
        yield f"### {WINDOWS[window]}"
        yield ""
        lines = rollout.of(window)
        for line in lines:
            box = "x" if line.state is LineState.PASS else " "
            said = line_dated(line)
            yield f"- [{box}] {line.name} - {STATES[line.state]}{f': {plain(said)}' if said else ''}"
            yield from (f"  - {plain(each)}" for each in line.evidence)
        if not lines:
            yield "Nothing is judged yet."
