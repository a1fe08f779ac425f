"""Dashboards show nothing that reads as good of what nobody watches: a property over all panels.

A healthy fleet with every series that there is; then its watcher dies, stalls, or loses a shard, and another
installation goes on meanwhile. Rules and queries are evaluated by a real Prometheus, in virtual time.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from probes import load_probes
from probes.contract import Metric
from tests.alerting.dashboards import FILES, Cell, Json, chosen, panels, read, shown
from tests.alerting.evaluated import Question, evaluated
from tests.alerting.promtool import Story, both_versions
from tests.servers.prometheus_server import Series
from watcher.metrics.families import CHECKLIST_FAMILIES, FAMILIES, PREFIX

SCRAPE, DEATH = 30, 1200
SOON, LATER = DEATH + 45, DEATH + 600
ALL = (GONE, OTHER) = ("team-a", "team-b")
EVERY = ".*"
AGENTS = (("prod", "search"), ("prod", "billing"))
BAD = ("red", "orange", "yellow")

IN_TROUBLE_ONLY = {
    *("condition_unknown", "condition_reason_info", "subjects_dropped", "target_problems", "pods_not_watched"),
    *("memory_drift_bytes_per_second", "memory_exhaustion_timestamp_seconds", "pool_exhaustion_timestamp_seconds"),
    *("circuit_breaker_open_since_timestamp_seconds", "svid_served_info", "opa_decision_p95_seconds"),
    "process_restarts",
    *("control_not_met", "control_regressed_timestamp_seconds", "controls_dropped"),
    *("record_expiring_timestamp_seconds", "records_invalid"),
}
"""Series that a healthy fleet does not have."""

VALUES = {
    "heartbeat_timestamp_seconds": "0+30",
    "discovery_last_success_timestamp_seconds": "0+30",
    "checklist_last_complete_timestamp_seconds": "0+30",
    "opa_bundle_last_success_timestamp_seconds": "0+30",
    "svid_not_before_timestamp_seconds": "-1000+0",
    "svid_not_after_timestamp_seconds": "9000+0",
    "trust_bundle_not_after_timestamp_seconds": "90000000+0",
    "review_due_timestamp_seconds": "90000000+0",
    "memory_limit_bytes": "1000000+0",
    "pool_capacity": "100+0",
    "cpu_limit_cores": "10+0",
    **dict.fromkeys(("slo_error_ratio", "slo_slow_ratio", "slo_latency_p95_seconds"), "0.001+0"),
    **dict.fromkeys(("condition", "impaired", "drill_failures"), "0+0"),
}
"""What begins with so much and grows by so much a scrape; else 1, and a counter grows by 1."""

LABELS = {
    "state": "closed",
    "severity": "critical",
    "reason": "Isolated",
    "shard": "0",
    "source": "opa",
    "status": "false",
}
"""Values of labels; else the label's own name."""

OF_CHECKLIST = {
    "readiness": {"verdict": "ready", "profile": "checklist"},
    "readiness_controls": {"section": "security", "state": "pass"},
}
"""Labels of series of agents beside these."""

EMPTY_WHERE_ALL_IS_WELL = {
    *("Alert history", "Alerts about the watcher and the whole fleet", "Unknown verdicts by probe and reason"),
    *("Transitions", "Drift", "Slow decisions", "Restarts"),
}

OF_OTHERS = {
    'prometheus_notifications_alertmanagers_discovered{job="prometheus"}': "1+0",
    'prometheus_notifications_errors_total{job="prometheus",alertmanager="am"}': "0+0",
    'prometheus_notifications_dropped_total{job="prometheus"}': "0+0",
    'prometheus_notifications_queue_length{job="prometheus"}': "0+0",
    'prometheus_notifications_queue_capacity{job="prometheus"}': "10000+0",
    'alertmanager_notifications_total{job="alertmanager",integration="pagerduty"}': "0+0",
    'alertmanager_notifications_failed_total{job="alertmanager",integration="pagerduty"}': "0+0",
}

Told = Mapping[str, list[tuple[Json, list[Cell]]]]
"""Dashboard -> its panels, and what they show."""


def _fleet(
    made: Story, job: str, *, gone: bool = False, stalled: bool = False, shard: str = "0", shards: int = 1
) -> None:
    """All series of a healthy installation, which may come to an end."""
    process = {"job": job, "instance": f"{job}-{shard}:9847"}

    def add(name: str, **labels: str) -> None:
        metric = next((each for each in _declared() if name.startswith(each.name)), None)
        grows = "0+1" if metric and metric.kind != "gauge" else "1+0"
        values = f"{shards}+0" if name == "shards" else VALUES.get(name, grows)
        if stalled and name == "heartbeat_timestamp_seconds":
            made.add(name, f"0+30x{DEATH // SCRAPE} {DEATH}+0x40", **process, **labels)
        else:
            made.add(name, _until(values, gone), **process, **labels)

    for metric in _declared():
        endings = ("_bucket", "_sum", "_count") if metric.kind == "histogram" else ("",)
        for each, ending in ((each, ending) for each in _labels(metric, shard) for ending in endings):
            add(metric.name + ending, **each, **({"le": "+Inf"} if ending == "_bucket" else {}))
    for name in ("process_resident_memory_bytes", "process_cpu_seconds_total"):
        add(name)
    for name in ("up", "scrape_samples_scraped", "scrape_duration_seconds"):
        told = f'{name}{{job="{job}",instance="{process["instance"]}"}}'
        made.series[told] = f"1+0x{DEATH // SCRAPE - 1} 0+0x40" if gone else "1+0x100"


def _until(values: str, gone: bool) -> str:
    return f"{values}x{DEATH // SCRAPE - 1} stale" if gone else f"{values}x100"


@cache
def _declared() -> tuple[Metric, ...]:
    told = (*FAMILIES, *(metric for probe in load_probes() for metric in probe.metrics))
    return tuple(each for each in told if each.name not in IN_TROUBLE_ONLY)


def _labels(metric: Metric, shard: str) -> Iterator[dict[str, str]]:
    own = {label: LABELS.get(label, label) for label in metric.labels} | (
        {"shard": shard} if "shard" in metric.labels else {}
    )
    if metric in CHECKLIST_FAMILIES:
        for namespace, agent in AGENTS:
            yield {"namespace": namespace, "agent": agent} | OF_CHECKLIST.get(metric.name, {})
    elif metric.name == "conditions":
        yield from ({"probe": probe, "condition": kind, "status": "false"} for probe, kind in _kinds())
    elif metric.fleet:
        yield own
    else:
        for namespace, agent in AGENTS:
            agents = {"namespace": namespace, "agent": agent, "pod": f"{agent}-{shard}"}
            if metric.name == "condition":
                yield from (agents | {"probe": probe, "condition": kind} for probe, kind in _kinds())
            else:
                yield agents | own | ({"node": "n1"} if metric.name == "target_info" else {})


def _kinds() -> list[tuple[str, str]]:
    return [(probe.name, kind.name) for probe in load_probes() for kind in probe.conditions]


def _story(name: str) -> Story:
    made = Story(name)
    made.series |= {series: f"{values}x100" for series, values in OF_OTHERS.items()}
    if name in ("dead", "healthy", "other alive"):
        _fleet(made, GONE, gone=name != "healthy")
    if name == "other alive":
        _fleet(made, OTHER)
    if name == "stalled":
        _fleet(made, GONE, stalled=True)
    if name == "a shard is gone":
        _fleet(made, GONE, shards=2)
        _fleet(made, GONE, shard="1", gone=True, shards=2)
    return made


ASKED = {
    "healthy": [(LATER, EVERY)],
    "dead": [(SOON, EVERY), (LATER, EVERY)],
    "stalled": [(LATER, EVERY)],
    "a shard is gone": [(SOON, EVERY)],
    "other alive": [(LATER, EVERY), (LATER, GONE), (LATER, OTHER)],
}
"""When the panels are looked at, and which watcher is chosen."""


@cache
def _boards() -> dict[str, list[Json]]:
    return {file.stem: panels(read(file)) for file in FILES}


@cache
def _answers(version: str, name: str) -> Mapping[Question, list[Series]]:
    texts = {each["expr"] for board in _boards().values() for panel in board for each in panel["targets"]}
    asked = {(at, chosen(text, job=job)) for text in sorted(texts) for at, job in ASKED[name]}
    with TemporaryDirectory() as directory:
        return evaluated(version, _story(name), sorted(asked), Path(directory))


def _told(version: str, name: str, at: int, job: str) -> Told:
    answers = _answers(version, name)

    def answer(panel: Json) -> list[list[Series]]:
        return [answers.get((at, chosen(each["expr"], job=job)), []) for each in panel["targets"]]

    return {
        name: [(panel, shown(panel, answer(panel))) for panel in board if _is_of_watchers(panel)]
        for name, board in _boards().items()
    }


def _is_of_watchers(panel: Json) -> bool:
    """Not about Prometheus and Alertmanager, which go on when a watcher dies."""
    return any("$job" in each["expr"] for each in panel["targets"])


def _cells(told: Told) -> Iterator[tuple[str, Json, Cell]]:
    for board, all_shown in told.items():
        yield from ((f"{board}: {panel['title']}: {cell}", panel, cell) for panel, cells in all_shown for cell in cells)


def _says_not_watched(panel: Json, cells: list[Cell]) -> bool:
    """Whether nobody can take what is shown for the whole truth."""
    return any(cell.text == "not watched" or (panel["type"] == "stat" and cell.colour in BAD) for cell in cells)


def _lacking(told: Told) -> list[str]:
    """Tiles and tables that do not say that nobody watches."""
    return [
        f"{board}: {panel['title']}: {cells}"
        for board, all_shown in told.items()
        for panel, cells in all_shown
        if panel["type"] in ("stat", "table") and not _says_not_watched(panel, cells)
    ]


def _is_healthy(told: Told) -> None:
    assert [where for where, _, cell in _cells(told) if cell.text == "not watched" or cell.colour in BAD] == []
    empty = [
        where for where, panel, cell in _cells(told) if panel["type"] == "stat" and not cell.labels and not cell.colour
    ]
    assert empty == []
    nothing = [where for where, panel, cell in _cells(told) if cell.text == panel["fieldConfig"]["defaults"]["noValue"]]
    assert [where for where in nothing if where.split(": ")[1] not in EMPTY_WHERE_ALL_IS_WELL] == []


@both_versions
def test_of_a_healthy_fleet_every_panel_shows_something_and_nothing_reads_as_bad(version: str) -> None:
    told = _told(version, "healthy", LATER, EVERY)
    _is_healthy(told)
    stats = [panel["title"] for shown_ in told.values() for panel, _ in shown_ if panel["type"] == "stat"]
    green = {where.split(": ")[1] for where, _, cell in _cells(told) if cell.colour == "green"}
    assert {"Agents in trouble", "Critical alerts", "Unknown verdicts", "Watcher's last progress"} <= green & set(stats)


@both_versions
@pytest.mark.parametrize(("name", "job"), [("dead", EVERY), ("other alive", GONE)])
def test_of_a_watcher_that_is_dead_for_ten_minutes_no_panel_shows_what_reads_as_good(
    version: str, name: str, job: str
) -> None:
    told = _told(version, name, LATER, job)
    assert [where for where, _, cell in _cells(told) if cell.colour == "green"] == []
    assert _lacking(told) == []
    numbers = [
        where
        for where, panel, cell in _cells(told)
        if cell.labels.get("note") != "not watched" and "alertname" not in cell.labels and cell.colour not in BAD
        if cell.text not in ("not watched", panel["fieldConfig"]["defaults"]["noValue"])
        if any("agentweave" in each["expr"] for each in panel["targets"])
    ]
    assert numbers == [], "numbers of the past"


@pytest.mark.parametrize("name", ["dead", "stalled", "a shard is gone"])
def test_nothing_is_green_as_soon_as_a_watcher_is_gone_or_stalls_or_lost_a_shard(name: str) -> None:
    told = _told("current", name, *ASKED[name][0])
    green = [where for where, _, cell in _cells(told) if cell.colour == "green"]
    assert [where for where in green if not where.startswith("watcher: Scrapes: ")] == []
    assert _lacking(told) == []


@both_versions
def test_while_another_installation_is_alive_what_is_green_is_of_that_one_and_says_so(version: str) -> None:
    told = _told(version, "other alive", LATER, EVERY)
    green = [(where, cell.labels.get("job")) for where, _, cell in _cells(told) if cell.colour == "green"]
    assert {job for _, job in green} == {OTHER}, green
    assert _lacking(told) == []


def test_the_last_progress_is_that_of_the_watcher_that_made_none_for_longest() -> None:
    told = _told("current", "other alive", LATER, EVERY)
    cells = [cell for panel, cells in told["fleet"] for cell in cells if panel["title"] == "Watcher's last progress"]
    assert [(cell.text, cell.colour) for cell in cells] == [(f"{LATER - DEATH + SCRAPE}", "red")]


@both_versions
def test_an_installation_that_is_alive_is_shown_as_healthy_whoever_else_is_dead(version: str) -> None:
    _is_healthy(_told(version, "other alive", LATER, OTHER))


def test_what_was_true_when_the_watcher_died_is_still_shown(tmp_path: Path) -> None:
    made = _story("dead")
    ill = f'{{job="{GONE}",instance="{GONE}-0:9847",namespace="prod",agent="search",pod="search-0",probe="svid",'
    condition = next(
        each for each in made.series if each.startswith(f"{PREFIX}condition{{") and "AgentUnreachable" in each
    )
    made.series[condition] = _until("1+0", gone=True)
    made.series[f'{PREFIX}condition_reason_info{ill}condition="AgentUnreachable",reason="Lost"}}'] = _until(
        "1+0", gone=True
    )
    fleet = {panel["title"]: panel for panel in panels(read(next(file for file in FILES if file.stem == "fleet")))}

    def cells(title: str) -> list[Cell]:
        asked = [(LATER, chosen(each["expr"])) for each in fleet[title]["targets"]]
        answers = evaluated("current", made, asked, tmp_path)
        return shown(fleet[title], [answers.get(each, []) for each in asked])

    assert [(cell.text, cell.colour) for cell in cells("Agents in trouble")] == [("1", "orange")]
    assert [(cell.text, cell.colour) for cell in cells("Critical alerts")] == [("2", "red")]
    rows = {cell.labels.get("condition", cell.labels.get("note")) for cell in cells("Failing conditions")}
    assert rows == {"AgentUnreachable", "not watched"}
