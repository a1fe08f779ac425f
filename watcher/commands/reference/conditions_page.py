"""`docs/conditions.md`: every condition with what it means, from its own constants."""

from collections.abc import Iterator
from itertools import groupby

from probes.contract import Unknown
from watcher.commands.reference.condition_facts import ConditionFacts, every_condition
from watcher.web.unknown_reasons import HELP

_INTRODUCTION = """# Conditions reference

<!-- Written by `make docs` from the constants of the probes; edit those instead. -->
A condition is a named fault of one agent instance. It is *failing* (`true` in the API and in metrics), *passing*
(`false`) or *unknown*, with a reason. Its alert is `AgentWeave` and its name; its runbook has the same name.
`agentweave-watcher explain NAME` prints what stands here, with the runbook.
"""


def conditions_page() -> str:
    """The whole page."""
    parts = [_INTRODUCTION, _table()]
    for name, found in groupby(every_condition(), key=lambda each: each.probe.name):
        parts.append(f"## Probe `{name}`\n")
        parts.extend("\n".join(_condition(each)) for each in found)
    parts.append(_unknown())
    return "\n".join(parts)


def _table() -> str:
    rows = [
        f"| [{each.kind.name}](#{each.kind.name.lower()}) | {each.probe.name} | {each.kind.severity} "
        f"| {each.kind.true_when} |"
        for each in every_condition()
    ]
    return "| condition | probe | severity | failing when |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"


def _condition(condition: ConditionFacts) -> Iterator[str]:
    yield f"### {condition.kind.name}\n"
    for what, said in condition.lines():
        yield f"- {what}: {said}"
    yield f"- Alert and runbook: [{condition.alert}](../alerts/runbooks/{condition.alert}.md)"
    yield ""


def _unknown() -> str:
    rows = [f"| `{reason}` | {HELP[reason].why} | {HELP[reason].what_to_do} |" for reason in Unknown]
    head = "## Why a condition is unknown\n\n| reason | meaning | what to do |\n|---|---|---|\n"
    return head + "\n".join(rows) + "\n"
