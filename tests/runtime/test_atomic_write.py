"""A file on a real disk is replaced as a whole, or stays as it was."""

import asyncio
import errno
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.runtime.atomic_write import TEMPORARY, AtomicFile, replace_with, write_atomically


@contextmanager
def _no_file_larger_than(size: int) -> Iterator[None]:
    """A disk that takes no more: Python ignores SIGXFSZ, so a write beyond it fails with EFBIG."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@given(st.binary(max_size=100_000))
def test_what_is_written_is_there_as_a_whole(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "cache.json"
    write_atomically(path, content)
    assert path.read_bytes() == content


def test_a_directory_that_was_removed_is_not_made_again(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "gone" / "cache.json", b"new")
    assert not (tmp_path / "gone").exists()


def test_a_shorter_file_takes_all_of_the_place_of_a_longer_one(tmp_path: Path) -> None:
    path = tmp_path / "cache.json"
    write_atomically(path, b"long" * 1000)
    write_atomically(path, b"short")
    assert path.read_bytes() == b"short"


def test_nothing_stays_beside_the_file_once_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "cache.json"
    path.with_suffix(TEMPORARY).write_bytes(b"left by a crash, and longer than what follows")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("size", [3, 100_000])
def test_a_disk_that_is_full_leaves_the_old_file(tmp_path: Path, size: int) -> None:
    path = tmp_path / "cache.json"
    write_atomically(path, b"old")
    path.with_suffix(TEMPORARY).symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left") as caught:
        write_atomically(path, b"x" * size)
    assert caught.value.errno == errno.ENOSPC
    assert path.read_bytes() == b"old"


def test_half_a_write_is_not_seen_under_the_name(tmp_path: Path) -> None:
    path = tmp_path / "cache.json"
    write_atomically(path, b"old")
    with _no_file_larger_than(50_000), pytest.raises(OSError, match="File too large"):
        write_atomically(path, b"x" * 100_000)
    assert path.read_bytes() == b"old"
    assert path.with_suffix(TEMPORARY).stat().st_size <= 50_000
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"


def test_a_directory_that_is_not_there_is_an_error_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"in the way")
    with pytest.raises(OSError, match="file"):
        write_atomically(tmp_path / "file" / "cache.json", b"new")
    assert (tmp_path / "file").read_bytes() == b"in the way"


def test_what_is_still_in_the_buffer_is_there_before_the_name_is(tmp_path: Path) -> None:
    path = tmp_path / "state.jsonl"
    with path.with_suffix(TEMPORARY).open("wb") as file:
        file.write(b"written and not flushed")
        replace_with(file, path)
        assert path.read_bytes() == b"written and not flushed"


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    open_files = Path("/proc/self/fd")
    before = len(list(open_files.iterdir()))
    for number in range(20):
        write_atomically(tmp_path / "cache.json", b"%d" % number)
    assert len(list(open_files.iterdir())) == before


def test_writes_are_made_one_after_the_other_also_those_that_were_given_up(tmp_path: Path) -> None:
    file, contents = AtomicFile(tmp_path / "file"), [bytes([number]) * 4_000_000 for number in range(6)]

    async def write_all() -> list[BaseException | None]:
        writes = [asyncio.create_task(file.write(content)) for content in contents]
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # the first is under way in its thread
        for write in writes[:3]:
            write.cancel()
        return await asyncio.gather(*writes, return_exceptions=True)

    ended = asyncio.run(write_all())
    assert [type(each) for each in ended] == [asyncio.CancelledError] * 3 + [type(None)] * 3
    assert file.path.read_bytes() == contents[-1]
