"""A daemon's state file on a real disk: restored, written, and its troubles told."""

import asyncio
import errno
import json
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.engine.toy import FIRE, SMOKE, TOY, History, Rooms, target
from watcher.config.settings import load_settings
from watcher.engine.board import Look
from watcher.engine.debounce import ProbeResult, debounce
from watcher.engine.engine import Engine
from watcher.runtime.clock import Clock
from watcher.state.file import StateFile
from watcher.state.writer import StateWriter

NOW = 1_790_000_000.0
PODS = ("pod-0", "pod-1", "pod-2")
JUNK = "this is not a state\n"


@asynccontextmanager
async def _engine(directory: Path) -> AsyncIterator[Engine]:
    """With three targets, looked at once."""
    config = directory / "watcher.yaml"
    config.write_text(json.dumps({"discovery": {"static": []}}))
    engine = Engine(load_settings(config, {}), [TOY], Clock(lambda: NOW, lambda: NOW))
    await engine.replace_targets([target(pod) for pod in PODS], {})
    for state in engine.board.states.values():
        state.looks = {"agent_metrics": Look("agent_metrics", NOW, 0.01, Rooms())}
        settled = debounce((FIRE.true("It burns."), SMOKE.false("hall")), {}, 2, NOW - 60)
        state.post((ProbeResult(NOW, *settled, (), History(looks=5)),))
    yield engine
    await engine.close()


def _with(directory: Path, state_dir: Path | None, story: Callable[[StateWriter], Awaitable[object]]) -> StateWriter:
    async def main() -> StateWriter:
        async with _engine(directory) as engine:
            writer = StateWriter(engine, state_dir)
            await story(writer)
            return writer

    return asyncio.run(main())


def _restored(directory: Path, state_dir: Path | None) -> dict[str, Any]:
    """By pod: what a process that starts now has from before."""
    found: dict[str, Any] = {}

    async def story(writer: StateWriter) -> None:
        found.update({key.pod: each.of(["toy"]).history for key, each in writer.restore().items()})

    _with(directory, state_dir, story)
    return found


def _told(caplog: pytest.LogCaptureFixture) -> dict[str, str]:
    [record] = [each for each in caplog.records if each.levelno == logging.WARNING]
    return {
        name: record.__dict__[name]
        for name in ("file", "why", "lost", "set_aside_as", "not_set_aside")
        if name in record.__dict__
    }


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The state file of these tests."""
    (tmp_path / "state").mkdir()
    return tmp_path / "state" / "state.jsonl"


@pytest.fixture
def stuck(path: Path) -> Path:
    """The disk does not take the next write until somebody opens this file to read."""
    temporary = path.with_suffix(".new")
    os.mkfifo(temporary)
    return temporary


def _let_go(stuck: Path) -> None:
    """Who waits for a reader of the pipe goes on, to find that there is none any more."""
    descriptor = os.open(stuck, os.O_RDONLY | os.O_NONBLOCK)
    stuck.unlink()
    os.close(descriptor)


def _content(path: Path) -> bytes:
    return path.read_bytes()


def test_a_watch_without_a_directory_writes_and_restores_nothing(tmp_path: Path) -> None:
    async def story(writer: StateWriter) -> None:
        assert not writer.writes
        assert writer.restore() == {}
        await writer.write()
        await writer.write_last()
        assert writer.trouble == ""

    _with(tmp_path, None, story)
    assert [each.name for each in tmp_path.iterdir()] == ["watcher.yaml"]


@pytest.mark.parametrize("write", [StateWriter.write, StateWriter.write_last])
def test_what_one_process_writes_the_next_one_has(
    path: Path, write: Callable[[StateWriter], Awaitable[None]], caplog: pytest.LogCaptureFixture
) -> None:
    writer = _with(path.parents[1], path.parent, write)
    assert (writer.writes, writer.trouble) == (True, "")
    assert json.loads(path.read_text().splitlines()[0])["clock"]["steady"] == NOW
    assert _restored(path.parents[1], path.parent) == {pod: {"toy": History(looks=5)} for pod in PODS}
    assert caplog.records == []
    assert list(path.parent.iterdir()) == [path]


def test_where_nothing_was_written_nothing_is_restored_or_said(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert _restored(path.parents[1], path.parent) == {}
    assert caplog.records == []


def test_a_file_that_is_no_state_is_set_aside_and_said(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.write_text(JUNK)
    assert _restored(path.parents[1], path.parent) == {}
    told = _told(caplog)
    aside = Path(told["set_aside_as"])
    assert (told["file"], told["lost"]) == (str(path), "all")
    assert "expected a first line of agentweave-watcher-state" in told["why"]
    assert aside.read_text() == JUNK
    assert int(aside.name.rpartition("-")[2]) == NOW
    assert not path.exists()


def test_of_a_file_that_was_cut_the_rest_is_restored_and_all_set_aside(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _with(path.parents[1], path.parent, StateWriter.write)
    cut = path.read_text()[:-20]
    path.write_text(cut)
    assert list(_restored(path.parents[1], path.parent)) == ["pod-0", "pod-1"]
    told = _told(caplog)
    assert told["lost"] == "1 of 3 targets"
    assert told["why"].startswith("JSONDecodeError")
    assert Path(told["set_aside_as"]).read_text() == cut


def test_a_file_that_can_be_neither_read_nor_moved_costs_its_history_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "state").write_text("a file where the directory should be")
    assert _restored(tmp_path, tmp_path / "state") == {}
    told = _told(caplog)
    assert "Not a directory" in told["why"]
    assert "Not a directory" in told["not_set_aside"]
    assert "set_aside_as" not in told


def test_a_disk_that_does_not_take_it_is_told_until_it_does(path: Path) -> None:
    temporary = path.with_suffix(".new")

    async def story(writer: StateWriter) -> None:
        await writer.write()
        old = _content(path)
        temporary.symlink_to("/dev/full")
        for write in (writer.write, writer.write_last):
            await write()
            assert writer.trouble == f"{path}: {os.strerror(errno.ENOSPC)}"
            assert _content(path) == old
        temporary.unlink()
        await writer.write()
        assert writer.trouble == ""

    _with(path.parents[1], path.parent, story)


def test_a_history_that_cannot_be_said_is_told_as_trouble_of_the_state(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with _engine(path.parents[1]) as engine:
            writer = StateWriter(engine, path.parent)
            state = next(iter(engine.board.states.values()))
            good, half = state.results, SMOKE.false("half of a character: \ud800")
            state.post((ProbeResult(NOW, *debounce((half,), {}, 2, NOW), (), History()),))
            await writer.write()
            assert writer.trouble.startswith(f"{path}: a fault of the watcher: ")
            await writer.write()
            assert [record.message for record in caplog.records] == ["cannot write state"], "once in full"
            state.post(good)
            await writer.write()
            assert writer.trouble == ""

    asyncio.run(main())


def test_a_write_that_does_not_end_is_told_and_no_second_one_begins(path: Path, stuck: Path) -> None:
    async def story(writer: StateWriter) -> None:
        first = asyncio.create_task(writer.write())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await writer.write()
        assert writer.trouble == f"{path}: the last write does not end"
        assert not first.done()
        last = asyncio.create_task(writer.write_last())
        _let_go(stuck)
        await asyncio.gather(first, last)
        assert writer.trouble == ""

    _with(path.parents[1], path.parent, story)
    assert len(StateFile(path.parent, [TOY]).read().targets) == 3


def test_a_write_that_was_given_up_still_goes_before_the_last_one(path: Path, stuck: Path) -> None:
    async def story(writer: StateWriter) -> None:
        given_up = asyncio.create_task(writer.write())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
        last = asyncio.create_task(writer.write_last())
        await asyncio.sleep(0)
        await writer.write()
        assert writer.trouble == f"{path}: the last write does not end", "the thread of the first one still hangs"
        _let_go(stuck)
        await last
        assert writer.trouble == ""

    _with(path.parents[1], path.parent, story)
    assert len(StateFile(path.parent, [TOY]).read().targets) == 3


def test_a_crash_costs_less_than_a_minute() -> None:
    assert 0 < StateWriter.EVERY < 60
