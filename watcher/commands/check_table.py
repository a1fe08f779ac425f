"""The table that `check` prints, and its progress bar."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.table import Table
from rich.text import Text

from probes.contract import Unknown
from probes.contract.condition import Status
from watcher.engine.board import Board, ConditionStatus, TargetState
from watcher.text.printable import printable
from watcher.web.target_json import sentence

WIDTH = 100
"""Columns at most."""

_MANY_LOOKS = 30
_COLOUR = {Status.TRUE: "bold red", Status.UNKNOWN: "yellow", Status.FALSE: "green"}


def print_table(board: Board, states: Sequence[TargetState]) -> None:
    """All verdicts on standard output: trouble first, what is well in a line a target, the counts at the end.

    What is well and has a remark has a line of its own.
    """
    conditions = {state: board.conditions(state) for state in states}
    console = Console(highlight=False, width=min(WIDTH, Console().width) if sys.stdout.isatty() else WIDTH)
    table = Table(expand=True, box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("TARGET", ratio=24, overflow="fold")
    table.add_column("STATUS", width=7)
    table.add_column("CONDITION", ratio=30, overflow="fold")
    table.add_column("WHY", ratio=46, overflow="fold")
    for row in _rows(conditions):
        table.add_row(*row)
    console.print(table)
    console.print(_counts([each for found in conditions.values() for each in found]))


def _rows(conditions: Mapping[TargetState, Sequence[ConditionStatus]]) -> Iterator[tuple[Text, Text, Text | str, Text]]:
    every = [(state, each) for state, found in conditions.items() for each in found if not _is_young(each)]
    for status in (Status.TRUE, Status.UNKNOWN):
        yield from (_line(state, each) for state, each in every if each.verdict.status is status)
    yield from (_line(state, each) for state, each in every if each.verdict.remarkable)
    for state, found in conditions.items():
        young = [each for each in found if _is_young(each)]
        well = [each for each in found if each.verdict.status is Status.FALSE and not each.verdict.remarkable]
        for status, many, why in ((Status.UNKNOWN, young, "WarmingUp "), (Status.FALSE, well, "")):
            if many:
                yield _name(state), _status(status), _count(many), Text(why, "bold") + _names(many)


def _count(many: Sequence[ConditionStatus]) -> str:
    return f"{len(many)} conditions" if len(many) > 1 else "1 condition"


def _is_young(each: ConditionStatus) -> bool:
    """Whether it only needs a longer watch: one line a target says so for all of these."""
    return each.verdict.reason == Unknown.WARMING_UP


def _line(state: TargetState, each: ConditionStatus) -> tuple[Text, Text, Text, Text]:
    verdict = each.verdict
    condition = f"{verdict.kind.name} {verdict.subject}".strip()
    reason = "" if verdict.reason in ("", verdict.kind.name) else f"{verdict.reason} "
    why = Text(reason, "bold") + Text(printable(sentence(verdict)), "not bold")
    return _name(state), _status(verdict.status), Text(printable(condition)), why


def _status(status: Status) -> Text:
    return Text(status, _COLOUR[status])


def _names(many: Sequence[ConditionStatus]) -> Text:
    counted = Counter(each.verdict.kind.name for each in many)
    names = [name if count == 1 else f"{name} ({count})" for name, count in counted.items()]
    return Text(", ".join(names), "not bold")


def _name(state: TargetState) -> Text:
    namespace, agent, pod = state.target.key
    return Text(f"{namespace}/{agent}" if pod == agent else f"{namespace}/{agent}/{pod}")


def _counts(conditions: Sequence[ConditionStatus]) -> Text:
    counted = Counter(each.verdict.status for each in conditions)
    parts = [
        Text(f"{counted[status]} {status}", _COLOUR[status]) for status in (Status.FALSE, Status.TRUE, Status.UNKNOWN)
    ]
    return Text(", ").join(parts)


@contextmanager
def progress(looks: int) -> Iterator[Callable[[], None]]:
    """A bar on standard error, on a terminal and when there are many looks; gives what to call after each look."""
    if looks < _MANY_LOOKS or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.progress import Progress  # noqa: PLC0415  slow to import, and most calls show no bar

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("looking", total=looks)
        yield lambda: bar.advance(task)
