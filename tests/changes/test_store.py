"""The past is kept: over a restart, within its room, and whatever becomes of the disk or of the file."""

import asyncio
import sqlite3
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from tests.changes.made import NOW, Store, change
from watcher.changes.change import Found, Period, Selection
from watcher.changes.database import FILE_NAME, TOGETHER, ChangeDatabase

ANY = Selection()


def _run(*steps: Coroutine[Any, Any, Any]) -> list[Any]:
    async def main() -> list[Any]:
        return [await step for step in steps]

    return asyncio.run(main())


def _of(store: Store, wanted: Selection = ANY, limit: int = 100, offset: int = 0) -> Found:
    [found] = _run(store.find(wanted, limit, offset))
    assert isinstance(found, Found)
    return found


@pytest.mark.parametrize("on_disk", [True, False])
def test_changes_come_back_as_they_were_the_newest_first(tmp_path: Path, on_disk: bool) -> None:
    store = Store(tmp_path if on_disk else None)
    some = [change(NOW - 2, "a"), change(NOW - 1, "b", message="\ud800 é \0"), change(NOW, "c", subject="hall")]
    _run(store.beat(), store.add([some[2], some[0], some[1]]))
    found = _of(store)
    assert found.changes == [some[2], some[1]._replace(message="? é \0"), some[0]]
    assert (found.total, found.trouble, store.count("kept")) == (3, "", 3)
    assert _of(store, limit=1, offset=1) == found._replace(changes=found.changes[1:2])


def test_what_is_asked_for_is_found_and_nothing_else() -> None:
    store = Store()
    here, there = change(NOW, "a"), change(NOW - 1, "a", namespace="lab")
    explained = change(NOW - 2, "a", name="Smoke", after="unknown", reason="SourceFailed")
    after_it = change(NOW - 3, "b", name="Smoke", before="unknown", after="false", reason_before="SourceFailed")
    _run(store.add([here, there, explained, after_it]))
    asked = {
        Selection(namespace="prod"): [here, explained, after_it],
        Selection(namespace="prod", agent="search", pod="b"): [after_it],
        Selection(name="Fire"): [here, there],
        Selection(since=NOW - 2, until=NOW - 1): [there, explained],
        Selection(plain=True): [here, there],
        Selection(failing=True): [here, there],
        Selection(failing=True, name="Smoke"): [],
        Selection(namespace="' OR 1=1 --"): [],
    }
    assert {wanted: _of(store, wanted).changes for wanted in asked} == asked
    [counted] = _run(store.counted(Selection(), ["lab"]))
    assert sorted(counted) == [("Fire", "true", 1), ("Smoke", "false", 1), ("Smoke", "unknown", 1)]


def test_the_next_process_knows_what_the_last_one_saw_and_when_nobody_watched(tmp_path: Path) -> None:
    first = Store(tmp_path)
    _run(first.beat(), first.add([change()]), first.close())
    second = Store(tmp_path)
    second.now = NOW + TOGETHER
    _run(second.beat(), second.close())
    third = Store(tmp_path)
    third.now = NOW + 5000
    _run(third.beat())
    found = _of(third)
    assert found.changes == [change()]
    assert found.watched == [Period(NOW + 5000, NOW + 5000), Period(NOW, NOW + TOGETHER)]
    assert found.known_since == NOW


def test_a_clock_that_goes_back_begins_another_time_and_loses_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)
    _run(store.beat(), store.add([change()]))
    store.now = NOW - 3600
    _run(store.beat(), store.add([change(NOW - 3600, "later")]))
    found = _of(store)
    assert [each.pod for each in found.changes] == ["pod-0", "later"]
    assert [each.began for each in found.watched] == [NOW - 3600, NOW]


def test_what_is_too_old_is_forgotten_and_the_past_begins_later() -> None:
    store = Store(keep=3600.0)
    _run(store.beat(), store.add([change(NOW), change(NOW + 60)]))
    store.now = NOW + 60
    _run(store.beat())
    store.now = NOW + 3630
    _run(store.beat())
    found = _of(store)
    assert [each.at for each in found.changes] == [NOW + 60]
    assert found.known_since == NOW + 30


@pytest.mark.parametrize("on_disk", [True, False])
def test_the_oldest_go_where_there_is_no_room_and_the_past_begins_later(tmp_path: Path, on_disk: bool) -> None:
    store = Store(tmp_path if on_disk else None, max_bytes=1 << 20)
    batch, count = (500, 12) if on_disk else (4000, 6)
    _run(store.beat())
    for start in range(0, batch * count, batch):
        _run(store.add([change(NOW + start + at, message="x" * 100) for at in range(batch)]))
    store.now = NOW + batch * count
    _run(store.beat())
    found = _of(store, limit=1)
    assert batch < found.total < batch * count
    assert found.changes[0].at == NOW + batch * count - 1
    assert found.known_since is not None
    assert found.known_since > NOW
    if on_disk:
        assert (tmp_path / FILE_NAME).stat().st_size < 1.3 * (1 << 20)


def test_what_another_change_explains_goes_before_what_is_news(tmp_path: Path) -> None:
    store = Store(tmp_path, max_bytes=1 << 20)
    news = [change(NOW + at) for at in range(500)]
    explained = [change(NOW + 1000 + at, after="unknown", reason="SourceFailed") for at in range(4000)]
    recovered = [each._replace(at=each.at + 5000, reason="", reason_before="SourceFailed") for each in explained]
    _run(store.beat(), store.add(news), store.add(explained), store.add(recovered))
    found = _of(store, limit=1)
    assert 500 < found.total < 8500
    assert _of(store, Selection(plain=True)).total == 500
    assert found.known_since == NOW


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_file_that_is_no_database_is_set_aside_and_told(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    store = Store(tmp_path)
    _run(store.beat(), store.add([change()]), store.close())
    assert (tmp_path / f"{FILE_NAME}.unreadable").read_bytes() == content
    assert [record.message for record in caplog.records] == ["cannot read the database of changes, starting a new one"]
    assert _of(Store(tmp_path)).changes == [change()]


def test_a_database_of_a_newer_release_is_set_aside_whole(tmp_path: Path) -> None:
    first = Store(tmp_path)
    _run(first.beat(), first.add([change()]), first.close())
    with sqlite3.connect(tmp_path / FILE_NAME) as newer:
        newer.execute("PRAGMA user_version=99")
    newer.close()
    second = Store(tmp_path)
    _run(second.beat())
    assert (_of(second).changes, second.trouble) == ([], "")
    kept = sqlite3.connect(tmp_path / f"{FILE_NAME}.unreadable")
    assert kept.execute("SELECT count(*) FROM change").fetchone() == (1,)
    kept.close()


def test_a_database_that_breaks_under_way_is_set_aside_and_what_comes_is_kept(tmp_path: Path) -> None:
    store = Store(tmp_path)
    _run(store.beat(), store.add([change(NOW + at) for at in range(5000)]))
    assert store._disk is not None
    store._disk._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store._disk._connection.execute("PRAGMA shrink_memory")
    with (tmp_path / FILE_NAME).open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (1 << 20))
    _run(store.find(ANY, 10), store.add([change(NOW + 5000, "after")]), store.beat())
    assert "after" in [each.pod for each in _of(store, Selection(since=NOW + 4000)).changes]
    assert (tmp_path / f"{FILE_NAME}.unreadable").exists()
    assert store.trouble == ""


def test_a_full_disk_is_told_and_what_waits_is_written_when_there_is_room_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    _run(store.beat(), store.add([change(NOW - 1, "before")]))
    assert store._disk is not None
    (pages,) = store._disk._connection.execute("PRAGMA page_count").fetchone()
    store._disk._connection.execute(f"PRAGMA max_page_count={pages}")
    many = [change(NOW + at, "full", message="x" * 400) for at in range(500)]
    _run(store.add(many), store.add([change(NOW + 900, "still full")]))
    assert store.trouble == f"{tmp_path / FILE_NAME}: database or disk is full"
    found = _of(store, limit=2, offset=0)
    assert (found.total, [each.pod for each in found.changes]) == (502, ["still full", "full"])
    assert _of(store, limit=5, offset=500).changes[-1].pod == "before"
    _run(store.beat(), store.close())
    assert store.trouble == ""
    assert _of(Store(tmp_path)).total == 502


def test_a_directory_that_cannot_be_written_is_told_and_the_past_is_in_memory(tmp_path: Path) -> None:
    store = Store(tmp_path / "gone")
    _run(store.beat(), store.add([change()]))
    assert store.trouble == f"{tmp_path / 'gone' / FILE_NAME}: unable to open database file"
    assert _of(store).changes == [change()]
    (tmp_path / "gone").mkdir()
    _run(store.beat(), store.close())
    assert (store.trouble, _of(Store(tmp_path / "gone")).changes) == ("", [change()])


def test_a_disk_that_does_not_answer_holds_up_no_reader_for_long(tmp_path: Path) -> None:
    store, hangs = Store(tmp_path), threading.Event()
    store.PATIENCE = 0.05

    async def main() -> Found:
        waiting = asyncio.get_running_loop().run_in_executor(store._thread, hangs.wait)
        found = await store.find(ANY, 10)
        hangs.set()
        await waiting
        return found

    assert asyncio.run(main()).trouble == "the database does not answer"


def test_tables_are_those_of_the_version_that_the_file_names(tmp_path: Path) -> None:
    ChangeDatabase(tmp_path / FILE_NAME, 1 << 20).close()
    file = sqlite3.connect(tmp_path / FILE_NAME)
    file.execute("DROP TABLE change")
    file.close()
    store = Store(tmp_path)
    _run(store.beat())
    assert (tmp_path / f"{FILE_NAME}.unreadable").exists()
    assert store.trouble == ""
