"""A check as text: on a terminal by agent, the worst first; in a pipe one record a line, nothing folded or cut."""

from collections.abc import AsyncIterator, Iterator

from probes.contract import Unknown
from probes.contract.condition import Status
from watcher.commands.check.checked import Checked, Record, name_of
from watcher.commands.fleet.rows import coloured, columns, row_lines, summary, troubled
from watcher.text.printable import printable
from watcher.web.fleet.as_json import MOST_ROWS, fleet_json
from watcher.web.fleet.fleet_query import FleetQuery
from watcher.web.target_json import sentence


async def as_records(checked: Checked) -> AsyncIterator[str]:
    """One condition a line: status, severity, namespace/agent/pod, condition, subject, reason, message; tabs between.

    All of them, those of the worst targets first.
    """
    for each in checked.records():
        yield _record(each)


def _record(record: Record) -> str:
    verdict = record.verdict
    parts = (
        verdict.status,
        verdict.kind.severity,
        "/".join(record.key),
        verdict.kind.name,
        verdict.subject,
        verdict.reason,
        verdict.text,
    )
    return "\t".join(map(printable, parts)) + "\n"


async def for_terminal(checked: Checked) -> AsyncIterator[str]:
    """What is not well, by agent, folded as on the fleet's page; then one line with all counts."""
    fleet = await fleet_json(checked.board, FleetQuery(limit=MOST_ROWS), checked.now)
    now, width, colour = checked.board.date_of(checked.now), columns(), coloured()
    rows = troubled(fleet["rows"])
    for row in rows:
        for line in row_lines(row, now, width, colour=colour):
            yield f"{line}\n"
    if (more := fleet["total"] - MOST_ROWS) > 0 and len(rows) == MOST_ROWS:
        yield f"and {more:,} rows more; choose with --namespace and --agent, or use a pipe\n"
    yield _last(checked, colour=colour)


async def all_for_terminal(checked: Checked) -> AsyncIterator[str]:
    """Every condition of every target, those that pass too."""
    key = None
    for each in checked.records():
        if each.key != key:
            key = each.key
            yield f"{each.health.value.replace('_', ' ')} {printable(name_of(key))}\n"
        verdict = each.verdict
        name = f"{verdict.kind.name} {verdict.subject}".rstrip()
        reason = "" if verdict.reason in ("", verdict.kind.name) else f"{verdict.reason}: "
        yield f"  {_WORDS[verdict.status]:7} {printable(f'{name}: {reason}{sentence(verdict)}')}\n"
    yield _last(checked, colour=coloured())


_WORDS = {Status.TRUE: "failing", Status.FALSE: "passing", Status.UNKNOWN: "unknown"}


def _last(checked: Checked, *, colour: bool) -> str:
    healths = checked.healths()
    counted = summary({each.value: count for each, count in healths.items()}, _learning(checked), colour=colour)
    return f"{counted}. Exit code {checked.outcome.code}: {checked.outcome.why}.\n"


def _learning(checked: Checked) -> int:
    return sum(1 for each in _verdict_reasons(checked) if each == Unknown.WARMING_UP)


def _verdict_reasons(checked: Checked) -> Iterator[str]:
    for state in checked.states:
        for each in checked.board.conditions(state):
            yield each.verdict.reason
