"""Which runbooks do the rules name that watch an agent? Their URLs are documents that must be there."""

from collections.abc import Iterator
from typing import NamedTuple

from probes.controls.evidence import PrometheusLook
from probes.controls.evidence.alerts.prometheus import AlertRule

_OF_ALERTS, _OF_OPERATIONS = "observability.alerts.runbooks-created", "documentation.operational.runbooks-created"
_LONGEST = 299
"""Characters of a URL: of longer ones the end was not read."""

_NOW = 300.0
"""Seconds since an alert fired last, within which it fires."""


class Runbook(NamedTuple):
    """One URL that a rule names."""

    control: str  # that it refutes, where it is dead
    url: str
    linked_by: str  # `the alert HighLatency`


def runbooks_of(look: PrometheusLook, now: float) -> Iterator[Runbook]:
    """Of critical and warning rules that select the agent, and of those that fire; `now`: Unix seconds.

    A URL with a template is another one for each alert, and is left out.
    """
    firing = {each.name for each in look.fired if now - each.last_at <= _NOW}
    for number, rule in enumerate(look.book.alerts):
        if _can_be_tried(rule):
            if number in look.selected:
                yield Runbook(_OF_ALERTS, rule.runbook_url, f"the alert {rule.name[:80]}")
            if rule.firing and rule.name in firing:
                yield Runbook(_OF_OPERATIONS, rule.runbook_url, f"the alert {rule.name[:80]}")


def _can_be_tried(rule: AlertRule) -> bool:
    url = rule.runbook_url
    return rule.severity in ("critical", "warning") and 0 < len(url) <= _LONGEST and "{{" not in url
