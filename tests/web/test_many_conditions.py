"""Of a target with thousands of conditions the pages show the worst, the API all, and neither holds up a look."""

import asyncio
import json
from collections.abc import Sequence

from probes.contract import Unknown, Verdict
from tests.engine.toy import FIRE, PAGES, SMOKE, TOY, History, target
from watcher.engine.board import Board
from watcher.engine.debounce import ProbeResult, share
from watcher.web.pages import SHOWN_CONDITIONS, SHOWN_IN_ALL, Folded, fleet_lines
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
        return [piece async for piece in listing(board, list(board.states.values()), NOW)]

    said = asyncio.run(pieces())
    return json.loads("".join(said)), said


def test_the_api_has_all_conditions_of_each_target_in_pieces() -> None:
    document, pieces = _listed(_board(_smoking(3000), [SMOKE.false("hall")], _smoking(101), []))
    counts = [len(each["conditions"]) for each in document["targets"]]  # type: ignore[arg-type]
    assert counts == [3000, 1, 101, 0]
    assert max(map(len, pieces)) < 64_000
    assert len(pieces) > 10


def test_the_fleets_page_has_few_conditions_of_each_target_and_counts_the_rest() -> None:
    wanted = {"namespace": "", "agent": "", "status": ""}
    board = _board(*[_smoking(1000)] * 60)
    _, lines = asyncio.run(fleet_lines(board, wanted, board.oldest(NOW)))
    shown = [len(line.telling) for line in lines]
    assert shown == [SHOWN_CONDITIONS] * (SHOWN_IN_ALL // SHOWN_CONDITIONS) + [1] * 20
    assert [line.left_out for line in lines] == [1000 - each for each in shown]


def test_conditions_that_lack_the_same_fact_are_one_line_with_the_reason_once() -> None:
    wanted = {"namespace": "", "agent": "", "status": ""}
    lacking = [kind.unknown(Unknown.FACT_UNKNOWN, "No plan of the house.") for kind in (SMOKE, FIRE)]
    board = _board([*lacking, SMOKE.unknown(Unknown.FACT_UNKNOWN, "No key.", "attic"), *_smoking(1)])
    _, [line] = asyncio.run(fleet_lines(board, wanted, board.oldest(NOW)))
    assert [each.verdict.status for each in line.telling] == ["true"]
    assert line.folded == [
        Folded("unknown", ["Fire", "Smoke"], "No plan of the house."),
        Folded("unknown", ["Smoke"], "No key."),
    ]
