"""A snapshot a day of each agent: taken once, kept over restarts, alike ones kept once, and forgotten when old."""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import TypeVar

import pytest

from probes.controls.evidence import AgentRef
from probes.controls.finding import State
from tests.checklist.live.judged import SEARCH, Live, pod_target
from watcher.checklist.live.history.daily_history import DailyHistory, day_of
from watcher.checklist.live.history.past_days import Kept
from watcher.config.changes import HistorySettings
from watcher.metrics.own import OwnMetrics

DAY = 86400.0
CONTROL = "testing.unit.pass"
OWN_METRICS = OwnMetrics([], [])
T = TypeVar("T")


def _live(*agents: AgentRef) -> Live:
    live = Live()
    live.watch(*(pod_target(f"{each.agent}-0", each) for each in agents))
    live.wait(30.0)
    return live


def _with(live: Live, home: Path, script: Callable[[DailyHistory], Awaitable[T]], **settings: str) -> T:
    async def main() -> T:
        history = DailyHistory(HistorySettings.model_validate(settings), home, live.view, OWN_METRICS)
        try:
            return await script(history)
        finally:
            await history.close()

    return asyncio.run(main())


def _state(found: object) -> str:
    assert found is not None
    findings = found.found["agent"]["findings"]  # type: ignore[attr-defined]
    [state] = [each["state"] for each in findings if each["control"] == CONTROL]
    return str(state)


def _turn(live: Live) -> None:
    findings = dict(live.view.findings(SEARCH))
    findings[CONTROL] = findings[CONTROL]._replace(state=State.FAIL, underlying=State.FAIL, reason="Violated")
    live.checklist.store.put(SEARCH, findings)


def _rows(home: Path) -> tuple[int, int]:
    with sqlite3.connect(home / "history.db") as database:
        return (
            database.execute("SELECT count(*) FROM day").fetchone()[0],
            database.execute("SELECT count(*) FROM body").fetchone()[0],
        )


def test_each_day_has_what_was_true_at_its_begin_and_days_that_are_alike_are_kept_once(tmp_path: Path) -> None:
    live = _live(SEARCH)
    days = [day_of(live.view.now + number * DAY) for number in range(4)]

    async def first(history: DailyHistory) -> None:
        for number in range(3):
            await history.tick()
            await history.tick()
            if number == 1:
                _turn(live)
            live.uptime += DAY

    async def second(history: DailyHistory) -> None:
        await history.tick()
        assert await history.agents(days[0]) == [SEARCH]
        states = [_state(await history.find(day, SEARCH)) for day in days]
        assert states == ["unknown", "unknown", "fail", "fail"]
        assert await history.kept(SEARCH) == Kept(days[0], days[3])
        assert await history.kept(AgentRef("prod", "other")) == Kept("", "")
        before = (date.fromisoformat(days[0]) - timedelta(days=1)).isoformat()
        assert await history.find(before, SEARCH) is None

    _with(live, tmp_path, first)
    _with(live, tmp_path, second)
    assert _rows(tmp_path) == (4, 2)


def test_what_is_older_than_is_kept_is_forgotten_with_its_body(tmp_path: Path) -> None:
    live = _live(SEARCH)

    async def script(history: DailyHistory) -> None:
        await history.tick()
        _turn(live)
        for _ in range(2):
            live.uptime += 2 * DAY
            await history.tick()

    _with(live, tmp_path, script, keep="2d")
    assert _rows(tmp_path) == (2, 1)


def test_agents_that_are_alike_stay_themselves(tmp_path: Path) -> None:
    other = AgentRef("prod", "other")
    live = _live(SEARCH, other)

    async def script(history: DailyHistory) -> list[str]:
        await history.tick()
        day = day_of(live.view.now)
        found = [await history.find(day, each) for each in (SEARCH, other)]
        return [each.found["agent"]["agent"] for each in found if each is not None]

    assert _with(live, tmp_path, script) == ["search", "other"]


def test_where_there_is_no_room_the_oldest_days_go(tmp_path: Path) -> None:
    live, random = _live(SEARCH), Random(1)

    async def script(history: DailyHistory) -> list[bool]:
        days = [day_of(live.view.now + number * DAY) for number in range(30)]
        told = set[str]()
        for _ in days:
            findings = {
                name: each._replace(message=random.randbytes(200).hex(), since=each.since + live.uptime)
                for name, each in live.view.findings(SEARCH).items()
            }
            live.checklist.store.put(SEARCH, findings)
            await history.tick()
            live.uptime += DAY
            told.add(history.told())
        no_room = "daily snapshots have no more room than checklist.history.max_bytes: the oldest"
        assert [each.startswith(no_room) for each in sorted(told)[1:]], told
        assert history.unwritable == ""
        return [await history.find(day, SEARCH) is not None for day in days]

    found = _with(live, tmp_path, script, max_bytes="1Mi")
    assert found == sorted(found)
    assert 10 < sum(found) < 25


def test_a_file_that_is_none_is_set_aside_and_a_folder_that_is_gone_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    live = _live(SEARCH)
    (tmp_path / "history.db").write_text("no database, but some text that is long enough to be read as one" * 20)

    async def taken(history: DailyHistory) -> str:
        await history.tick()
        return history.told()

    with caplog.at_level(logging.WARNING):
        assert _with(live, tmp_path, taken) == ""
    assert "cannot read the database of daily snapshots, starting a new one" in caplog.messages
    assert (tmp_path / "history.db.unreadable").exists()
    assert _rows(tmp_path) == (1, 1)
    told = _with(live, tmp_path / "gone", taken)
    assert told == f"daily snapshots cannot be kept: {tmp_path}/gone/history.db: unable to open database file"
    value = OWN_METRICS.registry.get_sample_value
    failed = value("agentweave_watcher_evidence_writes_total", {"kind": "snapshot", "result": "error"})
    assert failed == 1
