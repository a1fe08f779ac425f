"""Would an alert arrive? Drills against a real Alertmanager, and against what stands where one should."""

import asyncio
import gzip
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.commands.test_cli import call
from tests.servers.alertmanager_server import AlertmanagerServer, run_alertmanager
from tests.servers.daemon import Page
from tests.servers.opa_lies import Lie, Question, cuts, drips, hangs, run_liar, says, writes
from watcher.alerting.drill import Drilled, drill
from watcher.alerting.drill_schedule import Drills, Plan
from watcher.commands.drill import drill_by_config
from watcher.commands.run import listen
from watcher.config.settings import Settings, load_settings
from watcher.daemon import Daemon
from watcher.metrics.own import OwnMetrics
from watcher.scheduling.schedule import Schedule

REFUSED = "http://127.0.0.1:9"  # discard (RFC 863): nobody listens there, so it refuses
ROUTES = """
route:
  receiver: everything
  group_wait: 1h
  routes:
    - {matchers: [severity="critical"], receiver: pager, continue: true}
    - {matchers: [severity="critical"], receiver: chat}
receivers: [{name: everything, webhook_configs: [{url: "http://127.0.0.1:9/"}]}, {name: pager}, {name: chat}]
inhibit_rules:
  - {source_matchers: [alertname="Mute"], target_matchers: [drill="true", severity="warning"]}
"""
PIN = pytest.mark.parametrize("pinned", [False, True], ids=["from PATH", "pinned"])


@pytest.fixture
def alertmanager() -> Iterator[AlertmanagerServer]:
    with run_alertmanager(ROUTES) as server:
        yield server


def _config(home: Path, text: str) -> Path:
    file = home / "watcher.yaml"
    file.write_text(text)
    return file


@PIN
def test_an_alert_of_each_severity_arrives_and_is_over_when_the_command_ends(pinned: bool, tmp_path: Path) -> None:
    with run_alertmanager(ROUTES, pinned=pinned) as alertmanager:
        told = call("drill", "--config", str(_config(tmp_path, f"alertmanager: {{url: {alertmanager.url}}}")))
        assert alertmanager.alerts() == []
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.splitlines() == [
        "critical: accepted, routed to pager, chat (pager notifies nobody; chat notifies nobody)",
        "warning: accepted, routed to everything (not delivered: --deliver tests that)",
    ]


def test_an_alertmanager_that_is_down_is_a_line_a_severity_and_exit_code_1(tmp_path: Path) -> None:
    told = call("drill", "--config", str(_config(tmp_path, f"alertmanager: {{url: {REFUSED}/}}")))
    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr.splitlines() == [
        f"{severity}: the drill failed: {REFUSED}/ cannot be asked: Connection refused"
        for severity in ("critical", "warning")
    ]


def test_one_severity_that_does_not_arrive_is_enough_for_exit_code_1(
    alertmanager: AlertmanagerServer, tmp_path: Path
) -> None:
    silence = alertmanager.silence(drill="true", severity="critical")
    told = call("drill", "--config", str(_config(tmp_path, f"alertmanager: {{url: {alertmanager.url}}}")))
    assert (told.returncode, told.stdout) == (
        1,
        "warning: accepted, routed to everything (not delivered: --deliver tests that)\n",
    )
    assert told.stderr == (
        f"critical: the drill failed: {alertmanager.url} notifies nobody of the alert: "
        f"silenced by {silence} (it would go to: pager, chat)\n"
    )
    assert alertmanager.alerts('drill="true"') == []


def test_an_alert_that_is_inhibited_did_not_arrive(alertmanager: AlertmanagerServer) -> None:
    alertmanager.post({"labels": {"alertname": "Mute"}})
    [mute] = alertmanager.alerts()
    critical, warning = asyncio.run(drill(alertmanager.url))
    assert critical == Drilled("critical", ("pager", "chat"), "")
    assert f"inhibited by {mute['fingerprint']} (it would go to: everything)" in warning.trouble


@pytest.mark.parametrize(
    ("config", "mistake"),
    [
        ("{}", ": alertmanager: missing, but a drill needs its url"),
        ("alertmanager: {}", ":1: alertmanager.url: missing, but required"),
        ("alertmanager: {url: 'tcp://a'}", ":1: alertmanager.url: expected an http or https URL with a host, such as"),
        ("alertmanager: {url: 'http://me:secret@a'}", ":1: alertmanager.url: expected an http or https URL with"),
        (
            "alertmanager: {url: 'http://a/?b'}",
            ":1: alertmanager.url: expected a URL without a query, got 'http://a/?...'",
        ),
        ("\ndrill: {}", ":2: drill: requires alertmanager.url"),
        ("alertmanager: {url: 'http://a'}\ndrill: {every: 59s}", ":2: drill.every: expected a duration from 1m to 31d"),
        ("alertmanager: {url: 'http://a'}\ndrill: {every: 32d}", ":2: drill.every: expected a duration from 1m to 31d"),
        ("alertmanager: {url: 'http://a'}\ndrill: {ever: 1h}", ":2: drill.ever: unknown key, did you mean every?"),
    ],
)
def test_a_config_without_an_alertmanager_is_one_line_and_exit_code_2(
    config: str, mistake: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = _config(tmp_path, config)
    assert drill_by_config(file, {}) == 2
    told = capsys.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1)
    assert told.err.startswith(f"{file}{mistake}")
    assert "secret" not in told.err


def test_the_environment_may_say_when_and_where(tmp_path: Path) -> None:
    said = {"AGENTWEAVE_WATCHER_ALERTMANAGER__URL": "https://[::1]:9093/am", "AGENTWEAVE_WATCHER_DRILL__EVERY": "31d"}
    assert Plan.of(load_settings(_config(tmp_path, "{}"), said)) == Plan("https://[::1]:9093/am", 31 * 86400)


@pytest.mark.parametrize("config", ["{}", "alertmanager: {url: 'http://a:9093'}"])
def test_without_a_section_of_their_own_there_are_no_drills_on_a_schedule(config: str, tmp_path: Path) -> None:
    assert Plan.of(load_settings(_config(tmp_path, config), {})) is None


@dataclass
class Echo:
    """Takes alerts as Alertmanager does, and shows them as it is told to."""

    said: dict[str, Any] = field(default_factory=dict)  # over what a healthy one says of each alert
    ends: bool = True
    taken: dict[str, dict[str, Any]] = field(default_factory=dict)  # by drill_id, as first sent

    async def __call__(self, question: Question, writer: asyncio.StreamWriter) -> None:
        """Answer one question."""
        if question.method == "POST":
            [alert] = json.loads(question.body)
            identity = alert["labels"]["drill_id"]
            if self.taken.setdefault(identity, alert) is not alert and self.ends:
                self.taken[identity] = {}
            return await says(200, b"")(question, writer)
        shown = [self._shown(alert) for alert in self.taken.values() if alert]
        return await says(200, json.dumps(shown).encode())(question, writer)

    def _shown(self, alert: dict[str, Any]) -> dict[str, Any]:
        status = {"state": "active", "silencedBy": [], "inhibitedBy": []}
        told = {"labels": alert["labels"], "status": status, "receivers": [{"name": "a"}]}
        return told | {"updatedAt": "2026-11-23T09:00:00.000Z"} | self.said


async def _endless(_: Question, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b"[" * (1 << 16))
        await writer.drain()


ZIPPED = gzip.compress(b"[]")
YESTERDAY = f"Date: {datetime.now(UTC) - timedelta(days=1):%a, %d %b %Y %H:%M:%S} GMT\r\n"


@pytest.mark.parametrize(
    ("lie", "said"),
    [
        (says(503, b"no\nway"), "answers 503: no\\nway"),
        (says(404, b"x" * 1000), f"answers 404: {'x' * 200}"),
        (says(302, b"", "Location: http://127.0.0.1:1/\r\n"), "answers 302: "),
        (says(200, b"<html>"), "gives an answer that is not a list of alerts in JSON"),
        (says(200, b'[{"labels": {}}]'), "gives an answer that is not a list of alerts in JSON"),
        (says(200, b"[" * 100_000), "gives an answer that is not a list of alerts in JSON"),
        (says(200, ZIPPED, "Content-Encoding: gzip\r\n"), "gives an answer that is not a list of alerts in JSON"),
        (says(200, b"[]"), "took the alert, but does not show it within 1s"),
        (
            says(200, b"[]", YESTERDAY),
            "took the alert, but does not show it within 1s (its clock is 1d0h behind ours)",
        ),
        (
            says(200, b"[]", f"Date: Mon, 01 Jan {10**20} 00:00:00 GMT\r\n"),
            "took the alert, but does not show it within 1s",
        ),
        (Echo({"labels": {"drill_id": "another"}}), "took the alert, but does not show it within 1s"),
        (Echo({"status": {"state": "unprocessed"}}), "took the alert, but does not show it within 1s"),
        (Echo({"status": {"state": "suppressed"}}), "notifies nobody of the alert: suppressed (it would go to: a)"),
        (
            Echo({"status": {"state": "suppressed", "silencedBy": ["one", "two"], "inhibitedBy": ["three"]}}),
            "notifies nobody of the alert: silenced by one, two and inhibited by three (it would go to: a)",
        ),
        (Echo({"receivers": []}), "routes the alert to no receiver"),
        (Echo(ends=False), "showed the alert, but does not end it within 1s"),
        (_endless, "gives an answer of more than 256.0 KiB"),
        (drips(b"HTTP/1.1 200 OK\r\n" * 10, 0.05), "does not answer within 1s"),
        (hangs, "does not answer within 1s"),
        (cuts, "cannot be asked: Server disconnected without sending a response."),
        (writes(b"hello\r\n\r\n"), "cannot be asked: illegal status line: bytearray(b'hello')"),
    ],
)
def test_an_alertmanager_that_refuses_or_lies_is_told_in_a_line(lie: Lie, said: str) -> None:
    async def main() -> tuple[str, Sequence[Drilled]]:
        async with run_liar(lie) as liar:
            return liar.url, await drill(liar.url, 1.0)

    url, drilled = asyncio.run(main())
    assert [each.trouble for each in drilled] == [f"{url} {said}"] * 2


def test_the_alert_says_that_it_is_a_drill_and_ends_by_itself() -> None:
    async def main() -> list[dict[str, Any]]:
        echo = Echo(ends=False)
        async with run_liar(echo) as liar:
            await drill(f"{liar.url}/prefix/", 0.2)
            assert {question.path.partition("?")[0] for question in liar.questions} == {"/prefix/api/v2/alerts"}
        return list(echo.taken.values())

    before = datetime.now(UTC)
    sent = asyncio.run(main())
    assert len({alert["labels"].pop("drill_id") for alert in sent}) == 2
    assert [alert["labels"] for alert in sent] == [
        {"alertname": "AgentWeaveDrill", "severity": severity, "drill": "true", "component": "drill"}
        for severity in ("critical", "warning")
    ]
    for alert in sent:
        assert alert["annotations"]["summary"] == "This is a drill: nothing is wrong."
        assert alert["annotations"]["runbook_url"].endswith("/runbooks/AgentWeaveDrillMissed")
        assert before <= datetime.fromisoformat(alert["startsAt"]) <= datetime.now(UTC)
        lasts = datetime.fromisoformat(alert["endsAt"]) - datetime.fromisoformat(alert["startsAt"])
        assert lasts == timedelta(minutes=5)


@asynccontextmanager
async def _drills(plan: Plan, first: float = 0.0) -> AsyncIterator[tuple[Drills, Callable[..., float | None]]]:
    """Drills of a daemon, and what is exported of them."""
    schedule, own_metrics = Schedule(), OwnMetrics([], [])
    drills = Drills(schedule, own_metrics, time.time, first)
    drills.follow(plan)
    schedule.start()

    def value(name: str, **labels: str) -> float | None:
        return own_metrics.registry.get_sample_value(f"agentweave_watcher_drill_{name}", labels)

    try:
        yield drills, value
    finally:
        schedule.shutdown()
        await drills.close()


async def _until(ask: Callable[[], bool | Awaitable[bool]], *, within: float = 20.0) -> None:
    async with asyncio.timeout(within):
        while True:
            answer = ask()
            if answer if isinstance(answer, bool) else await answer:
                return
            await asyncio.sleep(0.02)


def test_failed_drills_are_counted_until_one_arrives() -> None:
    async def main() -> None:
        echo = Echo()
        answers = says(500, b"")

        async def sometimes(question: Question, writer: asyncio.StreamWriter) -> None:
            await answers(question, writer)

        async with run_liar(sometimes) as liar, _drills(Plan(liar.url, 0.1)) as (_, value):
            assert value("failures") == 0
            await _until(lambda: (value("failures") or 0) >= 2)
            assert value("last_success_timestamp_seconds", severity="critical") is None
            answers = echo
            await _until(lambda: value("failures") == 0)
            moments = [value("last_success_timestamp_seconds", severity=each) for each in ("critical", "warning")]
            assert all(each and abs(each - datetime.now(UTC).timestamp()) < 10 for each in moments)

    asyncio.run(main())


def test_a_drill_that_breaks_off_counts_as_one_that_failed(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with _drills(Plan("http://127.0.0.1:1/\udc80", 0.1)) as (_, value):
            await _until(lambda: (value("failures") or 0) >= 2)

    asyncio.run(main())
    assert [each.message for each in caplog.records if each.exc_info] == ["drill broke off"], "once in full"


def test_the_first_drill_waits_until_the_daemon_has_settled() -> None:
    async def main() -> None:
        async with run_liar(Echo()) as liar:
            begin = time.monotonic()
            async with _drills(Plan(liar.url, 0.1), first=0.5):
                await _until(lambda: len(liar.questions) > 0)
            assert time.monotonic() - begin >= 0.5

    asyncio.run(main())
    assert Drills.FIRST == 30.0


def test_a_drill_by_another_plan_is_cut_off_and_counts_for_nothing() -> None:
    async def main() -> None:
        echo, may_answer = Echo(), asyncio.Event()

        async def late(question: Question, writer: asyncio.StreamWriter) -> None:
            await may_answer.wait()
            await echo(question, writer)

        async with run_liar(late) as liar, _drills(Plan(liar.url, 60.0)) as (drills, value):
            await _until(lambda: len(liar.questions) == 2)
            drills.follow(None)
            may_answer.set()
            await asyncio.sleep(0.3)  # time enough to read both alerts back
            assert len(liar.questions) == 2
            assert value("failures") is None
            drills.follow(Plan(REFUSED, 60.0))
            await _until(lambda: value("failures") == 1)

    asyncio.run(main())


def test_without_a_plan_there_are_no_more_drills() -> None:
    async def main() -> None:
        async with run_liar(Echo()) as liar, _drills(Plan(liar.url, 0.1)) as (drills, value):
            await _until(lambda: len(liar.questions) >= 16)
            drills.follow(None)
            assert value("failures") is None
            await asyncio.sleep(0.5)  # one that is under way ends
            before = len(liar.questions)
            await asyncio.sleep(0.5)
            assert len(liar.questions) == before

    asyncio.run(main())


@dataclass
class Running:
    """The real daemon in this process, whose first drill comes at once."""

    daemon: Daemon
    address: str
    file: Path
    client: httpx.AsyncClient

    async def page(self) -> Page:
        """What it exports now."""
        return Page((await self.client.get(f"{self.address}/metrics")).text)

    async def reload(self, text: str) -> None:
        """Take this config."""
        self.file.write_text(text)
        await self.daemon.reload()


@asynccontextmanager
async def _daemon(home: Path, text: str) -> AsyncIterator[Running]:
    file = _config(home, text)

    async def reload() -> Settings:
        return load_settings(file, {})

    daemon = Daemon(await reload(), reload, first_drill=0.0)
    with listen("127.0.0.1", 0) as listener:
        running = asyncio.create_task(daemon.run(listener))
        async with httpx.AsyncClient(trust_env=False) as client:
            yield Running(daemon, "http://{}:{}".format(*listener.getsockname()), file, client)
        daemon.stop()
        await asyncio.wait_for(running, 5)


LOOKS = "sources: {handshake: {interval: 100ms, timeout: 90ms}}\n"
TARGET = "discovery: {static: [{namespace: prod, agent: nobody, address: '127.0.0.1:9'}]}\n"


def _drilling(url: str) -> str:
    return f"{LOOKS}{TARGET}drill: {{}}\nalertmanager: {{url: '{url}'}}\n"


def test_the_daemon_goes_on_while_drills_fail_and_hang(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with run_liar(hangs) as liar, _daemon(tmp_path, _drilling(REFUSED)) as running:

            async def failed() -> bool:
                return (await running.page()).value("drill_failures") == 1

            await _until(failed)
            await running.reload(_drilling(liar.url))
            await _until(lambda: len(liar.questions) == 2)  # and now it hangs
            before = (await running.page()).value("looks_total", source="handshake", result="error") or 0

            async def looks() -> bool:
                page = await running.page()
                return (page.value("looks_total", source="handshake", result="error") or 0) > before + 5

            await _until(looks)

    with caplog.at_level(logging.INFO, "watcher"):
        asyncio.run(main())
    failures = [record for record in caplog.records if record.message == "drill failed"]
    assert [(record.levelname, vars(record)["severity"]) for record in failures] == [
        *(("WARNING", "critical"), ("WARNING", "warning"))
    ]
    assert vars(failures[0])["why"] == f"{REFUSED} cannot be asked: Connection refused"
    assert [record for record in caplog.records if record.levelno > logging.WARNING] == []


def test_the_daemon_takes_another_alertmanager_without_a_restart(
    alertmanager: AlertmanagerServer, tmp_path: Path
) -> None:
    async def main() -> None:
        async with _daemon(tmp_path, TARGET) as running:
            assert not (await running.page()).all("drill_failures")
            await running.reload(_drilling(alertmanager.url))

            async def arrived() -> bool:
                return len((await running.page()).all("drill_last_success_timestamp_seconds")) == 2

            await _until(arrived)
            assert (await running.page()).value("drill_failures") == 0
            await running.reload(TARGET)
            page = await running.page()
            assert not page.all("drill_failures") | page.all("drill_last_success_timestamp_seconds")

    asyncio.run(main())
    assert alertmanager.alerts() == []
