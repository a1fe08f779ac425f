"""The rows of the fleet as text for a terminal: what `check` shows there, and `status`.

The rows are those of `watcher.web.fleet.as_json`, so a terminal folds what the page folds. They may come from another
process: every text in them is made printable here.
"""

import os
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from shutil import get_terminal_size
from typing import Any, Final

from probes.contract import say_duration
from watcher.text.printable import printable
from watcher.web.fleet.row_words import reason_words

WIDEST = 110
"""Columns at most."""

Row = Mapping[str, Any]
STATES: Final = {
    "critical": "1;31",
    "warning": "33",
    "unknown": "35",
    "healthy": "32",
    "nothing_to_judge": "2",
}
"""ANSI colours of the states, the worst first."""

_INDENT = 10
_MINUTE = 60.0
_TROUBLED = ("critical", "warning", "unknown", "nothing_to_judge")


def columns() -> int:
    """As many as the terminal has, and not more than are read well."""
    return max(40, min(WIDEST, get_terminal_size((WIDEST, 24)).columns))


def coloured() -> bool:
    """Whether standard output is a terminal whose user has nothing against colours (no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def row_lines(row: Row, now: float, width: int, *, colour: bool) -> Iterator[str]:
    """One row that is not healthy; `now`: Unix seconds, by the clock that the row was dated with."""
    begun = _begun(row, now)
    state = _painted(f"{state_words(row['state']):<{_INDENT - 1}}", row["state"], colour)
    name = _bold(_title(row), colour)
    yield f"{state} {name}{begun}"
    for text in _shared(row) if "some" in row else _conditions(row):
        yield from textwrap.wrap(
            printable(text),
            width,
            initial_indent=" " * _INDENT,
            subsequent_indent=" " * (_INDENT + 2),
            break_on_hyphens=False,
        )


def troubled(rows: Sequence[Row]) -> list[Row]:
    """Those of which something is to be said."""
    return [each for each in rows if each["state"] in _TROUBLED]


def state_words(state: str) -> str:
    """A state as people read it."""
    return "no data" if state == "nothing_to_judge" else state


def summary(targets: Mapping[str, int], learning: int, *, colour: bool) -> str:
    """`14 targets: 1 critical, 13 healthy (6 conditions need more history)`."""
    total = sum(targets.get(each, 0) for each in STATES)
    parts = [
        _painted(f"{targets[each]:,} {state_words(each)}", each, colour) for each in STATES if targets.get(each, 0)
    ]
    young = f" ({learning:,} condition{' needs' if learning == 1 else 's need'} more history)" if learning else ""
    return f"{total:,} target{'' if total == 1 else 's'}: {', '.join(parts) or 'nothing to judge'}{young}"


def _title(row: Row) -> str:
    if "some" in row:
        what = row["condition"] or f"{row['probe']}: {reason_words(row['reason'])}"
        return printable(f"{row['agents']:,} agents: {what} on {row['pods']:,} pods")
    pod = row.get("pod")
    name = f"{row['namespace']}/{row['agent']}"
    if row["pods"] == 1:
        return printable(name if pod in (None, row["agent"]) else f"{name}/{pod}")
    some = f"{row['asked_for']} of " if row["asked_for"] != row["pods"] else ""
    return printable(f"{name}{f'/{pod}' if pod else ''} ({some}{row['pods']} pods)")


def _shared(row: Row) -> Iterator[str]:
    for each in row["some"]:
        reasons = f": {', '.join(each['reasons'])}" if each["reasons"] else ""
        also = f"; also {', '.join(each['also'])}" if each["also"] else ""
        pods = f" ({each['affected']} of {each['pods']} pods)" if each["pods"] != 1 else ""
        yield f"{each['namespace']}/{each['agent']}{pods}{reasons}{also}"
    if (more := row["agents"] - len(row["some"])) > 0:
        yield f"and {more:,} agent{'' if more == 1 else 's'} more"


def _conditions(row: Row) -> Iterator[str]:
    for each in row["conditions"]:
        names = ", ".join(each["conditions"])
        least = (
            "at least " if row["read"] < row["asked_for"] else ""
        )  # of an agent with very many pods not all are read
        pods = f" on {least}{each['pods']} pod{'' if each['pods'] == 1 else 's'}" if row["pods"] > 1 else ""
        unknown = "unknown: " if each["status"] == "unknown" else ""
        yield f"{names}{pods}: {unknown}{each['message']}"
    if row["left_out"]:
        yield f"and {row['left_out']} more (--all shows them)"
    if failed := row["not_evaluated"]:
        yield f"{failed} condition{'' if failed == 1 else 's'} not evaluated: the probe failed"
    if row["state"] == "nothing_to_judge":
        young = row["learning"]
        yield f"{young} conditions need more history" if young else "no condition applies: there is nothing to probe"
    for each in row["problems"]:
        yield f"discovery problem: {each}"


def _begun(row: Row, now: float) -> str:
    """For how long; what a check by hand sees for the first time has not lasted for any."""
    seconds = now - datetime.fromisoformat(row["since"]).timestamp() if row.get("since") else 0.0
    return f", for {say_duration(round(seconds))}" if seconds >= _MINUTE else ""


def _painted(text: str, state: str, colour: bool) -> str:
    return f"\x1b[{STATES[state]}m{text}\x1b[0m" if colour else text


def _bold(text: str, colour: bool) -> str:
    return f"\x1b[1m{text}\x1b[0m" if colour else text
