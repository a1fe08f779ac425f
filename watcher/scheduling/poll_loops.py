"""The rounds of a daemon: a course for each source, and whether the first one is over."""

import time
from collections.abc import Mapping, Sequence
from functools import partial

from watcher.engine.board import Row
from watcher.engine.engine import Watch
from watcher.metrics.own import HEARTBEAT, LAG, SKIPPED
from watcher.runtime.cooperative import Turns
from watcher.scheduling.timing_wheel import Course, Schedule, Wheel

LIVE_WITHIN = 10.0
"""Seconds without progress of the schedule after which the process is no longer live."""

_CROSSED_OFF, _ADDED = 200, 50  # rows at a time


class Rounds:
    """Walks all courses of a watch."""

    def __init__(self, watch: Watch, schedule: Schedule) -> None:
        self._watch, self._schedule = watch, schedule
        self._courses = {kind.name: self._course(kind.name) for kind in watch.kinds}
        self._progress = time.monotonic()
        self._first_round: list[Row] | None = None  # rows not known to be looked at, once there was a discovery

    def start(self) -> None:
        """Begin to look."""
        for name in self._courses:
            self._schedule.every(1.0, partial(self._tick, name), name)

    @property
    def live(self) -> bool:
        """Whether the schedule makes progress; depends on nothing outside."""
        return time.monotonic() - self._progress < LIVE_WITHIN

    @property
    def first_is_over(self) -> bool:
        """Whether every target of the first discovery was looked at by each of its sources."""
        return self._first_round is not None and not self._first_round

    async def add(self, rows: Sequence[Row]) -> None:
        """Look at these from now on; those that are gone fall out by themselves."""
        await self._put(rows, self._courses)
        if self._first_round is None:
            self._first_round = list(rows)

    async def restart(self, name: str) -> None:
        """Begin one course anew, after its settings changed."""
        await self._courses[name].drain()
        self._courses[name] = course = self._course(name)
        await self._put(list(self._watch.board.rows.values()), {name: course})

    async def drain(self) -> None:
        """Cut off the looks under way and start no more."""
        for course in self._courses.values():
            await course.drain()

    def follow_first(self) -> bool:
        """Cross off some rows that were looked at; whether this ended the first round."""
        left = self._first_round
        if not left:
            return False
        for _ in range(_CROSSED_OFF):
            if not left or not (left[-1].gone or self._is_looked_at(left[-1])):
                break
            left.pop()
        return not left

    async def _put(self, rows: Sequence[Row], courses: Mapping[str, Course]) -> None:
        turns = Turns()
        for start in range(0, len(rows), _ADDED):
            for row in rows[start : start + _ADDED]:
                for name, course in courses.items():
                    if self._watch.looked_at(name, row):
                        course.wheel.add(row)
            await turns.pause()

    def _is_looked_at(self, row: Row) -> bool:
        return all(kind.name in row.looks or not self._watch.looked_at(kind.name, row) for kind in self._watch.kinds)

    def _course(self, name: str) -> Course:
        looker, vitals = self._watch.lookers[name], self._watch.vitals
        return Course(
            Wheel(name, looker.interval),
            looker.look,
            looker.kind.concurrency,
            lagged=lambda late: vitals.add(LAG, late, name),
            skipped=lambda looks: vitals.add(SKIPPED, looks, name),
        )

    async def _tick(self, name: str) -> None:
        self._progress = time.monotonic()
        self._watch.vitals.set(HEARTBEAT, time.time())
        await self._courses[name].tick()
