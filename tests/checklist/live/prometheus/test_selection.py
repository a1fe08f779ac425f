"""Selectors of many rules share a number of questions that is bounded; what is left out is told."""

from collections.abc import Sequence

from watcher.checklist.live.prometheus.own_labels import OwnLabels, quoted
from watcher.checklist.live.prometheus.rule_book import ReadRules, RuleReader
from watcher.checklist.live.prometheus.selection import MOST_SELECTORS, Found, slots_of, within


def _read(expressions: Sequence[str], control: str = "") -> ReadRules:
    labels = {"severity": "critical", "agentweave_control": control}
    rules = [{"type": "alerting", "name": f"A{number}", "query": each} for number, each in enumerate(expressions)]
    last = {**rules[-1], "labels": labels}
    reader = RuleReader({})
    plain = [{**each, "labels": {"severity": "critical"}} for each in rules[:-1]]
    reader.take({"name": "g", "interval": 15, "rules": [*plain, last]})
    return reader.read(0.0)


def test_rules_that_answer_a_control_are_seen_to_first_and_others_are_left_out() -> None:
    read = _read([f"m{number}" for number in range(MOST_SELECTORS + 5)], "alerts.latency")
    slots, alerts, _ = slots_of(read, lambda _: True)
    assert len(slots.numbers) == MOST_SELECTORS
    assert alerts[-1].of == 1
    assert [number for number, each in enumerate(alerts) if not each.whole] == list(range(79, 84))
    told = read.untellable([80], "why").book.alerts
    assert [number for number, each in enumerate(told) if each.untellable] == [80]


def test_a_selector_of_several_rules_is_asked_for_once_and_those_not_wanted_not_at_all() -> None:
    slots, alerts, _ = slots_of(_read(["a or b", "b or a", "c"]), lambda number: number < 2)
    assert len(slots.numbers) == 2
    assert (alerts[0].of, alerts[1].of, alerts[2].of) == (3, 3, 0)


def test_what_two_answers_found_is_together() -> None:
    one, other = Found(), Found()
    one.pods["prod", "a"], other.pods["prod", "a"] = 1, 2
    one.add(other)
    assert one.pods == {("prod", "a"): 3}


def test_namespaces_are_named_where_they_are_few_and_values_are_quoted() -> None:
    assert within(["a", "b.c"]) == (r'namespace=~"a|b\\.c"',)
    assert within([]) == within([str(number) for number in range(201)]) == ()
    assert quoted('a"b\\c\n') == '"a\\"b\\\\c\\n"'


def test_series_of_others_may_lack_the_labels_of_the_watchers_own() -> None:
    labels = OwnLabels({"cluster": "eu-1"}, "watch")
    assert labels.matchers(own=True) == ['cluster="eu-1"', 'job="watch"']
    assert labels.matchers(own=False) == [r'cluster=~"|eu\\-1"']
    assert OwnLabels({"cluster": ""}, "").matchers(own=False) == ['cluster=~"|"']
