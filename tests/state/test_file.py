import asyncio
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from probes.contract import Limits
from probes.contract.condition import Status
from tests.engine.toy import FIRE, PAGES, SMOKE, TOY, History, Rooms, target
from watcher.engine.board import Board, Look
from watcher.engine.debounce import DebounceState, ProbeResult, debounce
from watcher.engine.restored import Restored
from watcher.engine.warm_up import UNSEEN, Waiting, Young
from watcher.runtime.clock import Scale
from watcher.state.file import FILE_NAME, StateContents, StateError, StateFile, read_scale

NOW = 1_790_000_000.0
SCALE = Scale("b", NOW - 5000.0, NOW, -3600.0)
_WITH_SINCE = (
    '{"target": ["prod", "search", "pod-1"], "reached": {},'
    ' "probes": {"toy": {"standings": [["Fire", "", "true", %s, 1]], "past": {"looks": 1}}}}'
)


def _board(pods: int = 3) -> Board:
    board = Board([TOY], [PAGES], lambda: NOW)
    asyncio.run(board.replace([target(f"pod-{number}") for number in range(pods)], {}))
    for place, state in enumerate(board.states.values()):
        verdicts = (FIRE.true("It burns."), SMOKE.false("hall"))
        state.looks = {"agent_metrics": Look("agent_metrics", NOW, 0.01, Rooms())}
        state.reach("metrics")
        state.post((ProbeResult(NOW, *debounce(verdicts, {}, 2, NOW - 60), (), History(looks=place)),))
    return board


def _written(directory: Path, pods: int = 3) -> StateFile:
    file = StateFile(directory, [TOY])
    asyncio.run(file.write(_board(pods), SCALE))
    return file


def _pod(file: StateFile, pod: str) -> Restored:
    """What the file has of a pod, as its first looks are given it."""
    return file.read().targets[target(pod).key].of(["toy"])


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    contents = _written(tmp_path).read()
    assert (len(contents.targets), contents.lost, contents.why) == (3, 0, "")
    restored = contents.targets[target("pod-2").key].of(["toy"])
    assert restored.history == {"toy": History(looks=2)}
    assert restored.reached == {"metrics": "http://127.0.0.1:1/metrics"}
    fire = restored.debounce_states["toy"]["Fire", ""]
    assert (fire.status, fire.since, fire.bad) == (Status.UNKNOWN, NOW - 60, 1)


def test_which_conditions_were_not_told_yet_comes_back(tmp_path: Path) -> None:
    young = Young({("Fire", ""): Waiting(NOW - 90.5, NOW), ("Smoke", "hall"): Waiting(NOW - 30, NOW + 9)}, UNSEEN.due)
    board = Board([TOY], [PAGES], lambda: NOW)
    watched = [target(f"pod-{number}") for number in range(2)]
    asyncio.run(board.replace(watched, {watched[1].key: Restored(history={"toy": History()}, young={"toy": young})}))
    file = StateFile(tmp_path, [TOY])
    asyncio.run(file.write(board))
    assert file.read().targets[watched[1].key].of(["toy"]).young == {"toy": young}
    assert "young" not in file.path.read_text().splitlines()[1]


def test_a_second_bad_look_after_a_restart_makes_the_condition_true(tmp_path: Path) -> None:
    debounce_states = _pod(_written(tmp_path), "pod-0").debounce_states["toy"]
    assert debounce((FIRE.true("It burns."),), debounce_states, 2, NOW).verdicts.all[0].status is Status.TRUE


def test_what_was_carried_and_not_yet_looked_at_is_written_again(tmp_path: Path) -> None:
    restored = _written(tmp_path).read()
    board = Board([TOY], [PAGES], lambda: NOW)
    asyncio.run(board.replace([target("pod-1")], restored.targets))
    file = StateFile(tmp_path, [TOY])
    asyncio.run(file.write(board))
    assert _pod(file, "pod-1").history == {"toy": History(looks=1)}


def test_what_targets_have_in_common_is_held_once(tmp_path: Path) -> None:
    first, second, _ = (each.of(["toy"]) for each in _written(tmp_path).read().targets.values())
    for (place, standing), (other_place, other) in zip(
        first.debounce_states["toy"].items(), second.debounce_states["toy"].items(), strict=True
    ):
        assert place is other_place
        assert standing is other, "ten thousand targets have a quarter of a million of them until their first looks"


@pytest.mark.parametrize("pods", [0, 1, 99, 100, 101, 250])
def test_however_many_targets_there_are_all_come_back(tmp_path: Path, pods: int) -> None:
    contents = _written(tmp_path, pods).read()
    assert list(contents.targets) == [target(f"pod-{number}").key for number in range(pods)]
    assert (contents.lost, contents.why) == (0, "")


def test_the_first_line_says_what_the_file_is(tmp_path: Path) -> None:
    head = json.loads(_written(tmp_path).path.read_text().splitlines()[0])
    clock = {"boot": "b", "zero": NOW - 5000.0, "steady": NOW, "ahead": -3600.0}
    assert head == {"format": "agentweave-watcher-state", "version": 1, "targets": 3, "clock": clock}


def test_the_first_line_says_what_the_moments_are_counted_on(tmp_path: Path) -> None:
    assert read_scale(tmp_path) is None
    assert read_scale(None) is None
    _written(tmp_path)
    assert read_scale(tmp_path) == SCALE


@pytest.mark.parametrize(
    "head",
    [
        "",
        "junk",
        "[]",
        '{"format": "agentweave-watcher-state", "version": 1, "written_at": 1790000000.0, "targets": 0}',
        '{"clock": null}',
        '{"clock": {"boot": "b", "zero": 0, "steady": 0}}',
        '{"clock": {"boot": "b", "zero": 0, "steady": NaN, "ahead": 0}}',
        '{"clock": {"boot": "b", "zero": 1e300, "steady": 0, "ahead": 0}}',
        '{"clock": {"boot": "b", "zero": 0, "steady": -1, "ahead": 0}}',
        "[" * 4000,
    ],
)
def test_a_file_of_an_older_release_or_of_nobody_has_no_scale(tmp_path: Path, head: str) -> None:
    (tmp_path / FILE_NAME).write_text(head + "\n")
    assert read_scale(tmp_path) is None


def test_no_file_is_no_history_and_no_error(tmp_path: Path) -> None:
    assert StateFile(tmp_path, [TOY]).read() == StateContents(targets={}, lost=0, why="")


def test_a_truncated_file_gives_what_it_has_and_says_what_was_lost(tmp_path: Path) -> None:
    file = _written(tmp_path, pods=10)
    text = file.path.read_text()
    file.path.write_text(text[: int(len(text) * 0.6)])
    restored = file.read()
    assert len(restored.targets) + restored.lost == 10
    assert 0 < len(restored.targets) < 10
    assert restored.why


def test_a_file_that_was_cut_between_two_lines_ends_early(tmp_path: Path) -> None:
    file = _written(tmp_path)
    file.path.write_text("".join(file.path.read_text().splitlines(keepends=True)[:2]))
    restored = file.read()
    assert (list(restored.targets), restored.lost) == ([target("pod-0").key], 2)
    assert restored.why == "the file ends early"


@pytest.mark.parametrize(("spoilt", "why"), [((), "'utf-8' codec"), ((2, 3), "KeyError: 'probes'")])
def test_bytes_that_are_no_text_cost_the_rest_and_the_first_trouble_is_told(
    tmp_path: Path, spoilt: tuple[int, ...], why: str
) -> None:
    file = _written(tmp_path, pods=300)
    lines = file.path.read_bytes().splitlines(keepends=True)
    for place in spoilt:
        lines[place] = b'{"target": ["a", "b", "c"]}\n' if place == 2 else b"[]\n"
    lines[290] = b"\xff\xfe\n"
    file.path.write_bytes(b"".join(lines))
    restored = file.read()
    assert len(restored.targets) + restored.lost == 300
    assert 100 < len(restored.targets) < 290
    assert restored.why.startswith(why)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "expected a first line of agentweave-watcher-state"),
        ("PK\x03\x04 something else", "expected a first line"),
        (
            '{"format": "agentweave-watcher-state", "version": 99, "targets": 1}\n',
            "expected version 1 of the state, got 99",
        ),
        ("[1, 2]\n", "expected a first line"),
        ("[" * 100_000, rf"got '{re.escape('[' * 60)}'$"),
        ('{"format": "agentweave-watcher-state", "version": 1, "targets": null}\n', "expected a number of targets"),
    ],
)
def test_a_foreign_file_is_refused_with_what_it_is(tmp_path: Path, content: str, says: str) -> None:
    file = StateFile(tmp_path, [TOY])
    file.path.write_text(content)
    with pytest.raises(StateError, match=says):
        file.read()


def test_binary_junk_is_refused(tmp_path: Path) -> None:
    file = StateFile(tmp_path, [TOY])
    file.path.write_bytes(bytes(range(256)) * 10)
    with pytest.raises(StateError):
        file.read()


@pytest.mark.parametrize(
    "line",
    [
        '{"target": ["only", "two"], "reached": 3}',
        "[" * 100_000,
        "null",
        _WITH_SINCE % "NaN",
        _WITH_SINCE % "1e300",
        _WITH_SINCE % "-1",
        _WITH_SINCE % "-0.001",
        _WITH_SINCE % "253402300800",
    ],
)
def test_a_line_that_is_no_target_costs_itself_alone(tmp_path: Path, line: str) -> None:
    file = _written(tmp_path)
    lines = file.path.read_text().splitlines()
    lines[2] = line
    file.path.write_text("\n".join(lines) + "\n")
    restored = file.read()
    assert (len(restored.targets), restored.lost) == (2, 1)


@pytest.mark.parametrize("since", [0.0, 0.5, 1.0, NOW, 253_402_300_799.0])
def test_every_moment_that_can_be_written_comes_back(tmp_path: Path, since: float) -> None:
    file = _written(tmp_path)
    lines = file.path.read_text().splitlines()
    lines[2] = _WITH_SINCE % since
    file.path.write_text("\n".join(lines) + "\n")
    states = _pod(file, "pod-1").debounce_states["toy"]
    assert states == {("Fire", ""): DebounceState(Status.TRUE, since, 1)}


def test_what_a_probe_left_that_is_no_more_is_passed_over(tmp_path: Path) -> None:
    cellar = replace(TOY, name="cellar")
    state = DebounceState(Status.TRUE, NOW, 1)
    restored = Restored(
        debounce_states={"toy": {("Fire", ""): state}, "cellar": {("Fire", ""): state}},
        history={"toy": History(looks=1), "cellar": History(looks=2)},
    )
    board = Board([TOY, cellar], [PAGES], lambda: NOW)
    watched = target(limits={"toy": Limits(), "cellar": Limits()})
    asyncio.run(board.replace([watched], {watched.key: restored}))
    for writes, reads in (([TOY, cellar], [TOY]), ([TOY], [TOY, cellar])):
        asyncio.run(StateFile(tmp_path, writes).write(board))
        contents = StateFile(tmp_path, reads).read()
        assert contents.lost == 0, contents.why
        only = contents.targets[watched.key].of(["toy", "cellar"])
        assert (only.history, list(only.debounce_states)) == ({"toy": History(looks=1)}, ["toy"])


def test_a_history_that_a_probe_cannot_read_costs_that_probe_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = _written(tmp_path)
    file.path.write_text(file.path.read_text().replace('{"looks":1}', '{"looks":"many"}'))
    restored = file.read()
    assert [(each.levelname, each.__dict__["probe"]) for each in caplog.records] == [("WARNING", "toy")]
    assert restored.lost == 0
    first = restored.targets[target("pod-1").key].of(["toy"])
    assert first.history == {}
    assert first.debounce_states["toy"]
    assert len(caplog.records) == 1, "said once, though it is read at the first look again"


def test_a_file_that_cannot_be_read_is_set_aside_and_not_overwritten(tmp_path: Path) -> None:
    file = StateFile(tmp_path, [TOY])
    file.path.write_text("junk")
    aside = file.set_aside(NOW)
    asyncio.run(file.write(_board()))
    assert aside.read_text() == "junk"
    assert len(file.read().targets) == 3


def test_a_disk_that_does_not_take_it_leaves_the_old_file(tmp_path: Path) -> None:
    file = _written(tmp_path)
    before = file.path.read_text()
    file.path.with_suffix(".new").mkdir()
    with pytest.raises(OSError, match="Is a directory"):
        asyncio.run(file.write(_board()))
    assert file.path.read_text() == before


def test_an_endpoint_that_only_another_release_knows_is_no_reason_to_stop(tmp_path: Path) -> None:
    file = _written(tmp_path)
    text = file.path.read_text().replace('"reached": {', '"reached": {"prometheus": "http://127.0.0.1:1", ')
    file.path.write_text(text)
    board = Board([TOY], [PAGES], lambda: NOW)
    asyncio.run(board.replace([target("pod-0")], file.read().targets))
    [state] = board.states.values()
    assert state.reached == {"metrics"}


@pytest.mark.parametrize("half", [r"\ud800", r"\uDC00x"])
def test_half_a_character_is_not_restored_for_it_could_not_be_written_again(tmp_path: Path, half: str) -> None:
    file = _written(tmp_path)
    file.path.write_text(file.path.read_text().replace("hall", half, 1))
    contents = file.read()
    assert (len(contents.targets), contents.lost) == (2, 1)
    file.path.write_text(file.path.read_text().replace(half, r"\ud83d\ude00"))
    assert len(file.read().targets) == 3


def test_a_directory_that_was_removed_is_not_made_again_for_another_may_have_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        _written(tmp_path / "gone")
    assert not (tmp_path / "gone").exists()
