"""Pictures on pages and in the API: of the right target and condition, as old as they are, and of nobody's markup."""

import asyncio
import html
import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from probes import AnyProbe
from probes.contract import Sample, Target, TargetKey
from probes.contract.picture import Bar, Measured, Picture, PictureContext
from probes.memory import PROBE as MEMORY
from probes.memory import MemoryHistory, MemoryLimits
from probes.memory.drift import BLOCK
from probes.memory.floors import extended
from probes.memory.history import DRIFT, HIGH, RSS_BYTES
from probes.pool import PROBE as POOL
from probes.pool import PoolHistory, PoolLimits
from probes.pool.history import IN_USE, SATURATED
from probes.pool.trend import Rise
from tests.web.fleet.made_fleet import no_past
from tests.web.markup import Markup
from watcher.config.settings import load_settings
from watcher.discovery.pods.scope import SeenPod
from watcher.engine.debounce import ProbeResult, share
from watcher.engine.engine import Engine
from watcher.engine.restored import Restored
from watcher.runtime.clock import Clock
from watcher.web.pictures.of_agent import pictured_agent
from watcher.web.pictures.of_target import Pictures
from watcher.web.server import make_app
from watcher.web.told import told_by

MIB = 2**20
NOW = 1_790_000_100.0
SCRIPT = "</desc><script>alert(1)</script>"
KEY = TargetKey("prod", "search", "search-0")


class NoPods:
    """Nothing was discovered."""

    failure = ""
    unready = ""

    def seen_pods(self) -> Sequence[SeenPod]:
        """None."""
        return ()


class Pictured:
    """One target whose memory is full and whose pools are named as strangers name them, and what is served of it."""

    def __init__(
        self, directory: Path, *probes: AnyProbe, looked: float = NOW, pools: Sequence[str] = (SCRIPT, "calm")
    ) -> None:
        path = directory / "watcher.yaml"
        path.write_text("{}")
        self.engine = Engine(load_settings(path, {}), list(probes or (MEMORY, POOL)), Clock(lambda: NOW, lambda: 0.0))
        target = Target(
            key=KEY,
            metrics="http://127.0.0.1:1/metrics",
            memory_limit=512 * MIB,
            pool_capacity=100,
            limits={"memory": MemoryLimits(), "pool": PoolLimits()},
        )
        asyncio.run(self.engine.board.replace([target], {}))
        [self.state] = self.engine.board.states.values()
        self.state.post((_memory(looked), _pool(looked, pools)))

    def get(self, path: str) -> httpx.Response:
        """What the app answers."""

        async def ask() -> httpx.Response:
            app = make_app(self.engine, [], lambda: None, NoPods(), None, no_past(self.engine))
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://watcher") as client:
                return await client.get(path)

        return asyncio.run(ask())

    def bars(self) -> list[tuple[str, str]]:
        """On a line of the fleet's page."""
        return [(each.name, each.said) for each in Pictures(self.engine).bars(self.state)]


def _memory(looked: float) -> ProbeResult:
    high = HIGH.true("One process of the agent holds 500.0 MiB.")
    floors = extended(b"", 480.0 * MIB, 500.0 * MIB, 1)
    history = MemoryHistory(floors, int(looked // BLOCK), 500.0 * MIB)
    verdicts = share((high, DRIFT.false()))
    return ProbeResult(looked, verdicts, (looked, looked), (2, 0), (Sample(RSS_BYTES, 500.0 * MIB),), history)


def _pool(looked: float, pools: Sequence[str]) -> ProbeResult:
    use = {name: 90.0 - place for place, name in enumerate(pools)}
    rises = {name: Rise((80,) * 10, int(looked // 60), in_use, 1) for name, in_use in use.items()}
    samples = tuple(Sample(IN_USE, in_use, (name,)) for name, in_use in use.items())
    verdicts = share(tuple(SATURATED.true(f"Pool {name}.", subject=name) for name in pools))
    times = (looked,) * len(pools)
    return ProbeResult(looked, verdicts, times, (2,) * len(pools), samples, PoolHistory(rises))


def test_the_page_of_an_agent_shows_what_each_probe_judged_by_and_nothing_of_it_becomes_markup(tmp_path: Path) -> None:
    answer = Pictured(tmp_path).get("/agents/prod/search-0")
    page = Markup(answer.text)
    assert answer.status_code == 200
    assert answer.text.count('<svg class="picture"') == 3
    assert not page.tags & {"script", "img"}
    assert page.handlers == []
    assert "style=" not in answer.text
    assert f"Connections in use of pool: {SCRIPT}" in page.text
    assert "The process holds 500.0 MiB, 98% of its limit of 512.0 MiB." in page.text
    assert len([each for each in page.ids if each.startswith("picture-0-")]) == 6


def test_a_row_of_the_fleets_page_has_the_bars_of_the_pod_that_leads_it(tmp_path: Path) -> None:
    served = Pictured(tmp_path)
    assert len(served.bars()) >= 2
    page, long_page = served.get("/").text, served.get("/?limit=200").text
    for name, said in served.bars():
        assert f"</svg> {html.escape(name)} <span>{html.escape(said)}</span>" in page
    assert '<ul class="bars">' not in long_page, "of two hundred rows they would be too many bytes"


def test_a_report_of_an_agent_has_the_pictures_of_its_worst_pod(tmp_path: Path) -> None:
    served = Pictured(tmp_path)
    found = asyncio.run(pictured_agent(served.engine, *KEY[:2]))
    assert found is not None
    assert (found.pod, found.pods, list(found.probes)) == (KEY.pod, 1, ["memory", "pool"])
    assert asyncio.run(pictured_agent(served.engine, "prod", "other")) is None


def test_a_condition_that_passes_says_by_how_much(tmp_path: Path) -> None:
    page = Markup(Pictured(tmp_path).get("/agents/prod/search-0").text).text
    drift = "No sustained memory growth."
    assert f"{drift} Over 10m0s its floor went from 480.0 MiB to 480.0 MiB." in page


def test_numbers_are_put_beside_a_condition_when_it_is_read_and_change_nothing_on_the_board(tmp_path: Path) -> None:
    served = Pictured(tmp_path)
    before = served.state.results
    [target] = served.get("/api/v1/targets/prod/search-0").json()["targets"]
    said = {each["condition"]: each["message"] for each in target["conditions"]}
    assert said["MemoryDrift"] == f"{DRIFT.all_clear} Over 10m0s its floor went from 480.0 MiB to 480.0 MiB."
    assert said["MemoryHigh"] == "One process of the agent holds 500.0 MiB.", "what fails has its own"
    assert said == {
        each["condition"]: each["message"]
        for one in served.get("/api/v1/targets").json()["targets"]
        for each in one["conditions"]
    }
    assert served.state.results is before
    assert [each.verdict.text for each in served.engine.board.conditions(served.state)][-1] == DRIFT.all_clear


def test_what_is_too_old_has_no_numbers(tmp_path: Path) -> None:
    served = Pictured(tmp_path, looked=NOW - 3600)
    assert {each.verdict.reason for each in told_by(served.engine)(served.state)} == {"Stale"}


def test_a_probe_that_cannot_tell_its_numbers_costs_these_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def measured(_: MemoryHistory, __: PictureContext[Any]) -> Iterator[Measured]:
        raise ZeroDivisionError
        yield

    served = Pictured(tmp_path, replace(MEMORY, measured=measured), POOL)
    with caplog.at_level(logging.ERROR):
        assert [each.verdict.text for each in told_by(served.engine)(served.state)][-1] == DRIFT.all_clear
    assert {record.getMessage() for record in caplog.records} == {"numbers cannot be had"}


def test_a_runbook_shows_the_pictures_of_its_own_condition_and_subject(tmp_path: Path) -> None:
    served = Pictured(tmp_path)
    page = served.get("/runbooks/AgentWeaveMemoryHigh?namespace=prod&agent=search").text
    assert page.count('<svg class="picture"') == 1
    assert "Memory of one process" in page
    page = served.get("/runbooks/AgentWeavePoolSaturated?namespace=prod&agent=search&subject=calm").text
    assert page.count('<svg class="picture"') == 1
    assert "Connections in use of pool: calm" in page
    assert '<svg class="picture"' not in served.get("/runbooks/AgentWeaveMemoryHigh").text
    assert '<svg class="picture"' not in served.get("/runbooks/AgentWeaveWatcherDown?namespace=prod").text


def test_the_api_has_what_is_drawn_with_dates_and_units(tmp_path: Path) -> None:
    served = Pictured(tmp_path)
    found = served.get("/api/v1/targets/prod/search-0/pictures").raise_for_status().json()
    memory, hostile, calm = found["pictures"]
    assert found["failed"] == []
    assert [each["subject"] for each in (memory, hostile, calm)] == ["", SCRIPT, "calm"]
    assert (memory["namespace"], memory["pod"], memory["probe"], memory["unit"]) == (
        "prod",
        "search-0",
        "memory",
        "bytes",
    )
    assert memory["conditions"] == ["MemoryHigh", "MemoryDrift", "MemoryExhaustionPredicted"]
    assert memory["end"] == found["generated_at"] == "2026-09-21T14:15:00Z"
    assert memory["series"][-1] == {
        "name": "latest probe result",
        "origin": "measured",
        "tone": "plain",
        "points": [["2026-09-21T14:15:00Z", 500.0 * MIB]],
    }
    assert served.get("/api/v1/targets/prod/nobody/pictures").status_code == 404


def test_what_is_too_old_is_not_shown_as_of_now(tmp_path: Path) -> None:
    old = Pictured(tmp_path, looked=NOW - 3600)
    assert Pictured(tmp_path).bars() == [("memory", "500.0 MiB of 512.0 MiB"), ("fullest of 2 pools", "90 of 100")]
    assert old.bars() == []
    assert "The latest probe result does not show it." in old.get("/agents/prod/search-0").text


def test_a_page_has_room_for_six_pictures_of_a_probe_and_says_that_there_are_more(tmp_path: Path) -> None:
    page = (
        Pictured(tmp_path, MEMORY, POOL, pools=[f"pool-{place}" for place in range(9)])
        .get("/agents/prod/search-0")
        .text
    )
    assert page.count('<svg class="picture"') == 1 + 6
    assert "of pool: pool-5" in page
    assert "of pool: pool-6" not in page
    assert "The first 6 are shown, worst first." in page


def test_a_probe_that_raises_costs_its_own_pictures_and_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def pictures(_: PoolHistory, __: PictureContext[Any]) -> Iterator[Picture]:
        raise ZeroDivisionError
        yield

    def bars(_: PoolHistory, __: PictureContext[Any]) -> Iterator[Bar]:
        raise ZeroDivisionError
        yield

    served = Pictured(tmp_path, MEMORY, replace(POOL, pictures=pictures, bars=bars))
    with caplog.at_level(logging.ERROR):
        page = served.get("/agents/prod/search-0").text
        found = served.get("/api/v1/targets/prod/search-0/pictures").json()
    assert page.count('<svg class="picture"') == 1
    assert "The pictures of pool cannot be made; the log of the watcher says why." in page
    assert (len(found["pictures"]), found["failed"]) == (1, ["pool"])
    assert served.bars() == [("memory", "500.0 MiB of 512.0 MiB")]
    assert {record.getMessage() for record in caplog.records} == {"pictures cannot be made", "bars cannot be made"}


def test_before_the_first_look_the_past_of_an_earlier_process_is_shown_and_nothing_of_now(tmp_path: Path) -> None:
    served = Pictured(tmp_path)
    history = {"memory": MemoryHistory(block=int(NOW // BLOCK) - 3, lowest=300.0 * MIB)}
    [target] = [state.target for state in served.engine.board.states.values()]
    asyncio.run(served.engine.board.replace([], {}))
    asyncio.run(served.engine.board.replace([target], {KEY: Restored(history=history)}))
    [memory] = served.get("/api/v1/targets/prod/search-0/pictures").json()["pictures"]
    assert [value for line in memory["series"] for _, value in line["points"]] == [300.0 * MIB]
    assert memory["text"] == "The latest probe result does not show it."
