import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from probes.contract import Sample, Unknown, Verdict
from tests.toy import FANNED, FIRE, HEAT, PAGES, SMOKE, TOY, target
from watcher.board import Board
from watcher.exposition import render
from watcher.settle import Sheet, settle

NOW = 1_790_000_000.0
Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def _board(found: Sequence[tuple[Verdict, ...]], samples: tuple[Sample, ...] = (), **key: str) -> Board:
    board = Board([TOY], [PAGES], lambda: NOW)
    board.set_intervals({"agent_metrics": 30.0})
    targets = [target(f"pod-{place}", **key) for place in range(len(found))]
    asyncio.run(board.replace(targets, {}))
    for row, verdicts in zip(board.rows.values(), found, strict=True):
        row.post((Sheet(NOW, *settle(verdicts, {}, 1, NOW), samples, None),))
    return board


async def _page(board: Board, *, openmetrics: bool, now: float) -> str:
    own = CollectorRegistry()
    Gauge("agentweave_watcher_targets", "Targets.", registry=own).set(len(board.rows))
    return b"".join([piece async for piece in render(board, own, now, openmetrics=openmetrics)]).decode()


def _series(board: Board, *, openmetrics: bool = False, now: float = NOW) -> Series:
    page = asyncio.run(_page(board, openmetrics=openmetrics, now=now))
    families = (parse_openmetrics if openmetrics else parse_text)(page)
    lines = [sample for family in families for sample in family.samples]
    series = {
        (each.name.removeprefix("agentweave_watcher_"), tuple(sorted(each.labels.items()))): each.value
        for each in lines
    }
    assert len(series) == len(lines), "a series is doubled"
    return series


def _of(series: Series, name: str) -> dict[tuple[str, ...], float]:
    """The series of one family by condition, subject and reason, where they have them."""
    wanted = ("condition", "subject", "reason")
    return {
        tuple(value for key, value in sorted(labels) if key in wanted): value
        for (found, labels), value in series.items()
        if found == name
    }


@pytest.mark.parametrize("openmetrics", [False, True])
def test_true_is_1_false_is_0_and_unknown_is_no_series_of_condition(openmetrics: bool) -> None:
    verdicts = (FIRE.true("It burns."), SMOKE.false("hall"), SMOKE.unknown(Unknown.MALFORMED, subject="attic"))
    series = _series(_board([verdicts]), openmetrics=openmetrics)
    assert _of(series, "condition") == {("Fire",): 1.0, ("Smoke", "hall"): 0.0}
    assert _of(series, "condition_unknown") == {("Smoke", "Malformed", "attic"): 1.0}
    assert _of(series, "condition_reason_info") == {("Fire", "Fire"): 1.0}


def test_before_the_first_look_every_condition_is_unknown() -> None:
    board = Board([TOY], [PAGES], lambda: NOW)
    asyncio.run(board.replace([target()], {}))
    series = _series(board)
    assert not _of(series, "condition")
    assert _of(series, "condition_unknown") == {("Fire", "WarmingUp"): 1.0, ("Smoke", "WarmingUp"): 1.0}


def test_a_result_older_than_three_intervals_is_stale_and_its_values_are_gone() -> None:
    board = _board([(FIRE.false(),)], (Sample(HEAT, 21.0, ("hall",)),))
    assert _of(_series(board, now=NOW + 89), "condition") == {("Fire",): 0.0}
    late = _series(board, now=NOW + 91)
    assert _of(late, "condition_unknown") == {("Fire", "Stale"): 1.0}
    assert not _of(late, "heat_celsius")


def test_verdicts_are_counted_over_the_fleet_with_a_reason_only_for_unknown() -> None:
    board = _board(
        [(FIRE.true("It burns."),), (FIRE.false(),), (FIRE.false(),), (FIRE.unknown(Unknown.SOURCE_FAILED),)]
    )
    counted = {
        (dict(labels)["status"], dict(labels)["reason"]): value
        for (name, labels), value in _series(board).items()
        if name == "conditions"
    }
    assert counted == {("true", ""): 1, ("false", ""): 2, ("unknown", "SourceFailed"): 1}


def test_a_target_with_many_subjects_is_counted_once() -> None:
    rooms = tuple(SMOKE.false(f"room-{number}") for number in range(7))
    assert [value for (name, _), value in _series(_board([rooms])).items() if name == "conditions"] == [1]


def test_a_target_that_is_gone_leaves_no_series() -> None:
    board = _board([(FIRE.false(),), (FIRE.false(),)])
    asyncio.run(board.replace([target("pod-1")], {}))
    pods = {dict(labels).get("pod") for name, labels in _series(board) if name != "targets"}
    assert pods == {"pod-1", None}


def test_fifty_subjects_are_exported_trouble_first_and_the_rest_is_counted() -> None:
    rooms = [SMOKE.false(f"room-{number}") for number in range(70)]
    rooms[60:62] = [SMOKE.true("Smoke.", "Black", "room-60"), SMOKE.unknown(Unknown.MALFORMED, subject="room-61")]
    heat = tuple(Sample(HEAT, 20.0, (f"room-{number}",)) for number in range(70))
    series = _series(_board([tuple(rooms)], heat))
    assert _of(series, "condition")["Smoke", "room-60"] == 1.0
    assert ("Smoke", "Malformed", "room-61") in _of(series, "condition_unknown")
    assert len(_of(series, "condition")) + len(_of(series, "condition_unknown")) == 50
    assert sum(name == "heat_celsius" for name, _ in series) == 50
    assert next(value for (name, _), value in series.items() if name == "subjects_dropped") == 20


def test_counters_are_named_as_each_format_wants_them() -> None:
    board = _board([()], (Sample(FANNED, 3.0),))
    for openmetrics in (False, True):
        assert (
            next(v for (name, _), v in _series(board, openmetrics=openmetrics).items() if name == "fanned_total") == 3.0
        )


_NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\r"), min_size=1)


@given(pod=_NAMES, subject=_NAMES, value=st.floats())
def test_any_name_and_value_comes_back_from_the_librarys_parser(pod: str, subject: str, value: float) -> None:
    board = Board([TOY], [PAGES], lambda: NOW)
    asyncio.run(board.replace([target(pod)], {}))
    row = next(iter(board.rows.values()))
    smoke = SMOKE.true("Smoke.", "White", subject)
    row.post((Sheet(NOW, *settle((smoke,), {}, 1, NOW), (Sample(HEAT, value, (subject,)),), None),))
    series = _series(board)
    (heat,) = [(dict(labels), found) for (name, labels), found in series.items() if name == "heat_celsius"]
    assert (heat[0]["pod"], heat[0]["room"]) == (pod, subject)
    assert repr(heat[1]) == repr(value)
    (labels,) = [dict(labels) for name, labels in series if name == "condition"]
    assert (labels["pod"], labels["subject"]) == (pod, subject)
