"""The provider of what Prometheus and Alertmanager know: what it tells, who changed by it, and what is kept."""

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from probes import load_probes
from probes.contract import TargetKey
from probes.controls.catalogue.control import SourceName
from probes.controls.catalogue.loading import load_catalogue
from probes.controls.evidence import AgentRef, AlertmanagerLook, Missing, PrometheusLook, Seen
from tests.probes.controls.made import record
from tests.servers.alertmanager_server import AlertmanagerServer, run_alertmanager
from tests.servers.metrics_pages import Script, ok, serving
from tests.servers.process import eventually
from watcher.checklist.live.prometheus.client import QUESTIONS
from watcher.checklist.live.prometheus.evidence import PrometheusEvidence
from watcher.checklist.live.prometheus.figures.stated_families import BUSINESS
from watcher.config.settings import Settings, load_settings
from watcher.metrics.own import OwnMetrics
from watcher.runtime.clock import Clock

SEARCH = AgentRef("prod", "search")
TARGETS = (TargetKey("prod", "search", "search-0"),)
CONTROLS = load_catalogue().by_id
ROUTES = """
route: {receiver: pager, group_wait: 0s, group_interval: 1s, repeat_interval: 1s}
receivers: [{name: pager, webhook_configs: [{url_file: FILE}]}]
"""


class Time:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0
        self.clock = Clock(lambda: self.now, lambda: self.now - 1_700_000_000.0)


def _settings(tmp_path: Path, prometheus: str = "", alertmanager: str = "", **more: object) -> Settings:
    path = tmp_path / "watcher.yaml"
    config: dict[str, object] = {"checklist": {"prometheus": {"url": prometheus, **more}}} if prometheus else {}
    path.write_text(json.dumps(config | ({"alertmanager": {"url": alertmanager}} if alertmanager else {})))
    return load_settings(path, {})


def _made(settings: Settings, time: Time) -> PrometheusEvidence:
    return PrometheusEvidence(settings, CONTROLS, lambda: TARGETS, OwnMetrics(load_probes(), ()), time.clock)


def _told(made: PrometheusEvidence, source: SourceName = SourceName.PROMETHEUS) -> Seen[object] | Missing:
    return made.evidence_of(SEARCH, ()).sources[source]


async def _over(made: PrometheusEvidence) -> None:
    """Until the round under way is over."""
    for _ in range(1000):
        if not made.is_busy:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the round does not end")


class Api:
    """A small server that answers as the API is documented to: rules as a test sets them, nothing selected."""

    def __init__(self) -> None:
        self.groups: list[object] = []
        self.rows: list[object] = []  # the answer to what rules select
        self.fails = self.lacks_targets = False
        self.asked = 0

    async def script(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", head)
            query = await reader.readexactly(int(length[1]) if length else 0)
            self.asked += 1
            rows = self.rows if b"agentweave_slot" in query and b"7d" not in query else []
            body = json.dumps({"status": "success", "data": self._data(head, rows)}).encode()
            status = b"500 No" if self.fails else b"404 No" if b"/targets" in head and self.lacks_targets else b"200 OK"
            writer.write(ok(body).replace(b"200 OK", status, 1))
            await writer.drain()

    def _data(self, head: bytes, rows: list[object]) -> Mapping[str, object]:
        if b"/api/v1/rules" in head:
            return {"groups": self.groups}
        return {"activeTargets": []} if b"/api/v1/targets" in head else {"resultType": "vector", "result": rows}


def _group(**more: object) -> dict[str, object]:
    rule = {"type": "alerting", "name": "Mine", "query": "a > 1", "health": "ok", "state": "inactive"}
    labels = {"labels": {"agentweave_control": "alerts.latency"}}
    return {"name": "g", "interval": 15, "rules": [rule | labels | more]}


def test_what_is_not_configured_is_not_enabled_and_not_down(tmp_path: Path) -> None:
    made = _made(_settings(tmp_path), Time())
    asyncio.run(made.ask())
    for source in (SourceName.PROMETHEUS, SourceName.ALERTMANAGER):
        told = _told(made, source)
        assert isinstance(told, Missing)
        assert str(told.reason) == "NotEnabled"
    assert made.sources_up() == {}


def test_an_agent_changed_where_a_judge_may_say_something_else(tmp_path: Path) -> None:
    async def changes() -> list[object]:
        api, time = Api(), Time()
        async with serving(api.script) as url:
            made = _made(_settings(tmp_path, url), time)
            found: list[object] = [made.take_changed()]
            for groups in ([_group()], [_group()], [_group(state="firing")], [_group(health="err")], []):
                api.groups = list(groups)
                await made.ask()
                found.append(made.take_changed())
            assert isinstance(told := _told(made), Seen)
            assert told.value.book.alerts == ()  # type: ignore[attr-defined]  # a PrometheusLook
            return found

    assert asyncio.run(changes()) == [None, {SEARCH}, set(), set(), {SEARCH}, {SEARCH}]


def test_what_was_told_is_kept_for_a_while_when_nobody_can_be_asked(tmp_path: Path) -> None:
    async def run() -> None:
        api, time = Api(), Time()
        async with serving(api.script) as url:
            made = _made(_settings(tmp_path, url), time)
            assert _told(made).message == "It was not asked yet."  # type: ignore[union-attr]
            await made.ask()
            assert isinstance(first := _told(made), Seen)
            assert isinstance(first.value, PrometheusLook)
            assert made.sources_up() == {"prometheus": ""}
            api.fails, time.now = True, time.now + 600
            await made.ask()
            assert isinstance(kept := _told(made), Seen)
            assert kept.observed_at == first.observed_at
            assert made.sources_up() == {"prometheus": "Unreachable"}
            time.now += 301
            await made.ask()
            assert isinstance(lost := _told(made), Missing)
            assert (str(lost.reason), lost.message) == ("Unreachable", f"Prometheus at {url} answers 500.")
            assert made.take_changed() is None
            await made.ask()
            assert made.take_changed() == set()

    asyncio.run(run())


def test_a_store_that_scrapes_nothing_itself_is_not_down(tmp_path: Path) -> None:
    async def up() -> Mapping[str, str]:
        api = Api()
        api.lacks_targets = True
        async with serving(api.script) as url:
            made = _made(_settings(tmp_path, url, labels={"job": "a"}), Time())
            await made.ask()
            return made.sources_up()

    assert asyncio.run(up()) == {"prometheus": ""}


def test_series_that_are_not_there_at_a_moment_were_there_lately(tmp_path: Path) -> None:
    async def run() -> None:
        api = Api()
        api.groups = [_group()]
        row = {"metric": {"namespace": "prod", "agent": "search", "agentweave_slot": "0"}, "value": [1, "1"]}
        async with serving(api.script) as url:
            made = _made(_settings(tmp_path, url, labels={"job": "a"}), Time())
            for rows, selected in (([], set()), ([row], {0}), ([], {0})):
                api.rows = list(rows)
                await made.ask()
                assert isinstance(told := _told(made), Seen)
                assert isinstance(told.value, PrometheusLook)
                assert told.value.selected == selected

    asyncio.run(run())


def test_a_round_of_as_many_selectors_as_are_asked_for_stays_within_thirty_questions(tmp_path: Path) -> None:
    async def run() -> None:
        api = Api()
        api.groups = [_group(name=f"Mine{number}", query=f"metric_{number} > 1") for number in range(100)]
        async with serving(api.script) as url:
            stated = [record(BUSINESS, statement="families: a, b")]
            settings = _settings(tmp_path, url, labels={"job": "a"})
            metrics = OwnMetrics(load_probes(), ())
            made = PrometheusEvidence(settings, CONTROLS, lambda: TARGETS, metrics, Time().clock, lambda _: stated)
            await made.ask()
            assert 25 < api.asked <= QUESTIONS
            assert made.sources_up() == {"prometheus": ""}

    asyncio.run(run())


def test_rounds_begin_by_themselves_and_sooner_while_this_process_has_no_series_there(tmp_path: Path) -> None:
    async def run() -> None:
        api, time = Api(), Time()
        async with serving(api.script) as url:
            made = _made(_settings(tmp_path, url), time)
            began = []
            for seconds in (0, 29, 1, 29, 1):
                time.now += seconds
                made.take_changed()
                await made.tick()
                began.append(made.is_busy)
                await _over(made)
            await made.close()
            assert began == [True, False, True, False, True]

    asyncio.run(run())


@pytest.fixture
def alertmanager(tmp_path: Path) -> Iterator[AlertmanagerServer]:
    (tmp_path / "secret").write_text("http://127.0.0.1:1/")
    with run_alertmanager(ROUTES.replace("FILE", str(tmp_path / "secret"))) as server:
        yield server


def test_a_receiver_that_lost_its_secret_is_seen_by_its_notifications(
    alertmanager: AlertmanagerServer, tmp_path: Path
) -> None:
    made = _made(_settings(tmp_path, alertmanager=alertmanager.url), Time())

    def look() -> AlertmanagerLook:
        asyncio.run(made.ask())
        told = _told(made, SourceName.ALERTMANAGER)
        assert isinstance(told, Seen)
        assert isinstance(told.value, AlertmanagerLook)
        return told.value

    assert look().receivers == {"pager": ("webhook",)}
    assert made.sources_up() == {"alertmanager": ""}
    (tmp_path / "secret").unlink()
    for number in range(6):
        alertmanager.post({"labels": {"alertname": "A", "n": str(number)}})
    eventually(lambda: look().ways["pager"][0].is_closed, within=60)
    assert made.take_changed() is None


def test_an_alertmanager_that_answers_something_else_is_told_with_a_reason(tmp_path: Path) -> None:
    async def asked(script: Script) -> Mapping[str, str]:
        async with serving(script) as url:
            made = _made(_settings(tmp_path, alertmanager=url), Time())
            await made.ask()
            assert isinstance(_told(made, SourceName.ALERTMANAGER), Missing)
            return made.sources_up()

    async def refusing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ok(b"no").replace(b"200 OK", b"403 No", 1))

    async def without_receivers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ok(json.dumps({"config": {"original": "route: {receiver: a}"}}).encode()))

    assert asyncio.run(asked(refusing)) == {"alertmanager": "Forbidden"}
    assert asyncio.run(asked(without_receivers)) == {"alertmanager": "Unparseable"}
