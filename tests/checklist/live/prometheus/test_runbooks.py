"""Which URLs alerts of an agent name as runbooks, and which families its records list."""

import pytest

from probes.controls.evidence import PrometheusLook
from probes.controls.evidence.alerts.prometheus import AlertRule, Fired, RuleBook
from tests.probes.controls.judges.test_alert_rules import rule
from tests.probes.controls.made import AGENT, NOW, record
from watcher.checklist.live.prometheus.figures.stated_families import BUSINESS, stated_families
from watcher.checklist.live.prometheus.runbooks import Runbook, runbooks_of

URL = "https://wiki.example.org/slow"
ALERTS, OPERATIONS = "observability.alerts.runbooks-created", "documentation.operational.runbooks-created"


def _named(*rules: AlertRule, selected: frozenset[int] = frozenset({0}), last_at: float = NOW) -> list[Runbook]:
    look = PrometheusLook(RuleBook(rules), selected, fired=(Fired("Slow", NOW - 3600, last_at),))
    return list(runbooks_of(look, NOW))


def test_a_rule_that_selects_the_agent_and_one_that_fires_for_it_name_their_runbook() -> None:
    slow = rule("Slow", runbook_url=URL, firing=True)
    assert _named(slow) == [Runbook(ALERTS, URL, "the alert Slow"), Runbook(OPERATIONS, URL, "the alert Slow")]
    assert _named(slow, selected=frozenset()) == [Runbook(OPERATIONS, URL, "the alert Slow")]
    assert _named(slow, last_at=NOW - 301) == [Runbook(ALERTS, URL, "the alert Slow")]
    assert _named(slow._replace(firing=False), selected=frozenset()) == []


@pytest.mark.parametrize(
    "more",
    [{"runbook_url": f"{URL}/{{{{ $labels.pod }}}}"}, {"runbook_url": URL.ljust(300, "a")}, {"severity": "none"}],
)
def test_a_url_that_is_a_template_or_cut_and_a_rule_that_tells_nobody_are_left_out(more: dict[str, str]) -> None:
    assert _named(rule("Slow", **{"runbook_url": URL, **more})) == []


def test_families_are_those_of_the_list_that_can_be_names_of_metrics() -> None:
    records = [
        record(BUSINESS, statement="families: Searches_total, {__name__=~'.+'}, a-b"),
        record(ALERTS, statement="families: other"),
    ]
    assert stated_families([AGENT], lambda _: records) == {"searches_total"}
    many = [record(BUSINESS, statement="families: " + " ".join(f"f{number}" for number in range(201)))]
    assert stated_families([AGENT], lambda _: many) == frozenset()
