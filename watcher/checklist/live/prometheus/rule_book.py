"""The rules that a Prometheus has loaded: those that concern the checklist, and what the series of each come from.

1. Recording rules are kept by the name of what they record, with their expressions.
2. An alerting rule is kept where it answers a control (by its label agentweave_control, by the map of the config, or
   by the name of one of ours), where its severity is critical or warning, and where it is the one that always fires.
3. What a rule selects is found in its expression. What another rule records is replaced by what that one selects, with
   the same matchers: a recorded series of trouble is not there while all is well, what it is made of is.
"""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple, Self

from probes.controls.evidence.prometheus import WATCHDOG, AlertRule, Health, ObjectiveRule, RuleBook
from watcher.alerting.rules.answered import ANSWERED, LABEL
from watcher.checklist.live.prometheus.promql import Selected, Selector, selected
from watcher.text.printable import printable

MOST_GROUPS = 5_000
_MOST_RULES = 2_000
"""Alerting rules that are kept."""

_MOST_TEXT = 4 << 20
"""Characters of the expressions of recording rules that are kept."""

_MOST_SELECTORS = 24
"""Of one rule."""

_MOST_OBJECTIVES = 200
_LONGEST_QUERY = 1 << 16
_DEEP = 8
_LONGEST = 300
_LATE = 3
"""Intervals without an evaluation after which a rule is late."""

_DAY = 86400.0
_CONDITION = "agentweave_watcher_condition"
_SYNTHETIC = ("ALERTS", "ALERTS_FOR_STATE")
_OBJECTIVE_LABELS = ("sloth_slo", "slo", "openslo_slo")
_OWN_ALERTS = {f"AgentWeave{condition}": control for condition, control in ANSWERED.items()}


class Sought(NamedTuple):
    """What tells whether a rule selects an agent."""

    selectors: tuple[Selector, ...]
    conditional: tuple[Selector, ...]  # series that say that the others will be there once something is known


@dataclass(frozen=True, slots=True)
class ReadRules:
    """The book, and for each of its rules what it selects."""

    book: RuleBook
    alerts: tuple[Sought, ...] = ()
    objectives: tuple[Sought, ...] = ()

    def untellable(self, numbers: Collection[int], why: str) -> Self:
        """With why it cannot be told of these alerting rules which series they select, where nothing else is wrong."""
        told = enumerate(self.book.alerts)
        alerts = (each._replace(untellable=each.untellable or why) if at in numbers else each for at, each in told)
        return replace(self, book=replace(self.book, alerts=tuple(alerts)))

    def within(self, labels: Mapping[str, str]) -> Self:
        """Without alerting rules that say by such a label that they are of elsewhere, as those of another cluster."""
        own = [
            number
            for number, rule in enumerate(self.book.alerts)
            if all(labels.get(name, value) == value for name, value in rule.labels)
        ]
        book = replace(self.book, alerts=tuple(self.book.alerts[number] for number in own))
        return replace(self, book=book, alerts=tuple(self.alerts[number] for number in own))


@dataclass(slots=True)
class _Recorded:
    """What the recording rules say."""

    by_name: dict[str, list[tuple[str, Mapping[str, str]]]] = field(default_factory=dict)
    length: int = 0
    cut: bool = False

    def add(self, name: str, query: str, labels: Mapping[str, str]) -> None:
        self.length += len(query)
        if self.length > _MOST_TEXT:
            self.cut = True
        else:
            self.by_name.setdefault(name, []).append((query, labels))


class RuleReader:
    """Takes groups as /api/v1/rules gives them, one by one."""

    def __init__(self, alerts: Mapping[str, str]) -> None:
        """`alerts`: the map of the config, control -> alert."""
        self._mapped = {alert: control for control, alert in alerts.items()}
        self._recorded, self._unread = _Recorded(), ""
        self._alerts: list[tuple[AlertRule, str, float]] = []  # with its expression, and when it is late
        self._objectives: dict[str, tuple[ObjectiveRule, str]] = {}

    def take(self, group: Any) -> None:
        """One group; ValueError where it has another shape."""
        for rule in _rules_of(group):
            query = _text(rule, "query", _LONGEST_QUERY)
            if rule.get("type") == "recording":
                self._recorded.add(_text(rule, "name"), query, _labels(rule))
                if (objective := _objective(rule)) is not None and len(self._objectives) < _MOST_OBJECTIVES:
                    self._objectives.setdefault(objective.objective, (objective, query))
            elif rule.get("type") != "alerting":
                raise ValueError("a rule is neither recording nor alerting")
            elif (alert := _alert(rule, group, self._mapped)) is not None:
                if len(self._alerts) < _MOST_RULES:
                    self._alerts.append((alert, query, _late_at(rule, group)))
                else:
                    self._unread = f"Of more than {_MOST_RULES:,} alerting rules the others were not read."

    def read(self, now: float) -> ReadRules:
        """All of them; `now`: Unix seconds by the clock of Prometheus."""
        sought = [_sought(query, self._recorded) for _, query, _ in self._alerts]
        told = [
            alert._replace(untellable=why, late=now > late_at)
            for (alert, _, late_at), (_, why) in zip(self._alerts, sought, strict=True)
        ]
        objectives = list(self._objectives.values())
        book = RuleBook(tuple(told), tuple(made for made, _ in objectives), self._unread)
        of_objectives = tuple(_sought(query, self._recorded)[0] for _, query in objectives)
        return ReadRules(book, tuple(found for found, _ in sought), of_objectives)


def own_labels_of(selector: Selector) -> bool:
    """Whether its series are a watcher's, which has the label job of its installation."""
    return selector.name.startswith(("agentweave_watcher_", "agentweave:"))


def _rules_of(group: Any) -> Sequence[Mapping[str, Any]]:
    rules = group.get("rules") if isinstance(group, dict) else None
    if rules is None:
        rules = []
    if not isinstance(rules, list) or not all(isinstance(each, dict) for each in rules):
        raise ValueError("a group of rules has another shape")
    return rules


def _alert(rule: Mapping[str, Any], group: Mapping[str, Any], mapped: Mapping[str, str]) -> AlertRule | None:
    name, labels, annotations = _text(rule, "name"), _labels(rule), rule.get("annotations")
    severity = labels.get("severity", "")
    control = labels.get(LABEL) or mapped.get(name) or _OWN_ALERTS.get(name, "")
    if not control and severity not in ("critical", "warning") and name != WATCHDOG:
        return None
    link = annotations.get("runbook_url") if isinstance(annotations, dict) else None
    return AlertRule(
        name=printable(name),
        group=printable(_text(group, "name")),
        health=_health(rule),
        error=printable(_text(rule, "lastError")),
        late=False,
        firing=rule.get("state") == "firing",
        severity=printable(severity),
        runbook_url=link[:_LONGEST] if isinstance(link, str) else "",
        control=control,
        labels=tuple(sorted(labels.items())),
    )


def _health(rule: Mapping[str, Any]) -> Health:
    found = rule.get("health")
    return Health.OK if found == "ok" else Health.ERR if found == "err" else Health.UNKNOWN


def _late_at(rule: Mapping[str, Any], group: Mapping[str, Any]) -> float:
    """Unix seconds from when on its last evaluation is too long ago; infinite of one that was never evaluated."""
    at, interval = _moment(rule.get("lastEvaluation")), group.get("interval")
    if at is None or not isinstance(interval, int | float) or isinstance(interval, bool) or not 0 < interval < _DAY:
        return math.inf
    return at + _LATE * max(float(interval), 1.0)


def _moment(text: object) -> float | None:
    """Unix seconds; None for what is no date, and for the year 1, which is Go's way to say never."""
    try:
        found = datetime.fromisoformat(text[:40]) if isinstance(text, str) else None
    except ValueError:
        return None
    return None if found is None or found.tzinfo is None or found.year == 1 else found.timestamp()


def _objective(rule: Mapping[str, Any]) -> ObjectiveRule | None:
    """Of Sloth, Pyrra and their like, by the labels that they give; also any rule with a label slo."""
    name, labels = _text(rule, "name"), _labels(rule)
    objective = next((labels[each] for each in _OBJECTIVE_LABELS if labels.get(each)), "")
    return ObjectiveRule(printable(name), printable(objective), _health(rule)) if objective else None


def _sought(query: str, recorded: _Recorded) -> tuple[Sought, str]:
    """What tells whether it selects an agent, and why it may not."""
    said = selected(query)
    found: dict[Selector, None] = {}
    why = said.untellable or _expand(said, recorded, found, frozenset(), 0)
    if len(found) > _MOST_SELECTORS:
        why = why or "it selects too much for one rule"
    kept = tuple(each for each in found if each.name not in _SYNTHETIC)[:_MOST_SELECTORS]
    if not kept:
        why = why or "its expression selects no series but those of alerts"
    unknown = tuple(Selector(f"{_CONDITION}_unknown", each.matchers) for each in kept if each.name == _CONDITION)
    return Sought(kept, unknown), why


def _expand(said: Selected, recorded: _Recorded, found: dict[Selector, None], seen: frozenset[str], deep: int) -> str:
    """Put in `found` what these select in the end; why it may be otherwise."""
    why = ""
    for selector in said.selectors:
        rules = recorded.by_name.get(selector.name, []) if deep < _DEEP else []
        if selector.name in seen:
            continue
        if not rules:
            found[selector] = None
            if recorded.cut and ":" in selector.name:
                why = why or "not all recording rules were read"
            continue
        for query, labels in rules:
            inner = selected(query)
            if inner.untellable and ":" in selector.name:
                found[selector] = None
                why = why or f"{printable(selector.name[:80])} is recorded from what cannot be told"
            passed = Selected(tuple(_within(selector, labels, inner.selectors)))
            why = _expand(passed, recorded, found, seen | {selector.name}, deep + 1) or why
    return why


def _within(selector: Selector, labels: Mapping[str, str], inner: Iterable[Selector]) -> Iterator[Selector]:
    """What the rule selects, as far as the selector of what it records asks for it."""
    if any(each[1] == "=" and labels.get(each[0], each[2][1:-1]) != each[2][1:-1] for each in selector.matchers):
        return
    passed = tuple(each for each in selector.matchers if each[0] not in labels and each[0] != "__name__")
    for each in inner:
        yield Selector(each.name, tuple(dict.fromkeys((*each.matchers, *passed))))


def _labels(rule: Mapping[str, Any]) -> dict[str, str]:
    found = rule.get("labels")
    given = found.items() if isinstance(found, dict) else ()
    return {str(name)[:_LONGEST]: value[:_LONGEST] for name, value in given if isinstance(value, str)}


def _text(rule: Mapping[str, Any], key: str, longest: int = _LONGEST) -> str:
    found = rule.get(key)
    return found[:longest] if isinstance(found, str) else ""
