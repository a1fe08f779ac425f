"""Rollouts survive a restart, fifty an agent on disk and three in memory; what cannot be read is set aside."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.rollouts.test_trial import BEGAN, GOOD, Virtual
from watcher.rollouts.kept.database import FILE_NAME, MOST_IN_MEMORY, MOST_ON_DISK
from watcher.rollouts.kept.keeper import RolloutKeeper
from watcher.rollouts.kept.packing import agent_of, course_of, packed_agent, packed_rollout, rollout_of, trial_of
from watcher.rollouts.requests.hours import HOUR, Hour, HourCount, same_hours
from watcher.rollouts.requests.minutes import Grown
from watcher.rollouts.requests.normal import tally
from watcher.rollouts.rollout import Revision, Rollout, verdict
from watcher.rollouts.seen.course import Course
from watcher.rollouts.terms import Outcome, Window

AGENT = ("prod", "search")


def rollout(number: int = 0) -> Rollout:
    made = Virtual().until(8, GOOD).rollout if not number else Virtual().rollout
    return replace(made, began_at=BEGAN + number, claimed={"engineer": "<b>Kim</b>"})


def kept(state_dir: Path | None, script: Callable[[RolloutKeeper], Awaitable[None]]) -> RolloutKeeper:
    async def run() -> RolloutKeeper:
        keeper = RolloutKeeper(state_dir)
        try:
            await script(keeper)
        finally:
            await keeper.close()
        return keeper

    return asyncio.run(run())


def test_what_is_packed_is_read_again_and_small() -> None:
    whole = rollout()
    assert rollout_of(packed_rollout(whole)) == whole
    assert len(packed_rollout(whole)) < 2000


def test_a_trial_goes_on_where_it_stopped() -> None:
    seen = Virtual().until(20, GOOD)
    course = Course(*AGENT, rollout=seen.rollout, current=Revision(image="sha256:b"), verified="abc")
    read = agent_of(packed_agent(course, seen.trial, seen.now, 1, 7))
    again = course_of(*AGENT, read, seen.rollout)
    assert (again.current, again.verified, read.cut, read.bounds) == (course.current, "abc", 1, 7)
    found = trial_of(read)
    assert found is not None
    seen.trial = found
    assert verdict(seen.until(62, GOOD).rollout, Window.SHORT).outcome is Outcome.VERIFIED


@pytest.mark.parametrize("broken", [b"", b"x", packed_rollout(Virtual().rollout)[:-9], b"\x00" * 40])
def test_what_is_broken_is_refused(broken: bytes) -> None:
    for read in (rollout_of, agent_of):
        with pytest.raises(ValueError, match=r"."):
            read(broken)


@pytest.mark.parametrize("on_disk", [True, False])
def test_the_newest_of_an_agent_are_kept_and_found_newest_first(tmp_path: Path, *, on_disk: bool) -> None:
    most = MOST_ON_DISK if on_disk else MOST_IN_MEMORY

    async def script(keeper: RolloutKeeper) -> None:
        for number in range(most + 5):
            keeper.put(rollout(number + 1))
            await keeper.write()
        keeper.put(rollout(most + 9))  # waits
        found = [each.began_at - BEGAN for each in await keeper.of(AGENT)]
        assert found[:2] == [most + 9, most + 5]
        assert len(found) == most + 1
        keeper.drop(rollout(most + 9))
        assert next(each.began_at - BEGAN for each in await keeper.of(AGENT)) == most + 5

    kept(tmp_path if on_disk else None, script)


def test_another_process_finds_what_the_last_one_left(tmp_path: Path) -> None:
    async def leave(keeper: RolloutKeeper) -> None:
        keeper.put(rollout(1))
        keeper.follow(AGENT, packed_agent(Course(*AGENT, verified="abc"), None, 7.0, -1, 0))
        keeper.add_hour(AGENT, Hour(5, "abc", 1, 7, tally([(10.0, 1.0)]), tally([])))

    async def find(keeper: RolloutKeeper) -> None:
        [left] = await keeper.restore()
        assert (left.agent, left.kept.verified, left.kept.seen_at) == (AGENT, "abc", 7.0)
        assert left.newest == rollout(1)
        assert await keeper.hours(AGENT) == [Hour(5, "abc", 1, 7, tally([(10.0, 1.0)]), tally([]))]
        await keeper.prune(5 + 24 * 7 + 2)
        assert await keeper.hours(AGENT) == []
        await keeper.forget(AGENT)
        assert await keeper.restore() == []
        assert len(await keeper.of(AGENT)) == 1, "the past stays"

    kept(tmp_path, leave)
    kept(tmp_path, find)


def test_a_file_that_cannot_be_read_is_set_aside_and_one_agent_of_it_costs_no_other(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"no database at all, and long enough to be looked at" * 100)

    async def begin(keeper: RolloutKeeper) -> None:
        assert await keeper.restore() == []
        for name in ("search", "other"):
            keeper.follow(("prod", name), packed_agent(Course("prod", name), None, 7.0, -1, 0))

    assert kept(tmp_path, begin).trouble == ""
    assert (tmp_path / f"{FILE_NAME}.unreadable").exists()
    with sqlite3.connect(tmp_path / FILE_NAME) as database:
        database.execute("UPDATE followed SET packed = x'00' WHERE agent = 'other'")

    async def find(keeper: RolloutKeeper) -> None:
        assert [each.agent for each in await keeper.restore()] == [AGENT]

    kept(tmp_path, find)


def test_what_the_disk_does_not_take_is_told_and_waits(tmp_path: Path) -> None:
    async def script(keeper: RolloutKeeper) -> None:
        (tmp_path / "away").mkdir()
        (tmp_path / "away").rmdir()
        keeper.put(rollout(1))
        await keeper.write()
        assert "unable to open" in keeper.trouble
        assert len(await keeper.of(AGENT)) == 1
        (tmp_path / "away").mkdir()
        await keeper.write()
        assert keeper.trouble == ""

    kept(tmp_path / "away", script)


def test_an_hour_is_counted_by_the_minute_and_only_the_same_hours_of_a_verified_revision_count() -> None:
    count, grown = HourCount(100), Grown(10.0, 1.0, 0.0, (), in_buckets=False)
    for second in range(0, 3600, 30):
        count.add(100 * HOUR + second, grown, (10.0, 2.0))
    hour = count.ended("abc", 1, 7)
    assert hour.errors == tally([(20.0, 2.0)] * 60)
    assert hour.slow == tally([(20.0, 4.0)] * 60)
    others = [hour._replace(number=number, revision=name) for number, name in ((101, "abc"), (100, "x"), (124, "abc"))]
    [found] = same_hours([hour, *others], 124 * HOUR + 60, "abc", 1, 7)
    assert found.errors == hour.errors
    [other_buckets] = same_hours([hour], 124 * HOUR + 60, "abc", 1, 8)
    assert other_buckets.slow.requests == 0
    assert same_hours([hour], (100 + 24 * 8) * HOUR, "abc", 1, 7) == ()
