"""When to look: every target of a source once an interval, spread evenly, whatever the size of the fleet.

A few jobs, one a source, walk a wheel of slots: one job a target would cost 0.3 ms a look
(research/performance.md, section 4). A target's place on the wheel is a stable hash, so
a restart or a change of the fleet leaves everybody's phase as it was.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from zlib import crc32

from watcher.engine.board import TargetState

STEP = 0.025
"""Seconds between two releases of a small fleet: looks that are made together cost a third less."""

TOGETHER = 20
"""Looks of a source released at once; more are spread over the step, or the last would wait for all others."""

TICK = 1.0
"""Seconds from one run of a job to the next."""

BEYOND = 4
"""Steps that a run covers beyond the next one's time: that one may be late, and begins in the middle of a step."""

ARRIVALS = 4
"""First looks at a release, beside the wheel: a small fleet is known within a second."""

MANY = 1000
"""First looks that are mostly left to the wheel: of a large fleet they would double all work for a minute."""


class TimingWheel:
    """The looks of one source: which targets are due at which step of 25 ms."""

    def __init__(self, source: str, interval: float) -> None:
        """`interval`: seconds from one look at a target to the next."""
        self.source = source
        self.steps = max(1, round(interval / STEP))
        self.slots: dict[int, list[TargetState]] = {}  # of a day's steps most are nobody's
        self.arrivals: deque[TargetState] = deque()

    def add(self, state: TargetState) -> None:
        """Look at this target from now on, first as soon as it may be."""
        self.slots.setdefault(self._slot(state), []).append(state)
        self.arrivals.append(state)

    @property
    def empty(self) -> bool:
        """Whether nothing will ever be due."""
        return not self.arrivals and not self.slots

    def targets(self, step: int) -> int:
        """How many have their turn at this step (of 25 ms, counted on the steady scale)."""
        return len(self.slots.get(step % self.steps, ()))

    def due(self, step: int, *, late: bool = False) -> list[TargetState]:
        """The targets of this step without those that were removed; new ones come one by one while looks are late."""
        slot = self._slot_at(step % self.steps)
        if not self.arrivals:
            return slot
        return [*slot, *(state for state in self._first_looks(late=late) if state not in slot)]

    def _slot_at(self, index: int) -> list[TargetState]:
        slot = self.slots.get(index, [])
        if any(state.removed for state in slot):
            slot = self.slots[index] = [state for state in slot if not state.removed]
            if not slot:
                del self.slots[index]
        return slot

    def _first_looks(self, *, late: bool) -> list[TargetState]:
        most = 1 if late or len(self.arrivals) > MANY else ARRIVALS
        first: list[TargetState] = []
        while self.arrivals and len(first) < most:
            state = self.arrivals.popleft()
            if not state.removed and self.source not in state.looks:  # its turn on the wheel may have come sooner
                first.append(state)
        return first

    def _slot(self, state: TargetState) -> int:
        # crc32 and not hash(): the phase must survive a restart of the process.
        return crc32("\0".join((self.source, *state.target.key)).encode()) % self.steps


class Poller:
    """Walks one wheel and starts its looks."""

    def __init__(
        self,
        wheel: TimingWheel,
        look: Callable[[TargetState], Awaitable[None]],
        concurrency: int,
        *,
        lagged: Callable[[float], None],
        skipped: Callable[[int], None],
        now: Callable[[], float] = time.monotonic,
        steady: Callable[[], float] | None = None,
    ) -> None:
        """Walk by `now`, monotonic seconds; `steady` says once which step it is; it outlives the process."""
        self.wheel = wheel
        self._look, self._lagged, self._skipped = look, lagged, skipped
        self._now = now
        self._concurrency = concurrency
        self._tasks: set[asyncio.Task[None]] = set()
        # Not tasks that wait for a semaphore: of a daemon that falls behind these are ten thousand, at 2 kB each.
        self._waiting: deque[tuple[TargetState, float]] = deque()
        self._under_way: set[TargetState] = set()  # of both
        self._begins = False  # whether the next turn of the loop begins some that wait
        self._epoch = steady() - now() if steady is not None else 0.0  # so that phases survive a restart
        self._next = self._step_now()
        self._ended = False

    async def tick(self) -> None:
        """Release what is due within the next second."""
        now = self._step_now()
        if now > self._next:
            self._skip_to(now)
        end = max(self._next, now + round(TICK / STEP) + BEYOND)
        if self.wheel.empty:  # wake-ups for nothing
            self._next = end
        while self._next < end:
            step, self._next = self._next, self._next + 1
            due = step * STEP - self._epoch
            await asyncio.sleep(max(0.0, due - self._now()))
            if self._ended:
                return
            await self._release_all(self.wheel.due(step, late=self._now() - due > STEP), due)

    async def drain(self) -> None:
        """Cut off the looks under way and start no more, also where a tick is in the middle of its second."""
        self._ended = True
        self._waiting.clear()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _skip_to(self, step: int) -> None:
        # Looks that are late by more than a step but still within the interval are made late, not left out.
        oldest = step - self.wheel.steps + 1
        if self._next < oldest:
            self._skipped(sum(self.wheel.targets(late) for late in range(self._next, oldest)))
            self._next = oldest

    async def _release_all(self, states: list[TargetState], due: float) -> None:
        parts = -(-len(states) // TOGETHER)
        for part in range(parts):
            moment = due + part * STEP / parts
            if part:
                await asyncio.sleep(max(0.0, moment - self._now()))
            if not self._ended:
                self._release(states[part::parts], moment)

    def _release(self, states: list[TargetState], due: float) -> None:
        for state in states:
            if state in self._under_way:
                self._skipped(1)
                continue
            self._under_way.add(state)
            if self.wheel.source in state.looks:
                self._waiting.append((state, due))
            else:  # of a new target nothing is known yet, of the others something
                self._waiting.appendleft((state, due))
        self._begin_soon()

    def _begin_soon(self) -> None:
        if self._waiting and not self._begins and len(self._tasks) < self._concurrency:
            self._begins = True
            asyncio.get_running_loop().call_soon(self._begin)

    def _begin(self) -> None:
        # On time all at once, on warm caches. Late, one a turn of the loop: a daemon that falls behind would have
        # hundreds under way, and all that is ready of them makes one turn, for which a page waits again and again.
        self._begins = False
        late = False
        while self._waiting and not late and len(self._tasks) < self._concurrency:
            state, due = self._waiting.popleft()
            late = self._now() - due > STEP
            task = asyncio.create_task(self._one(state, due))
            self._tasks.add(task)
            task.add_done_callback(self._is_over)
        self._begin_soon()

    def _is_over(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._begin_soon()

    async def _one(self, state: TargetState, due: float) -> None:
        try:
            self._lagged(max(0.0, self._now() - due))
            await self._look(state)
        finally:
            self._under_way.discard(state)

    def _step_now(self) -> int:
        return int((self._now() + self._epoch) / STEP)
