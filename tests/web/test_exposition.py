"""The page at /metrics as it is written: of one piece, whatever happens between its pieces."""

import asyncio
from collections.abc import Callable

from prometheus_client import CollectorRegistry

from probes.contract import Metric, Sample
from tests.engine.toy import FIRE, HEAT, PAGES, SMOKE, TOY, History, Rooms, target
from tests.servers.daemon import Page
from watcher.engine.board import Board, Look
from watcher.engine.debounce import ProbeResult, debounce
from watcher.web.exposition import render

NOW = 1_790_000_000.0


def _board(pods: int = 2) -> Board:
    board = Board([TOY], [PAGES], lambda: NOW)
    board.set_intervals({"agent_metrics": 30.0})
    asyncio.run(board.replace([target(f"pod-{number}") for number in range(pods)], {}))
    for state in board.states.values():
        state.looks = {"agent_metrics": Look("agent_metrics", NOW - 20, 0.01, Rooms())}
        settled = debounce((FIRE.true("It burns."), SMOKE.false("hall")), {}, 1, NOW - 20)
        state.post((ProbeResult(NOW - 20, *settled, (Sample(HEAT, 70.0, ("hall",)),), History()),))
    return board


def _rendered(board: Board, meanwhile: Callable[[], object], *, now: float = NOW) -> Page:
    async def main() -> str:
        pieces = []
        async for piece in render(board, CollectorRegistry(), now, openmetrics=False):
            pieces.append(piece.decode())
            meanwhile()
        return "".join(pieces)

    return Page(asyncio.run(main()))


def test_what_is_too_old_is_unknown_and_its_values_are_gone() -> None:
    page = _rendered(_board(), lambda: None, now=NOW + 71)
    assert page.verdict("Fire", pod="pod-0") == "unknown Stale"
    assert page.verdict("Smoke", pod="pod-0", subject="hall") == "unknown Stale"
    assert not page.all("heat_celsius")


def test_a_reload_in_the_middle_of_a_page_does_not_show_in_it() -> None:
    board = _board()
    undisturbed = _rendered(board, lambda: None)

    def reload() -> None:
        board.set_intervals({"agent_metrics": 1.0})  # all is stale by these
        board.states = {}

    assert _rendered(board, reload).text == undisturbed.text
    assert undisturbed.verdict("Fire", pod="pod-1") == "true Fire"


def test_a_look_in_the_middle_of_a_page_does_not_show_in_it() -> None:
    board = _board()
    undisturbed = _rendered(board, lambda: None)

    def look() -> None:
        for state in board.states.values():
            state.post((ProbeResult(NOW, *debounce((FIRE.false(),), {}, 1, NOW), (), History()),))

    assert _rendered(board, look).text == undisturbed.text


def test_fifty_subjects_are_exported_trouble_first_and_the_rest_is_counted() -> None:
    board = _board(pods=1)
    [state] = board.states.values()
    verdicts = [SMOKE.false(f"room-{number}") for number in range(60)]
    verdicts[55:] = [SMOKE.true("It smokes.", "Black", f"room-{number}") for number in range(55, 60)]
    samples = tuple(Sample(HEAT, 20.0, (f"room-{number}",)) for number in range(60))
    state.post((ProbeResult(NOW, *debounce((FIRE.false(), *verdicts), {}, 1, NOW), samples, History()),))
    page = _rendered(board, lambda: None)
    told = {dict(labels)["subject"]: value for labels, value in page.all("condition", condition="Smoke").items()}
    assert len(told) == 50
    assert {subject for subject, value in told.items() if value} == {f"room-{number}" for number in range(55, 60)}
    assert page.verdict("Fire") == "false"
    assert {dict(labels)["room"] for labels in page.all("heat_celsius")} == set(told)
    assert page.value("subjects_dropped") == 10
    assert page.value("conditions", condition="Smoke", status="true") == 1
    assert sum(each.verdict.kind is SMOKE for each in board.conditions(state)) == 60


def test_a_label_that_is_no_text_costs_nobody_the_page() -> None:
    board = _board()
    state = next(iter(board.states.values()))
    state.post((ProbeResult(NOW, *debounce((SMOKE.false("\ud800"),), {}, 1, NOW), (), History()),))
    page = _rendered(board, lambda: None)
    assert page.verdict("Smoke", pod="pod-0", subject="?") == "false"
    assert page.verdict("Smoke", pod="pod-1", subject="hall") == "false"


def test_a_value_of_a_metric_that_the_probe_did_not_declare_does_not_cost_the_page() -> None:
    board = _board(pods=1)
    [state] = board.states.values()
    [result] = state.results
    assert result is not None
    stray = Metric(name="stray", help="Declared by nobody.")
    state.post((result._replace(samples=(Sample(stray, 1.0), *result.samples)),))
    page = _rendered(board, lambda: None)
    assert page.value("heat_celsius", pod="pod-0", room="hall") == 70
    assert "stray" not in page.text
