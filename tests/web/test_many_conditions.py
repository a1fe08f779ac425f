"""Of a target with thousands of conditions the pages show the worst, the API all, and neither holds up a look."""

import asyncio
import json
from collections.abc import Sequence

from probes.contract import Unknown, Verdict
from tests.engine.toy import FIRE, PAGES, SMOKE, TOY, History, target
from watcher.engine.board import Board
from watcher.engine.debounce import ProbeResult, share
from watcher.web.fleet.agent_rows import fleet_rows
from watcher.web.fleet.fleet_query import FleetQuery
from watcher.web.fleet.page import SHOWN_CONDITIONS, SHOWN_IN_ALL, no_bars, shown_rows
from watcher.web.fleet.row_words import Said
from watcher.web.fleet.selection import select
from watcher.web.target_json import listing

NOW = 1_790_000_000.0


def _board(*of_each: Sequence[Verdict]) -> Board:
    board = Board([TOY], [PAGES], lambda: NOW)
    board.set_intervals({"agent_metrics": 30.0})
    asyncio.run(board.replace([target(f"pod-{place:03d}") for place in range(len(of_each))], {}))
    for state, verdicts in zip(board.states.values(), of_each, strict=True):
        state.post((ProbeResult(NOW, share(tuple(verdicts)), (NOW - 60,) * len(verdicts), (), (), History()),))
    return board


def _smoking(count: int) -> list[Verdict]:
    return [SMOKE.true("It smokes.", "White", f"room-{number}") for number in range(count)]


def _listed(board: Board) -> tuple[dict[str, list[dict[str, object]]], list[str]]:
    async def pieces() -> list[str]:
        return [piece async for piece in listing(board, list(board.states.values()), NOW, board.conditions)]

    said = asyncio.run(pieces())
    return json.loads("".join(said)), said


def test_the_api_has_all_conditions_of_each_target_in_pieces() -> None:
    document, pieces = _listed(_board(_smoking(3000), [SMOKE.false("hall")], _smoking(101), []))
    counts = [len(each["conditions"]) for each in document["targets"]]  # type: ignore[arg-type]
    assert counts == [3000, 1, 101, 0]
    assert max(map(len, pieces)) < 64_000
    assert len(pieces) > 10


def _said(board: Board, count: int) -> list[Said]:
    async def read() -> list[Said]:
        selection = await select(board, FleetQuery(), NOW)
        found = await fleet_rows(board, selection, by_pod=True, fold=False, now=NOW)
        return [each.said for each in await shown_rows(board, found.rows, no_bars, NOW) if each.said is not None]

    said = asyncio.run(read())
    assert len(said) == count
    return said


def test_the_fleets_page_has_few_conditions_of_each_target_and_counts_the_rest() -> None:
    said = _said(_board(*[_smoking(1000)] * 60), 60)
    shown = [len(each.told) for each in said]
    full = SHOWN_IN_ALL // SHOWN_CONDITIONS
    assert shown == [SHOWN_CONDITIONS] * full + [1] * (60 - full)
    assert [each.left_out for each in said] == [1000 - each for each in shown]


def test_conditions_that_lack_the_same_fact_are_said_once() -> None:
    lacking = [kind.unknown(Unknown.FACT_UNKNOWN, "No plan of the house.") for kind in (SMOKE, FIRE)]
    [said] = _said(_board([*lacking, SMOKE.unknown(Unknown.FACT_UNKNOWN, "No key.", "attic"), *_smoking(1)]), 1)
    told = [([each.condition.verdict, *(one.verdict for one in each.others)], each.pods) for each in said.told]
    assert [([verdict.kind.name for verdict in verdicts], pods) for verdicts, pods in told] == [
        (["Smoke"], 1),
        (["Smoke", "Fire"], 1),
        (["Smoke"], 1),
    ]
    assert said.told[0].health == "warning"
    assert said.told[1].condition.verdict.text == "No plan of the house."


def test_what_a_failed_probe_leaves_open_is_counted() -> None:
    unevaluated = [kind.unknown(Unknown.SOURCE_FAILED) for kind in (FIRE, SMOKE)]
    [said] = _said(_board([*unevaluated, *_smoking(1)]), 1)
    assert (len(said.told), said.unevaluated) == (1, 2)
