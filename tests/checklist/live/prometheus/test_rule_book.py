"""What is read of the rules that a Prometheus has loaded, and what the series of each come from."""

from collections.abc import Mapping
from typing import Any

import pytest

from probes.controls.evidence.prometheus import Health
from tests.alerting.rules import RULES, groups
from watcher.alerting.rules.answered import ANSWERED, LABEL
from watcher.checklist.live.prometheus.rule_book import ReadRules, RuleReader
from watcher.text.alert_labels import TAKEN

EVALUATED = "2026-11-30T09:00:00.123456789Z"
AT = 1796029200.0  # the same


def _rule(name: str, query: str, **more: object) -> dict[str, object]:
    plain = {"type": "alerting", "name": name, "query": query, "health": "ok", "state": "inactive"}
    return plain | {"lastEvaluation": EVALUATED, "labels": {"severity": "critical"}, "annotations": {}} | more


def _recorded(name: str, query: str, **labels: str) -> dict[str, object]:
    return {"type": "recording", "name": name, "query": query, "health": "ok", "labels": labels}


def _read(*rules: Mapping[str, object], alerts: Mapping[str, str] | None = None, now: float = AT) -> ReadRules:
    reader = RuleReader(alerts or {})
    reader.take({"name": "a", "interval": 15, "rules": list(rules)})
    return reader.read(now)


def _selected(read: ReadRules) -> list[list[str]]:
    return [[selector.text() for selector in each.selectors] for each in read.alerts]


def _shipped() -> ReadRules:
    reader = RuleReader({})
    for file in sorted(RULES.glob("*.yaml")):
        for group in groups(file):
            rules = [
                _recorded(each["record"], each["expr"])
                if "record" in each
                else _rule(each["alert"], each["expr"], labels=each["labels"], annotations=each["annotations"])
                for each in group["rules"]
            ]
            reader.take({"name": group["name"], "interval": 15, "rules": rules})
    return reader.read(AT)


@pytest.mark.parametrize("condition", ANSWERED)
def test_each_shipped_rule_that_answers_a_control_is_told_by_the_condition_itself(condition: str) -> None:
    """What it reads is recorded only while something is wrong; what that is recorded from is always there."""
    read = _shipped()
    [number] = [number for number, each in enumerate(read.book.alerts) if each.name == f"AgentWeave{condition}"]
    rule = read.book.alerts[number]
    assert (rule.control, rule.severity, rule.untellable) == (ANSWERED[condition], "critical", "")
    assert dict(rule.labels)[LABEL] == ANSWERED[condition]
    assert LABEL in TAKEN, "no label of a pod may lie over it"
    assert _selected(read)[number] == [f'agentweave_watcher_condition{{condition="{condition}"}}']
    [unknown] = read.alerts[number].conditional
    assert unknown.text() == f'agentweave_watcher_condition_unknown{{condition="{condition}"}}'


def test_a_rule_is_known_by_its_label_by_the_map_of_the_config_and_by_our_names() -> None:
    read = _read(
        _rule("Mine", "a > 1", labels={"agentweave_control": "alerts.latency", "severity": "page"}),
        _rule("Theirs", "b > 1", labels={}),
        _rule("AgentWeaveCPUHigh", "c > 1", labels={}),
        _rule("Other", "d > 1", labels={"severity": "warning"}),
        _rule("Quiet", "e > 1", labels={"severity": "info"}),
        alerts={"alerts.error-rate": "Theirs"},
    )
    assert [(each.name, each.control, each.severity) for each in read.book.alerts] == [
        ("Mine", "alerts.latency", "page"),
        ("Theirs", "alerts.error-rate", ""),
        ("AgentWeaveCPUHigh", "alerts.resource-usage", ""),
        ("Other", "", "warning"),
    ]


def test_matchers_on_what_is_recorded_are_those_of_what_it_is_recorded_from() -> None:
    read = _read(
        _recorded("job:errors:rate5m", 'rate(errors_total{code="500"}[5m])', team="a"),
        _recorded("job:errors:high", 'job:errors:rate5m{pod!=""} > 1'),
        _rule("Errors", 'job:errors:high{namespace="prod"} > 0'),
    )
    assert _selected(read) == [['errors_total{code="500",pod!="",namespace="prod"}']]


def test_a_recording_rule_that_gives_another_label_than_is_asked_for_is_not_meant() -> None:
    read = _read(
        _recorded("job:errors", "a", team="a"),
        _recorded("job:errors", "b", team="b"),
        _rule("Errors", 'job:errors{team="b"} > 0'),
    )
    assert _selected(read) == [["b{}"]]


def test_rules_that_are_said_to_be_of_another_cluster_are_left_out() -> None:
    """Of several Prometheus behind one, each has rules of its own."""
    read = _read(
        _rule("Ours", "a", labels={"severity": "critical", "cluster": "eu"}),
        _rule("Any", "b"),
        _rule("Theirs", "c", labels={"severity": "critical", "cluster": "us"}),
    ).within({"cluster": "eu"})
    assert [each.name for each in read.book.alerts] == ["Ours", "Any"]
    assert _selected(read) == [["a{}"], ["b{}"]]


def test_rules_that_record_each_other_end() -> None:
    read = _read(_recorded("a:b", "c:d or e"), _recorded("c:d", "a:b"), _rule("Round", "a:b > 0"))
    assert _selected(read) == [["e{}"]]


def test_a_rule_that_reads_alerts_alone_is_not_told() -> None:
    read = _read(_rule("OfAlerts", 'ALERTS{alertname="X"}'))
    assert read.book.alerts[0].untellable == "its expression selects no series but those of alerts"


@pytest.mark.parametrize(
    ("ago", "late"),
    [(0.0, False), (44.0, False), (46.0, True)],
)
def test_a_rule_is_late_after_three_intervals_without_an_evaluation(ago: float, late: bool) -> None:
    assert _read(_rule("A", "a"), now=AT + ago).book.alerts[0].late is late


def test_a_rule_that_was_never_evaluated_is_neither_late_nor_well() -> None:
    never = _rule("A", "a", health="unknown", lastEvaluation="0001-01-01T00:00:00Z")
    [rule] = _read(never).book.alerts
    assert (rule.health, rule.late) == (Health.UNKNOWN, False)


def test_objectives_of_sloth_and_pyrra_are_known_by_their_labels_once_each() -> None:
    read = _read(
        _recorded("slo:sli_error:ratio_rate5m", "errors / requests", sloth_slo="availability", sloth_service="search"),
        _recorded("slo:sli_error:ratio_rate1h", "errors / requests", sloth_slo="availability"),
        _recorded("http_requests:increase4w", "sum(increase(requests[4w]))", slo="search-errors"),
    )
    assert [each.objective for each in read.book.objectives] == ["availability", "search-errors"]
    assert [[one.text() for one in each.selectors] for each in read.objectives] == [
        ["errors{}", "requests{}"],
        ["requests{}"],
    ]


@pytest.mark.parametrize(
    "group",
    [{"rules": 1}, {"rules": [1]}, {"rules": [{"type": "neither"}]}, {"rules": [{}]}],
)
def test_groups_of_another_shape_are_refused(group: Any) -> None:
    with pytest.raises(ValueError, match="rule"):
        RuleReader({}).take(group)


def test_of_more_rules_than_are_read_it_is_told_that_there_are_more() -> None:
    read = _read(*(_rule(f"A{number}", "a") for number in range(2_001)))
    assert read.book.unread == "Of more than 2,000 alerting rules the others were not read."
