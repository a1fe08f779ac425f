"""The command `status`: the fleet page of a running daemon, in the terminal."""

import json
import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from watcher.commands.fleet.rows import coloured, columns, row_lines, summary, troubled
from watcher.commands.readiness.asking import AskingError, ask
from watcher.text.printable import printable
from watcher.web.fleet.as_json import MOST_ROWS

_OPEN = ("critical", "warning")


def command(given: Namespace) -> int:
    """`status --url URL`: 0 no condition is failing, 1 one is, 3 one is unknown, 2 the daemon gave no answer."""
    query = {"namespace": given.namespace, "agent": given.agent, "limit": str(MOST_ROWS)}
    try:
        answer = ask(given.url, "/api/v1/fleet", {key: value for key, value in query.items() if value}, given)
        fleet = _read(answer, given.url)
    except AskingError as error:
        print(printable(str(error)), file=sys.stderr)
        return 2
    if given.output == "json":
        print(answer.decode())
    else:
        print(*_lines(fleet, given.url), sep="\n")
    return _code(fleet["targets"])


def _read(answer: bytes, url: str) -> Mapping[str, Any]:
    try:
        fleet = json.loads(answer)
        if isinstance(fleet["rows"], list) and isinstance(fleet["targets"], dict):
            found: Mapping[str, Any] = fleet
            return found
    except (ValueError, LookupError, TypeError, RecursionError):
        pass
    raise AskingError(f"{url}: the answer is not that of an agentweave-watcher")


def _lines(fleet: Mapping[str, Any], url: str) -> Iterator[str]:
    width, colour = columns(), coloured()
    now = datetime.fromisoformat(fleet["generated_at"]).timestamp()
    for each in fleet.get("troubles", ()):
        yield printable(f"watcher: {each}")
    if fleet.get("standby"):
        yield "This watcher is on standby: another one leads."
    rows = troubled(fleet["rows"])
    for row in rows:
        yield from row_lines(row, now, width, colour=colour)
    if len(rows) == MOST_ROWS and fleet["total"] > MOST_ROWS:
        yield f"and {fleet['total'] - MOST_ROWS:,} rows more: choose with --namespace and --agent"
    learning = sum(row.get("learning", 0) for row in fleet["rows"])
    yield f"{summary(fleet['targets'], learning, colour=colour)}. {printable(url)} at {fleet['generated_at']}."


def _code(targets: Mapping[str, int]) -> int:
    if any(targets.get(each, 0) for each in _OPEN):
        return 1
    if targets.get("unknown", 0):
        return 3
    return 0 if targets.get("healthy", 0) else 2
