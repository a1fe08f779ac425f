"""The Grafana dashboards: what they ask for exists, gives data from the demo, and lies well on the grid."""

import copy
import json
import math
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

import watcher
from probes import load_probes
from probes.contract import Metric
from tests.servers.process import eventually, port_of, running, status_of
from tests.servers.prometheus_server import PrometheusServer, Series, run_prometheus
from tests.servers.tools import need
from watcher.metrics.families import FAMILIES, PREFIX

ALERTS = Path(watcher.__file__).parent / "alerting" / "alerts"
RULES = sorted((ALERTS / "rules").glob("*.yaml"))
FILES = sorted((ALERTS / "dashboards").glob("*.json"))
UIDS = {f"agentweave-{name}": f"AgentWeave / {name.title()}" for name in ("agent", "fleet", "watcher")}

OF_PROMETHEUS = {"ALERTS", "ALERTS_FOR_STATE", "up", "scrape_samples_scraped", "scrape_duration_seconds"}
LABELS_OF_OTHERS = {
    *("namespace", "agent", "pod", "node", "workload", "spiffe_id"),
    *("probe", "condition", "subject", "reason", "status"),
    *("alertname", "alertstate", "severity", "component"),
    *("job", "instance", "cluster", "le"),
}
WITHOUT_AGENT = 'agent=""'
"""Alerts about the watcher itself: there are none until the demo has ended."""

NOT_IN_THE_DEMO = {
    "label_values(agentweave_watcher_build_info, cluster)": "a single Prometheus has no such label",
    "memory_drift_bytes_per_second": "told from hours of history",
    "memory_exhaustion_timestamp_seconds": "told from hours of history",
    "pool_exhaustion_timestamp_seconds": "told from half an hour of history",
    "opa_bundle_info": "the demo's policies are put into OPA without a bundle",
    "opa_bundle_last_success_timestamp_seconds": "the demo's policies are put into OPA without a bundle",
    "subjects_dropped": "no agent of the demo has more than 50",
    "target_problems": "the demo lists its agents, and all that there is to know of them",
    "pods_not_watched": "the demo has no Kubernetes",
    "discovery_pods": "the demo has no Kubernetes",
    "events_total": "the demo has no Kubernetes",
    "drill_failures": "the demo has no Alertmanager",
    "drill_last_success_timestamp_seconds": "the demo has no Alertmanager",
}

ON_NO_DASHBOARD = {
    "trust_bundle_not_before_timestamp_seconds": "what is left of a bundle is shown; when it began matters to a rule",
}

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_LABELS = re.compile(r"\{([^}]*)\}|\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_RANGE = re.compile(r"\[[^\]]*\]")
_WORD = re.compile(r"(?<![\w:$])[a-zA-Z_:][\w:]*")
_SERIES = re.compile(rf"{_WORD.pattern}(?![\w:]|\s*\()")
_KEYWORDS = {"and", "or", "unless", "offset", "bool"}
_LABEL_VALUES = re.compile(r"label_values\((.+), (\w+)\)")
_RATE = re.compile(r"\b(?:rate|irate|increase|delta)\([^\[]*\[([^\]]*)\]")
_HARD_WIRED = re.compile(r'\b(?:job|instance|cluster|namespace|agent|pod)\s*(?:=~|!~|!=|=)\s*"(?!"|\$)[^"]*"')
_DATA_LINK = re.compile(r"/d/([\w-]+)(?:\?([^\"]*))?")

Json = dict[str, Any]


class Query(NamedTuple):
    """One question to Prometheus, and where it stands."""

    file: str
    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}: {self.where}: {self.text}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_dashboard_has_no_mistake(file: Path) -> None:
    found = list(mistakes(file.name, _read(file)))
    assert not found, "\n".join(found)


def test_there_is_a_dashboard_for_the_fleet_an_agent_and_the_watcher() -> None:
    assert {each["uid"]: each["title"] for each in map(_read, FILES)} == UIDS


@pytest.mark.parametrize("file", RULES, ids=lambda file: file.stem)
def test_an_alert_leads_to_a_dashboard(file: Path) -> None:
    assert list(_link_mistakes(file.read_text())) == []


def test_a_file_that_is_not_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "fleet.json").write_text('{"uid": "agentweave-fleet",}')
    with pytest.raises(ValueError, match=r"fleet\.json: .* line 1 column"):
        _read(tmp_path / "fleet.json")


def _read(file: Path) -> Json:
    try:
        read: Json = json.loads(file.read_text())
    except ValueError as error:
        raise ValueError(f"{file.name}: {error}") from error
    return read


PLANTED: dict[str, tuple[Callable[[Json], object], str]] = {
    "a series that nobody exports": (lambda at: _target(at).update(expr="agentweave_watcher_tagrets"), "tagrets"),
    "a label that nothing carries": (lambda at: _target(at).update(expr="sum by (namspace) (up)"), "namspace"),
    "a fixed range": (lambda at: _target(at).update(expr="rate(up[5m])"), "[5m]"),
    "a fixed namespace": (lambda at: _target(at).update(expr='up{namespace="prod"}'), 'namespace="prod"'),
    "an unknown variable": (lambda at: _target(at).update(expr='up{pod=~"$pod"}'), "$pod"),
    "another data source": (
        lambda at: _target(at).update(datasource={"type": "prometheus", "uid": "x"}),
        "data source",
    ),
    "no description": (lambda at: _panel(at).update(description=""), "description"),
    "no unit": (lambda at: _panel(at)["fieldConfig"]["defaults"].pop("unit"), "unit"),
    "two panels in one place": (lambda at: _panel(at).update(gridPos={"x": 0, "y": 1, "w": 24, "h": 9}), "overlaps"),
    "a panel over the edge": (lambda at: _panel(at).update(gridPos={"x": 20, "y": 0, "w": 5, "h": 4}), "grid"),
    "a link to nowhere": (lambda at: at["links"][0].update(url="/d/agentweave-flet"), "agentweave-flet"),
    "no link to another": (lambda at: at["links"].pop(), "links"),
    "the data source not first": (lambda at: at["templating"]["list"].reverse(), "datasource"),
    "inputs": (lambda at: at.update(__inputs=[]), "__inputs"),
    "editable": (lambda at: at.update(editable=True), "editable"),
}


@pytest.mark.parametrize(("plant", "named"), PLANTED.values(), ids=PLANTED)
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_mistake_is_named(file: Path, plant: Callable[[Json], object], named: str) -> None:
    dashboard = copy.deepcopy(_read(file))
    plant(dashboard)
    found = list(mistakes(file.name, dashboard))
    assert any(each.startswith(file.name) and named in each for each in found), found


def _panel(dashboard: Json) -> Json:
    first: Json = next(panel for panel in dashboard["panels"] if panel["type"] != "row")
    return first


def _target(dashboard: Json) -> Json:
    first: Json = _panel(dashboard)["targets"][0]
    return first


def mistakes(file: str, dashboard: Json) -> Iterator[str]:
    """What is wrong with a dashboard: file, place and the matter, a line each."""
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    found = [
        *_dashboard_mistakes(dashboard),
        *_grid_mistakes(dashboard["panels"]),
        *_link_mistakes(json.dumps(dashboard)),
    ]
    for panel in panels:
        found += [f"{panel.get('title')}: {each}" for each in _panel_mistakes(panel)]
    yield from (f"{file}: {each}" for each in found)
    variables = {each["name"] for each in dashboard["templating"]["list"]}
    for query in _queries(file, dashboard):
        yield from (f"{query}: {each}" for each in _query_mistakes(query.text, variables))


def _dashboard_mistakes(dashboard: Json) -> Iterator[str]:
    others = [f"/d/{uid}" for uid in UIDS if uid != dashboard["uid"]]
    links = [each["url"] for each in dashboard["links"] if each["keepTime"] and each["includeVars"]]
    if sorted(links) != others:
        yield f"links to {links}, not to {others}"
    if dashboard["editable"] or not dashboard["tags"] or dashboard["schemaVersion"] < 39 or "__inputs" in dashboard:
        yield "is editable, has no tags, an old schemaVersion or __inputs"
    first, *rest = dashboard["templating"]["list"]
    if (first["name"], first["type"], first["query"]) != ("datasource", "datasource", "prometheus"):
        yield f"the first variable is {first['name']} and not datasource"
    for each in (*(each for each in rest if each["type"] == "query"), *dashboard["annotations"]["list"]):
        if not _ours(each):
            yield f"{each['name']}: another data source"


def _ours(asked: Json) -> bool:
    return bool(asked["datasource"] == {"type": "prometheus", "uid": "${datasource}"})


def _panel_mistakes(panel: Json) -> Iterator[str]:
    said = {"title": panel.get("title"), "description": panel.get("description")}
    said["unit"] = panel["fieldConfig"]["defaults"].get("unit")
    yield from (f"no {name}" for name, text in said.items() if not text)
    if not all(_ours(each) for each in (panel, *panel["targets"])):
        yield "another data source"


def _grid_mistakes(panels: list[Json]) -> Iterator[str]:
    taken: dict[tuple[int, int], str] = {}
    for panel in panels:
        title, place = str(panel["title"]), panel["gridPos"]
        x, y, w, h = (place[side] for side in "xywh")
        if not (0 <= x < x + w <= 24 and h > 0 <= y):
            yield f"{title}: is not on the grid: {place}"
        cells = set(product(range(x, x + w), range(y, y + h)))
        yield from sorted({f"{title}: overlaps {taken[cell]}" for cell in cells & taken.keys()})
        taken |= dict.fromkeys(cells, title)
    yield from (f"id {each} twice" for each, times in Counter(panel["id"] for panel in panels).items() if times > 1)


def _link_mistakes(text: str) -> Iterator[str]:
    variables = {each["uid"]: {of["name"] for of in each["templating"]["list"]} for each in map(_read, FILES)}
    for uid, query in _DATA_LINK.findall(text):
        given = set(re.findall(r"var-(\w+)=|\$\{(\w+):queryparam\}", query))
        unknown = {"".join(each) for each in given} - variables.get(uid, set())
        if uid not in variables or unknown:
            yield f"a link to {uid} {' '.join(unknown)}, which is not there"


def _queries(file: str, dashboard: Json) -> Iterator[Query]:
    """Every query of the panels, the variables and the annotations."""
    for panel in dashboard["panels"]:
        yield from (Query(file, panel["title"], each["expr"]) for each in panel.get("targets", ()))
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            yield Query(file, f"variable {variable['name']}", variable["query"]["query"])
    yield from (Query(file, f"annotation {each['name']}", each["expr"]) for each in dashboard["annotations"]["list"])


def _query_mistakes(text: str, variables: set[str]) -> Iterator[str]:
    asked = _LABEL_VALUES.fullmatch(text)
    expression, labels = (asked[1], {asked[2]}) if asked else (text, set())
    plain = _STRING.sub('""', expression)
    for inside, grouped in _LABELS.findall(plain):
        labels |= set(_WORD.findall(inside + grouped))
    yield from (f"no such series: {each}" for each in sorted(_names(expression) - series_there_are()))
    yield from (f"no such label: {each}" for each in sorted(labels - labels_there_are()))
    yield from (f"a range of [{each}]" for each in _RATE.findall(expression) if each != "$__rate_interval")
    yield from (f"hard-wired: {each}" for each in _HARD_WIRED.findall(expression))
    unknown = set(re.findall(r"\$(\w+)", expression)) - variables - {"__rate_interval"}
    yield from (f"no such variable: ${each}" for each in sorted(unknown) if not each.isdigit())


def _names(expression: str) -> set[str]:
    """The series that it asks for."""
    plain = _STRING.sub('""', expression)
    return set(_SERIES.findall(_RANGE.sub("", _LABELS.sub("", plain)))) - _KEYWORDS


def _declared() -> Iterator[Metric]:
    yield from FAMILIES
    yield from (metric for probe in load_probes() for metric in probe.metrics)


@cache
def series_there_are() -> set[str]:
    """What Prometheus has once it scrapes the daemon and loads the rules."""
    recorded = {rule["record"] for rule in _rules(RULES) if "record" in rule}
    endings = {"histogram": ("_bucket", "_sum", "_count")}
    exported = {PREFIX + each.name + ending for each in _declared() for ending in endings.get(each.kind, ("",))}
    own = {PREFIX + name for name in ("process_resident_memory_bytes", "process_cpu_seconds_total")}  # the library's
    return exported | recorded | own | OF_PROMETHEUS


@cache
def labels_there_are() -> set[str]:
    """What a series of ours or an alert can carry."""
    return LABELS_OF_OTHERS.union(*(metric.labels for metric in _declared()))


def _rules(files: Iterable[Path]) -> Iterator[Json]:
    for file in files:
        for group in yaml.load(file.read_text(), Loader=yaml.CSafeLoader)["groups"]:
            yield from group["rules"]


def test_every_query_gives_data_from_the_demo(tmp_path: Path) -> None:
    need("prometheus")  # before the demo runs, not after
    rules = list(_at_once(tmp_path))
    queries = [each for file in FILES for each in _queries(file.name, _read(file))]
    own = [each for each in queries if WITHOUT_AGENT in each.text]
    excused = [each for each in queries if _excused(each)]
    with ExitStack() as stack:
        with _demo(tmp_path) as page:
            # Twice, as while one watcher takes over from another: nothing may match many to many.
            twice = run_prometheus(page, page, rules=rules, pinned=True)
            servers = [stack.enter_context(each) for each in (run_prometheus(page, rules=rules), twice)]
            _wait_for_data(product(servers, [each for each in queries if each not in own and each not in excused]), 150)
            for server, query in product(servers, excused):
                _data(server, query)  # no error either
        _wait_for_data(product(servers, own), 20)


def test_no_excuse_is_left_over() -> None:
    texts = [each.text for file in FILES for each in _queries(file.name, _read(file))]
    assert [excuse for excuse in NOT_IN_THE_DEMO if not any(excuse in text for text in texts)] == []


def test_every_series_is_on_a_dashboard() -> None:
    shown = {name for file in FILES for query in _queries(file.name, _read(file)) for name in _names(query.text)}
    recorded = {rule["record"]: rule["expr"] for rule in _rules(RULES) if "record" in rule}
    while made_of := {name for each in shown & recorded.keys() for name in _names(recorded[each])} - shown:
        shown |= made_of
    endings = ("", "_bucket", "_sum", "_count")
    not_shown = [
        each.name for each in _declared() if not any(PREFIX + each.name + ending in shown for ending in endings)
    ]
    assert not_shown == list(ON_NO_DASHBOARD)


@contextmanager
def _demo(home: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "watcher", "demo", "--port", "0"]
    # What it leaves behind when it is killed is pytest's to clear away.
    with running(command, _metrics_page, environment={"TMPDIR": str(home)}) as page:
        yield page


def _metrics_page(process: "subprocess.Popen[bytes]") -> str | None:
    port = port_of(process)
    return f"http://127.0.0.1:{port}/metrics" if port and status_of(port, "/readyz") == 200 else None


def _at_once(directory: Path) -> Iterator[Path]:
    """The rules as they are, but no alert waits: no fault of the demo lasts as long as a `for`."""
    for file in RULES:
        rules = yaml.load(file.read_text(), Loader=yaml.CSafeLoader)
        for group in rules["groups"]:
            group.pop("interval", None)
            for rule in group["rules"]:
                rule.pop("for", None)
        (directory / file.name).write_text(json.dumps(rules))
        yield directory / file.name


def _excused(query: Query) -> bool:
    return any(excuse in query.text for excuse in NOT_IN_THE_DEMO)


def _wait_for_data(asked: Iterable[tuple[PrometheusServer, Query]], within: float) -> None:
    """Until each query has given data once; AssertionError with those that did not."""
    waiting = list(asked)

    def all_answered() -> bool:
        waiting[:] = [(server, query) for server, query in waiting if not _data(server, query)]
        return not waiting

    with suppress(AssertionError):
        eventually(all_answered, within=within)
    assert not waiting, "\n".join(str(query) for _, query in waiting)


def _data(server: PrometheusServer, query: Query) -> list[object]:
    text = query.text.removesuffix(" or vector(0)")  # which would always be data
    text = re.sub(r"\$[a-z]+", ".*", text.replace("$__rate_interval", "5s"))
    asked = _LABEL_VALUES.fullmatch(text)
    try:
        return [*server.label_values(asked[1], asked[2])] if asked else [*_numbers(server.query(text))]
    except AssertionError as error:
        raise RuntimeError(f"{query}: {error}") from error


def _numbers(answer: list[Series]) -> Iterator[float]:
    yield from (each.value for each in answer if not math.isnan(each.value))
