"""The command `explain`: what a condition, an alert, a reason or a control means, and what to do."""

import sys
import textwrap
from argparse import Namespace
from collections.abc import Iterator
from difflib import get_close_matches

from probes.contract import Unknown
from probes.controls.catalogue.loading import load_catalogue
from watcher.alerting.files import runbook_texts
from watcher.commands.controls import controls
from watcher.commands.fleet.rows import columns
from watcher.commands.reference.condition_facts import ConditionFacts, every_condition
from watcher.text.printable import printable
from watcher.web.unknown_reasons import help_of

_ALERT = "AgentWeave"


def command(given: Namespace) -> int:
    """`explain NAME`: exit code 0, or 2 where nothing is called so."""
    return explain(given.name)


def explain(name: str) -> int:
    """Print what is known of this name; upper and lower case are the same."""
    runbooks, catalogue = runbook_texts(), load_catalogue()
    conditions = {each.kind.name: each for each in every_condition()}
    names = {each.casefold(): each for each in (*conditions, *runbooks, *catalogue.by_id, *Unknown)}
    found = names.get(name.casefold())
    if found is None:
        print(f"agentweave-watcher explain: {_not_found(name, names)}", file=sys.stderr)
        return 2
    if found in catalogue.by_id:
        return controls(found, "text")
    if found in tuple(Unknown):
        print(*_reason(found), sep="\n")
        return 0
    condition = conditions.get(found.removeprefix(_ALERT))
    alert = condition.alert if condition is not None else found
    if condition is not None:
        print(*_facts(condition), sep="\n")
    if alert in runbooks:
        print(runbooks[alert].rstrip("\n"))
    return 0


def _not_found(name: str, names: dict[str, str]) -> str:
    near = get_close_matches(name.casefold(), names, n=3, cutoff=0.5)
    near = near or [each for each in names if name.casefold() in each][:3]
    meant = f"; did you mean {' or '.join(names[each] for each in near)}?" if near else ""
    return printable(f"{name!r} is no condition, alert, reason or control{meant}")


def _facts(condition: ConditionFacts) -> Iterator[str]:
    yield condition.kind.name
    width = columns()
    for what, said in condition.lines():
        begin = f"  {what}: "
        yield textwrap.fill(said, width, initial_indent=begin, subsequent_indent="    ", break_on_hyphens=False)
    yield ""


def _reason(name: str) -> Iterator[str]:
    known = help_of(name)
    yield f"{name}: a reason for which a condition is unknown"
    if known is not None:
        yield f"  {known.why}"
        yield f"  What to do: {known.what_to_do}"
