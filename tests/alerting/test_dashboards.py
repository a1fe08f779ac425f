"""The Grafana dashboards: what they ask for exists, gives data from the demo, and lies well on the grid.

What they show of what nobody watches is in tests/alerting/test_dashboards_watched.py.
"""

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

import httpx
import pytest
import yaml

from probes import load_probes
from probes.contract import Metric
from tests.alerting.dashboards import FILES, GREY, LABEL_VALUES, Json, Query, panels, queries, read
from tests.repository import ROOT
from tests.servers.alertmanager_server import run_alertmanager
from tests.servers.process import eventually, port_of, running, status_of
from tests.servers.prometheus_server import PrometheusServer, Series, run_prometheus
from tests.servers.tools import need
from watcher.alerting.dashboards.maker import dashboard_files
from watcher.alerting.files import RUNBOOK_URL, WATCHER_URL
from watcher.metrics.families import FAMILIES, PREFIX

RULES = sorted((ROOT / "alerts" / "rules").glob("*.yaml"))
UIDS = {f"agentweave-{name}": f"AgentWeave / {name.title()}" for name in ("agent", "fleet", "readiness", "watcher")}

OF_PROMETHEUS = {"ALERTS", "ALERTS_FOR_STATE", "up", "scrape_samples_scraped", "scrape_duration_seconds"}
ON_PAGE_OF = {
    "prometheus": {f"prometheus_notifications_{each}" for each in ("alertmanagers_discovered", "queue_length")}
    | {f"prometheus_notifications_{each}" for each in ("queue_capacity", "errors_total", "dropped_total")},
    "alertmanager": {"alertmanager_notifications_total", "alertmanager_notifications_failed_total"},
}
"""What these say of themselves; their jobs are not the watcher's."""

LABELS_OF_OTHERS = {
    *("namespace", "agent", "pod", "node", "workload", "spiffe_id"),
    *("probe", "condition", "subject", "reason", "status"),
    *("alertname", "alertstate", "severity", "component"),
    *("phase", "until"),
    *("job", "instance", "cluster", "le", "alertmanager", "integration"),
    *("verdict", "profile", "section", "control", "from", "to", "kind"),
    "served",  # what a query names the SPIFFE ID that is served beside the one that is expected
}
OF_A_GAP = ('agent=""', "1 - agentweave:installation:watched", "(min(agentweave:installation:watched")
"""What is told of a watcher that is gone: there is nothing of it until the demo has ended."""

NOT_IN_THE_DEMO = {
    "label_values(agentweave:installation:watched, cluster)": "a single Prometheus has no such label",
    "memory_drift_bytes_per_second": "told from hours of history",
    "memory_exhaustion_timestamp_seconds": "told from hours of history",
    "pool_exhaustion_timestamp_seconds": "told from half an hour of history",
    "cpu_usage_cores": "the demo's agents have no CPU limit",
    "cpu_limit_cores": "the demo's agents have no CPU limit",
    "opa_decision_p95_seconds": "no OPA of the demo is slow",
    "opa_bundle_info": "the demo's policies are put into OPA without a bundle",
    "opa_bundle_last_success_timestamp_seconds": "the demo's policies are put into OPA without a bundle",
    "subjects_dropped": "no agent of the demo has more than 50",
    "target_problems": "the demo lists its agents, and all that there is to know of them",
    "pods_not_watched": "the demo has no Kubernetes",
    "discovery_pods": "the demo has no Kubernetes",
    "events_total": "the demo has no Kubernetes",
    "evidence_writes_total": "the demo has no Kubernetes and no state_dir",
    'impaired{cluster=~"$cluster", job=~"$job", instance=~"$instance"} == 1': "nothing impairs the watcher of the demo",
    "prometheus_notifications": "the Prometheus of the test does not scrape itself",
    "alertmanager_notifications": "the demo has no Alertmanager",
    "drill_failures": "the demo has no Alertmanager",
    "drill_last_success_timestamp_seconds": "the demo has no Alertmanager",
    "agentweave:control:regressed": "told only of what was met before a fault, if it was judged by then",
    "count((agentweave_watcher_evidence_source_up": "no place of evidence of the demo is down",
    "controls_dropped": "no agent of the demo has more than 60",
    **dict.fromkeys(
        ("record_expiry_", "record_expiring_", "records_invalid", "review_due_"), "the demo has no records"
    ),
}

ON_NO_DASHBOARD = {
    "trust_bundle_not_before_timestamp_seconds": "what is left of a bundle is shown; when it began matters to a rule",
}

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_LABELS = re.compile(r"\{([^}]*)\}|\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_RANGE = re.compile(r"\[[^\]]*\]")
_WORD = re.compile(r"(?<![\w:$])[a-zA-Z_:][\w:]*")
_SERIES = re.compile(rf"{_WORD.pattern}(?![\w:]|\s*\()")
_KEYWORDS = {"and", "or", "unless", "offset", "bool", "NaN"}
_RATE = re.compile(r"\b(?:rate|irate|increase|delta)\([^\[]*\[([^\]]*)\]")
_INTERVALS = ("$__rate_interval", "$__range")
_HARD_WIRED = re.compile(r'\b(?:job|instance|cluster|namespace|agent|pod)\s*(?:=~|!~|!=|=)\s*"(?!"|\$)[^"]*"')
_DATA_LINK = re.compile(r"/d/([\w-]+)(?:\?([^\"]*))?")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_dashboard_has_no_mistake(file: Path) -> None:
    found = list(mistakes(file.name, read(file)))
    assert not found, "\n".join(found)


def test_the_dashboards_are_made_from_their_descriptions() -> None:
    made = dashboard_files()
    assert {file.name for file in FILES} == set(made)
    for file in FILES:
        assert json.loads(file.read_text()) == json.loads(made[file.name]), f"{file.name}: see `make dashboards`"
        assert file.read_text() == made[file.name]


def test_there_is_a_dashboard_for_the_fleet_an_agent_the_checklist_and_the_watcher() -> None:
    assert {each["uid"]: each["title"] for each in map(read, FILES)} == UIDS


@pytest.mark.parametrize("file", RULES, ids=lambda file: file.stem)
def test_an_alert_leads_to_a_dashboard(file: Path) -> None:
    assert list(_link_mistakes(file.read_text())) == []


def test_a_file_that_is_not_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "fleet.json").write_text('{"uid": "agentweave-fleet",}')
    with pytest.raises(ValueError, match=r"fleet\.json: .* line 1 column"):
        read(tmp_path / "fleet.json")


def _stray_table(dashboard: Json) -> None:
    tables = (panel for file in FILES for panel in panels(read(file)) if _column(panel, "agent"))
    stray = next(tables)
    _column(stray, "agent")["links"].clear()
    dashboard["panels"].append(stray)


BASE = {"thresholds": {"mode": "absolute", "steps": [{"value": None, "color": "green"}]}}
ALL_TO_ONE = {"url": "/d/agentweave-agent", "keepTime": True, "includeVars": True}
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
    "a query over all installations": (lambda at: _target(at).update(expr='up{cluster=~"$cluster"}'), "job"),
    "a number without an installation": (lambda at: _target(at).update(expr="count(up)"), "cluster"),
    "0 where there is nothing": (lambda at: _target(at).update(expr="count(up) or vector(0)"), "vector(0)"),
    "green where there is nothing": (lambda at: _panel(at)["fieldConfig"]["defaults"].update(BASE), "green"),
    "no word for nothing": (lambda at: _panel(at)["fieldConfig"]["defaults"].pop("noValue"), "noValue"),
    "no variable for the installation": (lambda at: at["templating"]["list"].pop(2), "job"),
    "all handed to where one is chosen": (lambda at: at["links"].append(ALL_TO_ONE), "agentweave-agent"),
    "a line that leads nowhere": (_stray_table, "leads to"),
    "inputs": (lambda at: at.update(__inputs=[]), "__inputs"),
    "editable": (lambda at: at.update(editable=True), "editable"),
}


@pytest.mark.parametrize(("plant", "named"), PLANTED.values(), ids=PLANTED)
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_mistake_is_named(file: Path, plant: Callable[[Json], object], named: str) -> None:
    dashboard = copy.deepcopy(read(file))
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
    found = [
        *_dashboard_mistakes(dashboard),
        *_grid_mistakes(dashboard["panels"]),
        *_link_mistakes(json.dumps(dashboard)),
    ]
    for panel in panels(dashboard):
        found += [f"{panel.get('title')}: {each}" for each in _panel_mistakes(panel)]
    yield from (f"{file}: {each}" for each in found)
    variables = {each["name"] for each in dashboard["templating"]["list"]}
    for query in queries(file, dashboard):
        yield from (f"{query}: {each}" for each in _query_mistakes(query.text, variables))


def _dashboard_mistakes(dashboard: Json) -> Iterator[str]:
    others = [f"/d/{uid}" for uid in UIDS if uid != dashboard["uid"]]
    links = [each["url"] for each in dashboard["links"] if each["keepTime"]]
    if sorted(url.partition("?")[0] for url in links) != others:
        yield f"links to {links}, not to {others}"
    for each in dashboard["links"]:
        if each["includeVars"] and each["url"] == "/d/agentweave-agent":
            yield f"hands all agents to {each['url']}, which shows one"
    if dashboard["editable"] or not dashboard["tags"] or dashboard["schemaVersion"] < 39 or "__inputs" in dashboard:
        yield "is editable, has no tags, an old schemaVersion or __inputs"
    first, *rest = dashboard["templating"]["list"]
    if (first["name"], first["type"], first["query"]) != ("datasource", "datasource", "prometheus"):
        yield f"the first variable is {first['name']} and not datasource"
    if [each["name"] for each in rest[:2]] != ["cluster", "job"]:
        yield "the next variables are not cluster and job"
    for each in (*(each for each in rest if each["type"] == "query"), *dashboard["annotations"]["list"]):
        if not _ours(each):
            yield f"{each['name']}: another data source"


def _ours(asked: Json) -> bool:
    return bool(asked["datasource"] == {"type": "prometheus", "uid": "${datasource}"})


def _panel_mistakes(panel: Json) -> Iterator[str]:
    defaults = panel["fieldConfig"]["defaults"]
    said = {"title": panel.get("title"), "description": panel.get("description")}
    said |= {name: defaults.get(name) for name in ("unit", "noValue")}
    yield from (f"no {name}" for name, text in said.items() if not text)
    if not all(_ours(each) for each in (panel, *panel["targets"])):
        yield "another data source"
    # Grafana shows `noValue` in the colour below all others.
    base = defaults.get("thresholds", {"steps": [{"color": "none"}]})["steps"][0]["color"]
    if base not in (GREY, "blue", "none"):
        yield f"{base} where there is nothing"
    yield from (f"{name}: leads to no {what}" for name, what in _dead_ends(panel))


def _dead_ends(panel: Json) -> Iterator[tuple[str, str]]:
    """Columns of a table whose line does not lead to what it is about."""
    links = {name: json.dumps(_column(panel, name)) for name in ("agent", "pod", "condition", "alertname")}
    there = [name for name, told in links.items() if told != "{}"]
    wanted = {
        "agent": (("/d/agentweave-agent?", "dashboard"), (f"{WATCHER_URL}?", "page of the watcher")),
        "pod": ((f"{WATCHER_URL}agents/", "page of the watcher"),),
        "condition": ((f"{RUNBOOK_URL}AgentWeave${{__data.fields.condition}}?", "runbook"),),
        "alertname": ((f"{RUNBOOK_URL}${{__data.fields.alertname}}", "runbook"),),
    }
    yield from ((name, what) for name in there for url, what in wanted[name] if url not in links[name])
    if there and RUNBOOK_URL not in "".join(links.values()):
        yield there[0], "runbook"


def _column(panel: Json, name: str) -> Json:
    """How a column looks; nothing where the panel has none of this name."""
    named = {"id": "byName", "options": name}
    found = [each["properties"] for each in panel["fieldConfig"]["overrides"] if each["matcher"] == named]
    return {each["id"]: each["value"] for each in found[0]} if found else {}


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
    variables = {each["uid"]: {of["name"] for of in each["templating"]["list"]} for each in map(read, FILES)}
    for uid, query in _DATA_LINK.findall(text):
        given = set(re.findall(r"var-(\w+)=|\$\{(\w+):queryparam\}", query))
        unknown = {"".join(each) for each in given} - variables.get(uid, set())
        if uid not in variables or unknown:
            yield f"a link to {uid} {' '.join(unknown)}, which is not there"


def _query_mistakes(text: str, variables: set[str]) -> Iterator[str]:
    asked = LABEL_VALUES.fullmatch(text)
    expression, labels = (asked[1], {asked[2]}) if asked else (text, set())
    plain = _STRING.sub('""', expression)
    for inside, grouped in _LABELS.findall(plain):
        labels |= set(_WORD.findall(inside + grouped))
    yield from (f"no such series: {each}" for each in sorted(_names(expression) - series_there_are()))
    yield from (f"no such label: {each}" for each in sorted(labels - labels_there_are()))
    yield from (f"a range of [{each}]" for each in _RATE.findall(expression) if each not in _INTERVALS)
    yield from (f"hard-wired: {each}" for each in _HARD_WIRED.findall(expression))
    unknown = set(re.findall(r"\$(\w+)", expression)) - variables - {each[1:] for each in _INTERVALS}
    yield from (f"no such variable: ${each}" for each in sorted(unknown) if not each.isdigit())
    if "vector(" in expression:
        yield "vector(0) is a good number of what nobody watches"
    if asked is None or asked[2] not in ("cluster", "job"):
        yield from _of_all_installations(expression)


def _of_all_installations(expression: str) -> Iterator[str]:
    """Series that are selected over all installations, whatever is chosen."""
    theirs = set.union(*ON_PAGE_OF.values())
    for found in re.finditer(r"(?<![\w:$])([a-zA-Z_:][\w:]*)(?:\{([^}]*)\})?", expression):
        name, matchers = found[1], found[2] or ""
        wanted = ("cluster",) if name in theirs else ("cluster", "job")
        if name in series_there_are():
            yield from (f"{name} of any {each}" for each in wanted if f'{each}=~"${each}"' not in matchers)


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
    theirs = set.union(*ON_PAGE_OF.values())
    own = {PREFIX + name for name in ("process_resident_memory_bytes", "process_cpu_seconds_total")}  # the library's
    return exported | recorded | own | theirs | OF_PROMETHEUS


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
    asked = [each for file in FILES for each in queries(file.name, read(file))]
    excused = [each for each in asked if any(excuse in _primary(each.text) for excuse in NOT_IN_THE_DEMO)]
    of_a_gap = [each for each in asked if any(told in _primary(each.text) for told in OF_A_GAP)]
    with ExitStack() as stack:
        with _demo(tmp_path) as page:
            # Twice, as while one watcher takes over from another: nothing may match many to many.
            twice = run_prometheus(page, page, rules=rules, pinned=True)
            servers = [stack.enter_context(each) for each in (run_prometheus(page, rules=rules), twice)]
            wanted = {_primary(each.text): each for each in asked if each not in of_a_gap and each not in excused}
            _wait_for_data(product(servers, wanted.values()), 150)
            for server, query in product(servers, asked):
                _answer(server, query, query.text)  # no error in all of it either
        _wait_for_data(product(servers, {_primary(each.text): each for each in of_a_gap}.values()), 20)


def test_what_others_say_of_the_way_to_the_phone_stands_on_their_pages() -> None:
    receiver = "route: {receiver: nobody}\nreceivers: [{name: nobody}]"
    with run_alertmanager(receiver) as alertmanager, run_prometheus(alertmanager=alertmanager.url) as prometheus:
        urls = {"prometheus": prometheus.url, "alertmanager": alertmanager.url}

        def all_there() -> bool:
            pages = {name: httpx.get(f"{url}/metrics", trust_env=False).text for name, url in urls.items()}
            return all(f"\n# TYPE {each} " in pages[name] for name, names in ON_PAGE_OF.items() for each in names)

        eventually(all_there, within=20)


def test_an_agent_is_shown_alone() -> None:
    variables = {
        each["name"]: each for each in read(next(file for file in FILES if file.stem == "agent"))["templating"]["list"]
    }
    assert [name for name, each in variables.items() if each.get("includeAll") or each.get("multi")] == ["cluster"]


def test_no_excuse_is_left_over() -> None:
    texts = [each.text for file in FILES for each in queries(file.name, read(file))]
    assert [excuse for excuse in NOT_IN_THE_DEMO if not any(excuse in text for text in texts)] == []


def test_every_series_is_on_a_dashboard() -> None:
    shown = {name for file in FILES for query in queries(file.name, read(file)) for name in _names(query.text)}
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


def _wait_for_data(asked: Iterable[tuple[PrometheusServer, Query]], within: float) -> None:
    """Until each query has given data once; AssertionError with those that did not."""
    waiting = list(asked)

    def all_answered() -> bool:
        waiting[:] = [(server, query) for server, query in waiting if not _data(server, query)]
        return not waiting

    with suppress(AssertionError):
        eventually(all_answered, within=within)
    assert not waiting, "\n".join(str(query) for _, query in waiting)


_TILE = re.compile(r"(.*) or \((.*) and on \(\) min\(agentweave:installation:watched\{[^}]*\}\) == 1\) or .*")


def _primary(text: str) -> str:
    """Without what stands in where there is nothing, and without what decides on the colour."""
    tile = _TILE.fullmatch(text)
    if tile:
        return tile[1] if tile[2].startswith("0 * ") else tile[2]
    plain = re.sub(r" or on \(\) label_replace\(0 \*.*| or 0 \* count by .*", "", text)
    return re.sub(r" (?:and|unless) on \(\) .*", "", plain)


def _data(server: PrometheusServer, query: Query) -> list[object]:
    return _answer(server, query, _primary(query.text))


def _answer(server: PrometheusServer, query: Query, text: str) -> list[object]:
    text = re.sub(r"\$[a-z]+", ".*", text.replace("$__rate_interval", "5s").replace("$__range", "5s"))
    asked = LABEL_VALUES.fullmatch(text)
    try:
        return [*server.label_values(asked[1], asked[2])] if asked else [*_numbers(server.query(text))]
    except AssertionError as error:
        raise RuntimeError(f"{query}: {error}") from error


def _numbers(answer: list[Series]) -> Iterator[float]:
    yield from (each.value for each in answer if not math.isnan(each.value))
