"""Storms: fleets in which many agents fall ill at once, and what fires, evaluation by evaluation, in virtual time."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from probes import load_probes
from tests.alerting.promtool import Story, in_order, run_test
from tests.alerting.rules import RULES

STEP, SCRAPE = 15, 30
"""Seconds from one evaluation of the rules, and from one scrape, to the next."""

PROBES = {kind.name: probe.name for probe in load_probes() for kind in probe.conditions}
REASONS = {kind.name: (kind.reasons or (kind.name,))[0] for probe in load_probes() for kind in probe.conditions}
_ANSWER = re.compile(r'\{((?:[^}"]|"(?:[^"\\]|\\.)*")*)\} ([^\s,]+)')
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Agent:
    """One agent with one pod."""

    name: str
    namespace: str = "prod"
    node: str = "n1"


@dataclass(frozen=True)
class Ill:
    """One condition is true of an agent from one scrape on, before another, at all or at some of them."""

    agent: Agent
    condition: str
    begin: int
    end: int
    wavers: Callable[[int], bool] = lambda _: True


@dataclass(frozen=True)
class Installation:
    """One watcher with its agents; it is gone at these scrapes."""

    agents: Sequence[Agent]
    ills: Sequence[Ill]
    labels: Mapping[str, str] = field(default_factory=lambda: {"job": "watcher", "instance": "10.0.0.1:9847"})
    gone: range = range(0)


@dataclass(frozen=True)
class Alert:
    """An alert that fires from one evaluation on, before another; seconds."""

    labels: Mapping[str, str]
    begin: int
    end: int

    @property
    def name(self) -> str:
        """Its name, without AgentWeave."""
        return self.labels["alertname"].removeprefix("AgentWeave")

    @property
    def about(self) -> str:
        """Whom or what it is about."""
        of = self.labels
        where = of.get("agent") or of.get("namespace") or of.get("node") or ""
        return " ".join(filter(None, (self.name, of.get("condition", "") * ("FleetWide" in self.name), where)))


def fleet(count: int, namespaces: int = 1, nodes: int = 1) -> list[Agent]:
    """So many agents, spread evenly."""
    return [Agent(f"a{n:03d}", f"team-{n % namespaces}", f"n{n % nodes}") for n in range(count)]


def struck(agents: Iterable[Agent], condition: str, begin: int, end: int, spread: int = 2) -> list[Ill]:
    """All of these; the looks at them see it over `spread` scrapes, and its end as well."""
    return [Ill(agent, condition, begin + n % spread, end + n % spread) for n, agent in enumerate(agents)]


def story(name: str, scrapes: int, *installations: Installation) -> Story:
    """The series of all that."""
    made = Story(name)
    for each in installations:
        _watcher(made, each, scrapes)
        for agent in each.agents:
            of = {**each.labels, "namespace": agent.namespace, "agent": agent.name, "pod": f"{agent.name}-0"}
            made.add("target_info", _values(each, ["1"] * scrapes), **of, node=agent.node)
        for condition in dict.fromkeys(ill.condition for ill in each.ills):
            _condition(made, each, condition, scrapes)
    return made


def _values(of: Installation, values: Sequence[str]) -> str:
    return " ".join("stale" if at in of.gone else value for at, value in enumerate(values))


def _watcher(made: Story, of: Installation, scrapes: int) -> None:
    for name in ("build_info", "discovery_last_success_timestamp_seconds", "shards"):
        made.add(name, _values(of, ["1"] * scrapes), **of.labels)
    made.add("active", _values(of, ["1"] * scrapes), **of.labels, shard="0")
    made.add("heartbeat_timestamp_seconds", _values(of, [str(SCRAPE * at) for at in range(scrapes)]), **of.labels)


def _condition(made: Story, of: Installation, condition: str, scrapes: int) -> None:
    probe, trues = PROBES[condition], [0] * scrapes
    ills = {ill.agent: ill for ill in of.ills if ill.condition == condition}
    for agent in of.agents:
        ill = ills.get(agent)
        true = [ill is not None and ill.begin <= at < ill.end and ill.wavers(at) for at in range(scrapes)]
        trues = [count + each for count, each in zip(trues, true, strict=True)]
        labels = {**of.labels, "namespace": agent.namespace, "agent": agent.name, "pod": f"{agent.name}-0"}
        place = {"probe": probe, "condition": condition}
        made.add("condition", _values(of, [str(int(each)) for each in true]), **labels, **place)
        reasons = _values(of, ["1" if each else "stale" for each in true])
        made.add("condition_reason_info", reasons, **labels, **place, reason=REASONS[condition])
    for status, counts in (("true", trues), ("false", [len(of.agents) - count for count in trues])):
        values = _values(of, [str(count) for count in counts])
        made.add("conditions", values, **of.labels, probe=probe, condition=condition, status=status)


def timeline(version: str, told: Story, minutes: int, directory: Path, rules: Path = RULES) -> list[Alert]:
    """All alerts that fire, in their order, by the rules of a folder."""
    files = sorted(rules.glob("*.yaml"))
    moments = range(0, 60 * minutes, STEP)
    document = {
        "rule_files": [str(file) for file in files],
        "evaluation_interval": f"{STEP}s",
        "group_eval_order": in_order(files),
        "tests": [told.document() | {"promql_expr_test": [_question(at) for at in moments]}],
    }
    passed, answers = run_test(version, document, directory / "storm.yaml", 600)
    assert passed or 'asked="' in answers, answers
    return _alerts(answers)


def _question(at: int) -> dict[str, object]:
    firing = 'ALERTS{alertstate="firing", alertname!="AgentWeaveWatchdog"}'  # that one always does
    asked = f'label_replace({firing}, "asked", "{at}", "", "")'
    return {"expr": asked, "eval_time": f"{at}s", "exp_samples": []}  # whatever there is, is told as a failure


def _alerts(answers: str) -> list[Alert]:
    moments: dict[tuple[tuple[str, str], ...], dict[int, None]] = {}
    for text, _ in _ANSWER.findall(answers):
        labels = dict(_LABEL.findall(text))
        at = int(labels.pop("asked"))
        told = tuple(sorted((name, each) for name, each in labels.items() if name not in ("__name__", "alertstate")))
        moments.setdefault(told, {})[at] = None
    found = []
    for told, seen in moments.items():
        begins = [at for at in seen if at - STEP not in seen]
        ends = [at + STEP for at in seen if at + STEP not in seen]
        found += [Alert(dict(told), begin, end) for begin, end in zip(begins, ends, strict=True)]
    return sorted(found, key=lambda alert: (alert.begin, alert.about))


def counted(alerts: Iterable[Alert]) -> Counter[str]:
    """How often each began."""
    return Counter(alert.about for alert in alerts)
