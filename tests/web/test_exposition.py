"""The page at /metrics as it is written: of one piece, whatever happens between its pieces."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from math import inf, nan
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from probes import AnyProbe
from probes.contract import Metric, Sample, Unknown
from tests.engine.toy import FANNED, FIRE, HEAT, PAGES, SMOKE, TOY, History, Rooms, target
from tests.servers.daemon import Page
from watcher.engine.board import Board, Look
from watcher.engine.debounce import ProbeResult, debounce
from watcher.metrics.families import BOARD_FAMILIES, PREFIX
from watcher.runtime.cooperative import LONGEST
from watcher.web.exposition import render

NOW = 1_790_000_000.0
SMELL = Metric(name="smell_info", help="What it smells of, while it burns.", labels=("smell",), trouble=True)
OWN = CollectorRegistry()
Gauge(f"{PREFIX}targets", "Targets that are watched.", registry=OWN).set(3)


def _board(pods: int = 2, probe: AnyProbe = TOY, **parts: Any) -> Board:
    board = Board([probe], [PAGES], lambda: NOW)
    board.set_intervals({"agent_metrics": 30.0})
    asyncio.run(board.replace([target(f"pod-{number}", **parts) for number in range(pods)], {}))
    for state in board.states.values():
        state.looks = {"agent_metrics": Look("agent_metrics", NOW - 20, 0.01, Rooms())}
        settled = debounce((FIRE.true("It burns."), SMOKE.false("hall")), {}, 1, NOW - 20)
        state.post((ProbeResult(NOW - 20, *settled, (Sample(HEAT, 70.0, ("hall",)),), History()),))
    return board


def _pieces(
    board: Board,
    meanwhile: Callable[[], object] = lambda: None,
    *,
    own: CollectorRegistry | None = None,
    now: float = NOW,
    openmetrics: bool = False,
) -> list[str]:
    async def main() -> list[str]:
        pieces = []
        async for piece in render(board, own or CollectorRegistry(), now, openmetrics=openmetrics):
            pieces.append(piece.decode())
            meanwhile()
        return pieces

    return asyncio.run(main())


def _rendered(board: Board, meanwhile: Callable[[], object] = lambda: None, *, now: float = NOW) -> Page:
    return Page("".join(_pieces(board, meanwhile, now=now)))


def _say(board: Board, *samples: Sample) -> None:
    for state in board.states.values():
        [result] = state.results
        assert result is not None
        state.post((result._replace(samples=samples),))


def _families(text: str) -> dict[str, Any]:
    """What a reader of OpenMetrics makes of a page; ValueError where it is none."""
    found = text_string_to_metric_families(text)  # type: ignore[no-untyped-call]  # theirs
    return {each.name.removeprefix(PREFIX): each for each in found}


def test_what_is_as_old_as_it_may_be_is_still_told() -> None:
    page = _rendered(_board(), now=NOW + 70)
    assert page.verdict("Fire", pod="pod-0") == "true Fire"
    assert page.value("heat_celsius", pod="pod-0") == 70


def test_what_is_too_old_is_unknown_and_its_values_are_gone() -> None:
    page = _rendered(_board(), now=NOW + 71)
    assert page.verdict("Fire", pod="pod-0") == "unknown Stale"
    assert page.verdict("Smoke", pod="pod-0", subject="hall") == "unknown Stale"
    assert not page.all("heat_celsius")


def test_a_reload_in_the_middle_of_a_page_does_not_show_in_it() -> None:
    board = _board()
    undisturbed = _rendered(board)

    def reload() -> None:
        board.set_intervals({"agent_metrics": 1.0})  # all is stale by these
        board.states = {}

    assert _rendered(board, reload).text == undisturbed.text
    assert undisturbed.verdict("Fire", pod="pod-1") == "true Fire"


def test_a_look_in_the_middle_of_a_page_does_not_show_in_it() -> None:
    board = _board()
    undisturbed = _rendered(board)

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
    page = _rendered(board)
    told = {dict(labels)["subject"]: value for labels, value in page.all("condition", condition="Smoke").items()}
    assert len(told) == 50
    assert {subject for subject, value in told.items() if value} == {f"room-{number}" for number in range(55, 60)}
    assert page.verdict("Fire") == "false"
    assert {dict(labels)["room"] for labels in page.all("heat_celsius")} == set(told)
    assert page.value("subjects_dropped") == 10
    assert page.value("conditions", condition="Smoke", status="true") == 1
    assert sum(each.verdict.kind is SMOKE for each in board.conditions(state)) == 60


def test_what_is_said_of_a_trouble_is_exported_before_subjects_that_are_well() -> None:
    board = _board(pods=1, probe=replace(TOY, metrics=(*TOY.metrics, SMELL)))
    [state] = board.states.values()
    well = [SMOKE.false(f"room-{number}") for number in range(60)]
    smell = Sample(SMELL, 1.0, ("a smell of burning",))
    state.post((ProbeResult(NOW, *debounce((FIRE.true("It burns."), *well), {}, 1, NOW), (smell,), History()),))
    page = _rendered(board)
    assert page.all("smell_info", smell="a smell of burning")
    assert len(page.all("condition", condition="Smoke")) == 49


def test_a_label_that_is_no_text_costs_nobody_the_page() -> None:
    board = _board()
    state = next(iter(board.states.values()))
    state.post((ProbeResult(NOW, *debounce((SMOKE.false("\ud800"),), {}, 1, NOW), (), History()),))
    page = _rendered(board)
    assert page.verdict("Smoke", pod="pod-0", subject="?") == "false"
    assert page.verdict("Smoke", pod="pod-1", subject="hall") == "false"


def test_a_value_of_a_metric_that_the_probe_did_not_declare_does_not_cost_the_page() -> None:
    board = _board(pods=1)
    [state] = board.states.values()
    [result] = state.results
    assert result is not None
    stray = Metric(name="stray", help="Declared by nobody.")
    state.post((result._replace(samples=(Sample(stray, 1.0), *result.samples)),))
    page = _rendered(board)
    assert page.value("heat_celsius", pod="pod-0", room="hall") == 70
    assert "stray" not in page.text


@pytest.mark.parametrize("pods", [0, 1, 100, 101, 250])
def test_however_many_targets_there_are_each_is_told_once(pods: int) -> None:
    board = _board(pods)
    _say(board, Sample(HEAT, 70.0, ("hall",)), Sample(FANNED, 3.0))
    page = _rendered(board)
    told = {f"pod-{number}" for number in range(pods)}
    for name in ("condition_reason_info", "target_info", "heat_celsius", "fanned_total"):
        series = [dict(labels)["pod"] for labels in page.all(name)]
        assert (len(series), set(series)) == (pods, told), name
    assert len(page.all("condition")) == 2 * pods
    assert page.contradictions == []
    assert not page.all("subjects_dropped"), "nothing was left out"


def test_every_family_has_its_head_once_and_before_its_series() -> None:
    board = _board(250)
    _say(board, Sample(HEAT, 70.0, ("hall",)), Sample(FANNED, 3.0))
    lines = _rendered(board).text.splitlines()
    for metric in (*BOARD_FAMILIES, HEAT, FANNED):
        name = PREFIX + metric.name
        heads = [place for place, line in enumerate(lines) if line == f"# TYPE {name} {metric.kind}"]
        assert [lines[place - 1] for place in heads] == [f"# HELP {name} {metric.help}"]
        series = [place for place, line in enumerate(lines) if line.startswith(f"{name}{{")]
        assert series == list(range(heads[0] + 1, heads[0] + 1 + len(series))), "a family is of one piece"


def test_conditions_are_counted_with_the_reason_only_of_what_is_unknown() -> None:
    board = _board(3)
    state = next(iter(board.states.values()))
    found = (FIRE.unknown(Unknown.MALFORMED), SMOKE.false("hall"), SMOKE.true("It smokes.", "Black", "den"))
    state.post((ProbeResult(NOW, *debounce(found, {}, 1, NOW), (), History()),))
    page = _rendered(board)
    names = ("condition", "status", "reason")
    told = {tuple(map(dict(at).get, names)): value for at, value in page.all("conditions", probe="toy").items()}
    assert told == {
        ("Fire", "true", ""): 2,
        ("Fire", "unknown", "Malformed"): 1,
        ("Smoke", "false", ""): 3,
        ("Smoke", "true", ""): 1,
    }


def test_where_each_target_has_a_sentence_of_its_own_all_are_told_and_counted_as_one() -> None:
    board = _board(60)
    for number, state in enumerate(board.states.values()):
        found = (FIRE.true(f"It burns at {number} C."), SMOKE.unknown(Unknown.WARMING_UP, f"Has {number} of 99 looks."))
        state.post((ProbeResult(NOW, *debounce(found, {}, 1, NOW), (), History()),))
    page = _rendered(board)
    assert len({id(state.shown) for state in board.states.values()}) == 1
    assert [len(page.all(name)) for name in ("condition", "condition_reason_info", "condition_unknown")] == [60] * 3
    assert sorted(page.all("conditions").values()) == [60, 60]
    assert page.contradictions == []


def test_a_target_is_told_with_the_first_of_its_expected_identities() -> None:
    ids = ("spiffe://example.org/a", "spiffe://example.org/b")
    page = _rendered(_board(1, node="n-1", workload='deploy/"x"', spiffe_ids=ids))
    info = page.all("target_info", node="n-1", workload='deploy/"x"', spiffe_id=ids[0], pod="pod-0")
    assert list(info.values()) == [1]
    assert list(_rendered(_board(1)).all("target_info", node="", spiffe_id="").values()) == [1]


def test_a_target_is_told_with_the_labels_that_its_alerts_carry() -> None:
    page = _rendered(_board(1, alert_labels=(("team", 'a"b'), ("tier", "1"))))
    assert list(page.all("target_info", label_team='a"b', label_tier="1", pod="pod-0").values()) == [1]
    assert "label_" not in _rendered(_board(1)).text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.1, "0.1"), (1e300, "1e+300"), (-3, "-3"), (inf, "+Inf"), (-inf, "-Inf"), (nan, "NaN"), (2.0**60, str(2.0**60))],
)
def test_a_value_is_written_as_everybody_reads_it(value: float, text: str) -> None:
    board = _board(1)
    _say(board, Sample(FANNED, value))
    [line] = [line for line in _rendered(board).text.splitlines() if line.startswith(f"{PREFIX}fanned")]
    assert line.rpartition("} ")[2] == text


def test_a_moment_is_told_by_the_date_as_it_is_set_now_and_other_values_as_they_are() -> None:
    lit = Metric(name="lit_timestamp_seconds", help="When it was lit.", moment=True)
    probe = replace(TOY, metrics=(HEAT, lit))
    told = []
    for ahead in (0.0, -3600.0):
        board = Board([probe], [PAGES], lambda: NOW, lambda moment, ahead=ahead: moment + ahead)  # type: ignore[misc]  # bound at once
        board.set_intervals({"agent_metrics": 30.0})
        asyncio.run(board.replace([target()], {}))
        [state] = board.states.values()
        samples = (Sample(lit, NOW - 60), Sample(HEAT, 70.0, ("hall",)))
        state.post((ProbeResult(NOW, *debounce((FIRE.false(),), {}, 1, NOW), samples, History()),))
        page = _rendered(board)
        told.append((page.value("lit_timestamp_seconds"), page.value("heat_celsius")))
    assert told == [(NOW - 60, 70.0), (NOW - 3660, 70.0)]


def test_what_is_counted_over_the_fleet_is_told_by_the_daemon_and_not_by_the_board() -> None:
    fleet = Metric(name="alarms_total", help="Alarms.", kind="counter", fleet=True)
    board = _board(1, replace(TOY, metrics=(HEAT, fleet)))
    _say(board, Sample(HEAT, 70.0, ("hall",)), Sample(fleet, 3.0))
    assert "alarms" not in _rendered(board).text
    only_fleet = _board(1, replace(TOY, metrics=(fleet,)))
    assert "alarms" not in _rendered(only_fleet).text


def test_an_openmetrics_page_is_one_to_its_end() -> None:
    board = _board(3)
    _say(board, Sample(HEAT, 70.0, ("hall",)), Sample(FANNED, 3.0))
    text = "".join(_pieces(board, own=OWN, openmetrics=True))
    families = _families(text)
    assert text.endswith("# EOF\n")
    assert (families["fanned"].type, len(families["fanned"].samples)) == ("counter", 3)
    assert (families["heat_celsius"].type, len(families["heat_celsius"].samples)) == ("gauge", 3)
    assert f"# TYPE {PREFIX}conditions gauge\n" in text
    assert families["targets"].samples[0].value == 3
    assert _pieces(board, own=OWN)[-1] == generate_latest(OWN).decode(), "and another page has no such end"


def test_looks_go_on_between_the_pieces_of_a_page_that_takes_long() -> None:
    board = _board(250)
    _say(board, Sample(HEAT, 70.0, ("hall",)), Sample(FANNED, 3.0))
    looks: list[None] = []
    looked: list[int] = []

    def meanwhile() -> None:
        looked.append(len(looks))
        asyncio.get_running_loop().call_soon(looks.append, None)
        end = time.monotonic() + 2 * LONGEST
        while time.monotonic() < end:
            pass

    pieces = _pieces(board, meanwhile)
    waited = [after - place for place, after in enumerate(looked[1:], 1) if not pieces[place - 1].startswith("#")]
    assert waited == [0] * len(waited), "as many looks as pieces before"
    assert len(waited) >= 7 * 3
