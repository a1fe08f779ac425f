"""What people call the statuses and states that a change leads from and to."""

from urllib.parse import urlencode

from probes.contract.condition import Status
from probes.contract.units import clock_time
from watcher.changes.change import FAILING, GONE, Change, Kind
from watcher.changes.ticks import STEP, Tick, TickRow

_WORDS = {Status.TRUE.value: "failing", Status.FALSE.value: "passing", GONE: "gone", "not_applicable": "not applicable"}
_GOOD = ("false", "pass", "attested", "not_applicable")

_TICKS = {
    Tick.CRITICAL: "failing (critical)",
    Tick.WARNING: "failing (warning)",
    Tick.UNKNOWN: "unknown",
    Tick.HEALTHY: "healthy",
    Tick.LEARNING: "still learning",
    Tick.NONE: "nothing known",
}


def status_word(status: str) -> str:
    """What a person calls a status or a state."""
    return _WORDS.get(status, status)


def status_mark(status: str) -> str:
    """The class of the mark of a status or state."""
    return "true" if status in FAILING else "false" if status in _GOOD else "unknown"


def is_control(change: Change) -> bool:
    """Whether it is one of the checklist: a control, or a record of one."""
    return change.kind != Kind.CONDITION


def runbook_of_change(change: Change) -> str:
    """The link to the runbook of a condition that turned."""
    where = {part: getattr(change, part) for part in ("namespace", "agent", "pod", "subject")}
    query = urlencode({part: value for part, value in where.items() if value}, errors="replace")
    return f"/runbooks/AgentWeave{change.name}?{query}"


def ticks_said(row: TickRow) -> str:
    """The text alternative of a row of ticks; times are UTC, of a quarter of an hour each."""
    parts = [
        f"{_TICKS[tick]} {clock_time(row.begin + first * STEP)} to {clock_time(row.begin + (first + count) * STEP)}"
        for tick, first, count in row.runs
    ]
    return f"{row.name or 'All conditions'}, the last 24 hours (UTC): {', '.join(parts)}."
