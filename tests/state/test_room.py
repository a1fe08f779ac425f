"""What a stranger chose the size of does not fill the disk: it is left out, and told."""

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path

from probes import AnyProbe
from probes.contract import Limits
from tests.engine.toy import FIRE, PAGES, SMOKE, TOY, Rooms, target
from watcher.engine.board import Board, Look
from watcher.engine.debounce import ProbeResult, debounce
from watcher.state.file import LARGE_ONES, LARGEST, SMALL, StateFile
from watcher.state.writer import left_out

NOW = 1_790_000_000.0


@dataclass(frozen=True, slots=True)
class Remembered:
    """As much as a test wants."""

    words: str = ""


VAST: AnyProbe = replace(TOY, name="vast", history=Remembered)  # type: ignore[arg-type]  # a toy of another type
PROBES: list[AnyProbe] = [TOY, VAST]
NAMES = [probe.name for probe in PROBES]


def _board(*sizes: int) -> Board:
    """A target for each of these sizes of the past of its second probe."""
    board = Board(PROBES, [PAGES], lambda: NOW)
    limits = {probe.name: Limits() for probe in PROBES}
    asyncio.run(board.replace([target(f"pod-{place}", limits=limits) for place in range(len(sizes))], {}))
    for state, size in zip(board.states.values(), sizes, strict=True):
        debounced = debounce((FIRE.true("It burns."), SMOKE.false("hall")), {}, 2, NOW - 60)
        state.looks = {"agent_metrics": Look("agent_metrics", NOW, 0.01, Rooms())}
        first = ProbeResult(NOW, *debounced, (), TOY.history(7))
        state.post((first, ProbeResult(NOW, *debounced, (), Remembered("x" * size))))
    return board


def _written(directory: Path, *sizes: int, times: int = 1) -> StateFile:
    file, board = StateFile(directory, PROBES), _board(*sizes)
    for _ in range(times):
        asyncio.run(file.write(board))
    return file


def test_what_is_within_its_share_is_written_and_nothing_is_told(tmp_path: Path) -> None:
    file = _written(tmp_path, 10, SMALL * 2, LARGEST - SMALL)
    assert file.left_out == ()
    read = [each.of(NAMES).history["vast"] for each in file.read().targets.values()]
    assert read == [Remembered("x" * size) for size in (10, SMALL * 2, LARGEST - SMALL)]


def test_of_a_target_that_is_too_large_the_largest_past_is_left_out_and_named(tmp_path: Path) -> None:
    file = _written(tmp_path, 10, LARGEST + 1, 20)
    assert file.left_out == ("vast of prod/search/pod-1",)
    contents = file.read()
    assert (contents.lost, contents.why) == (0, "")
    histories = [each.of(NAMES).history for each in contents.targets.values()]
    assert [set(each) for each in histories] == [{"toy", "vast"}, {"toy"}, {"toy", "vast"}]
    assert histories[1]["toy"] == TOY.history(7)


def test_many_large_targets_share_what_there_is_and_small_ones_lose_nothing(tmp_path: Path) -> None:
    size = LARGE_ONES // 40
    file = _written(tmp_path, *[size] * 60, 10, times=2)
    assert file.path.stat().st_size < LARGE_ONES + 61 * SMALL
    assert len(file.left_out) == 60, "each has the same share, and none fits into it"
    assert set(list(file.read().targets.values())[-1].of(NAMES).history) == {"toy", "vast"}


def test_what_is_left_out_once_is_written_again_when_it_is_small(tmp_path: Path) -> None:
    file = _written(tmp_path, LARGEST + 1)
    asyncio.run(file.write(_board(10)))
    assert file.left_out == ()


def test_what_is_left_out_is_told_as_a_trouble_until_it_is_written(tmp_path: Path) -> None:
    file = _written(tmp_path, *[LARGEST + 1] * 5, 10)
    assert left_out(file) == (
        f"{tmp_path / 'state.jsonl'}: too large to be kept over a restart: vast of prod/search/pod-0, "
        "vast of prod/search/pod-1, vast of prod/search/pod-2 and 2 more"
    )
    asyncio.run(file.write(_board(10)))
    assert left_out(file) == ""
