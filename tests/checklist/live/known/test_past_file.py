"""What was counted and followed survives a restart; what cannot be read is set aside and said."""

import asyncio
import logging
from pathlib import Path

import pytest

from probes.contract import TargetKey
from probes.contract.condition import Status
from tests.checklist.live.known.test_counted import Looked
from tests.checklist.live.known.test_followed import BURNS, CALM, NOW, Watched
from watcher.checklist.live.known.counted import Counted
from watcher.checklist.live.known.followed import Followed
from watcher.checklist.live.known.past_file import FILE_NAME, NOTHING_LEFT, KeptPast, PastFile
from watcher.checklist.live.known.ring import Ring

SEARCH = TargetKey("prod", "search", "search-0")


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    kept = KeptPast(SEARCH, (7, "AAAA"), None, {"Fire": ((1.0, Status.TRUE), (2.0, Status.FALSE))})

    async def main() -> None:
        file = PastFile(tmp_path)
        assert await file.read() == NOTHING_LEFT
        await file.write([kept], 9.0)
        assert file.trouble == ""
        assert await PastFile(tmp_path).read() == (9.0, {SEARCH: kept._replace(until=9.0)})

    asyncio.run(main())


@pytest.mark.parametrize("text", [b"", b"{", b'["other", 1, 0]', b'["agentweave-watcher-known", 2, 0]', b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_set_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture, text: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(text)
    with caplog.at_level(logging.WARNING):
        assert asyncio.run(PastFile(tmp_path).read()) == NOTHING_LEFT
    assert [each.message for each in caplog.records] == ["cannot read file of counts, counting starts again"]
    assert not (tmp_path / FILE_NAME).exists()
    assert (tmp_path / "known.unreadable").read_bytes() == text


def test_without_a_directory_nothing_is_kept_and_a_disk_that_does_not_take_it_is_told(tmp_path: Path) -> None:
    async def main() -> None:
        nowhere = PastFile(None)
        await nowhere.write([], 1.0)
        assert (nowhere.trouble, await nowhere.read()) == ("", NOTHING_LEFT)
        lost = PastFile(tmp_path / "gone")
        await lost.write([], 1.0)
        assert "No such file or directory" in lost.trouble

    asyncio.run(main())


def test_what_was_counted_goes_on_after_a_restart() -> None:
    agent = Looked(share=0.5)
    for _ in range(11):
        agent.page(rate=1.0)
    again = Counted(0.5)
    again.load(*agent.counted.dumped(), agent.now)
    assert again.requests(agent.now) == agent.counted.requests(agent.now) == pytest.approx(300)
    assert again.seconds(agent.now) == agent.counted.seconds(agent.now)


@pytest.mark.parametrize("dumped", [(-2, ""), (10**9, ""), (3, "AAAA"), (3, "***"), (3, "AADAfwAAwH8AAMB/")])
def test_a_ring_that_means_nothing_is_left(dumped: tuple[int, str]) -> None:
    ring = Ring(10.0, 3)
    ring.load(dumped, 100.0)
    ring.add(100.0, 1.0)
    assert ring.total(100.0, 0, 0, 2) == 1.0


def test_nothing_is_known_of_a_condition_while_nobody_watched() -> None:
    watched = Watched()
    for verdict in (CALM, BURNS, CALM):
        watched.look(verdict)
    again = Watched()
    again.now, again.followed = NOW + 600, Followed(NOW + 600, 1)
    again.followed.load(watched.followed.dumped(), NOW + 240)
    again.look(CALM)
    assert again.past() == [("false", 1, 2), ("true", 2, 3), ("false", 3, 4), ("unknown", 4, 11), ("false", 11, 11)]


@pytest.mark.parametrize("turns", [((NOW + 999, Status.TRUE),), ((NOW + 9, Status.TRUE), (NOW, Status.FALSE)), ()])
def test_turns_of_another_time_are_left(turns: tuple[tuple[float, Status], ...]) -> None:
    followed = Followed(NOW + 600, 1)
    followed.load({"Fire": turns}, NOW + 240)
    assert followed.past(NOW + 700, float) == {}
