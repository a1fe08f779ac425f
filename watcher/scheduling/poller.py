"""Walks the wheel of one source and starts its looks."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from math import inf

from watcher.engine.board import TargetState
from watcher.engine.overload import MINUTE
from watcher.runtime.cooperative import BUSY
from watcher.scheduling.timing_wheel import STEP, TimingWheel

TOGETHER = 32
"""Looks of a source released at once; more are spread over the step, or the last would wait for all others."""

LATE = 16
"""Late looks of a source that are begun together: on warm caches, and no long turn beside those of the others."""

TICK = 1.0
"""Seconds from one run of a job to the next."""

BEYOND = 4
"""Steps that a run covers beyond the next one's time: that one may be late, and begins in the middle of a step."""

Over = Callable[[TargetState], None]
"""Told once a look is over: the next one at this target may begin."""


class LateTurns:
    """Which source begins its next late looks: none is more than two batches ahead of another that is late too."""

    def __init__(self) -> None:
        self._begun: dict[object, int] = {}  # batches, by who is late

    def has(self, who: object) -> bool:
        """Whether it is the turn of this one, who is late; who falls behind now claims nothing for the past."""
        begun = self._begun.setdefault(who, max(self._begun.values(), default=0))
        return begun <= min(self._begun.values())

    def begins(self, who: object) -> None:
        """It begins a batch."""
        self._begun[who] = self._begun.get(who, 0) + 1

    def over(self, who: object) -> None:
        """It is late no longer."""
        self._begun.pop(who, None)


def _nothing(_due: int, _left_out: int) -> None:
    """Nobody counts."""


class Poller:
    """Starts the looks of one wheel when they are due."""

    def __init__(
        self,
        wheel: TimingWheel,
        look: Callable[[TargetState, Over], Awaitable[None]],
        concurrency: int,
        *,
        lagged: Callable[[float], None],
        skipped: Callable[[int], None],
        due: Callable[[int, int], None] = _nothing,
        late_turns: LateTurns | None = None,
        now: Callable[[], float] = time.monotonic,
        steady: Callable[[], float] | None = None,
    ) -> None:
        """Walk by `now`, monotonic seconds; `steady` says once which step it is; it outlives the process.

        `look` calls what it is handed once it is over, which may be later than it ends; unless it raises.
        `due` is told how many looks are due, and how many of them are left out; `late_turns` are those of all sources.
        """
        self.wheel = wheel
        self._look, self._lagged, self._skipped, self._due = look, lagged, skipped, due
        self._now = now
        self._concurrency = concurrency
        self._tasks: set[asyncio.Task[None]] = set()
        # Not tasks that wait for a semaphore: of a daemon that falls behind these are ten thousand, at 2 kB each.
        self._waiting: deque[tuple[TargetState, float]] = deque()
        self._unknown: deque[tuple[TargetState, float]] = deque()  # the same, of targets never looked at
        self._under_way: dict[TargetState, float] = {}  # of all these: when each was due
        self._begins = False  # whether the next turn of the loop begins some that wait
        self._turned, self._late_turns = 0.0, late_turns or LateTurns()  # when the last such turn was
        self._epoch = steady() - now() if steady is not None else 0.0  # so that phases survive a restart
        self.offset = 0.0  # seconds by which all releases are later than their step
        self._next = self._step_now()
        self._ended = False

    def begin(self) -> None:
        """What is due from now on is to be looked at; what would have been before was never promised."""
        self._next = self._step_now()

    async def tick(self) -> None:
        """Release what is due within the next second."""
        now = self._step_now()
        if now > self._next:
            self._skip_to(now)
        end = max(self._next, now + round(TICK / STEP) + BEYOND)
        if self.wheel.empty:  # wake-ups for nothing
            self._next = end
        while self._next < end:
            at_once = self.wheel.at_once
            steps = range(self._next, self._next - self._next % at_once + at_once)
            due, self._next = self._moment(steps.start), steps.stop
            await asyncio.sleep(max(0.0, due - self._now()))
            if self._ended:
                return
            late = self._now() - due > self._step
            await self._release_all([state for step in steps for state in self.wheel.due(step, late=late)], due)

    async def drain(self) -> None:
        """Cut off the looks under way and start no more, also where a tick is in the middle of its second."""
        self._ended = True
        self._late_turns.over(self)
        self._waiting.clear()
        self._unknown.clear()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _skip_to(self, step: int) -> None:
        # Looks that are late by more than a step but still within the interval are made late, not left out.
        oldest = step - self.wheel.steps + 1
        if self._next < oldest:
            self._leave_out(oldest)
            self._next = oldest

    def _leave_out(self, end: int) -> None:
        turns, rest = divmod(end - self._next, self.wheel.steps)  # of a day that the process was stopped: thousands
        left_out = turns * self.wheel.size + sum(self.wheel.targets(late) for late in range(end - rest, end))
        self._skipped(left_out)
        lately = range(max(self._next, end - round(MINUTE / STEP)), end)
        of_the_minute = sum(self.wheel.targets(late) for late in lately)
        self._due(of_the_minute, of_the_minute)

    async def _release_all(self, states: list[TargetState], due: float) -> None:
        parts = -(-len(states) // TOGETHER)
        for part in range(parts):
            moment = due + part * self._step / parts
            if part:
                await asyncio.sleep(max(0.0, moment - self._now()))
            if not self._ended:
                self._release(states[part::parts], moment)

    def _release(self, states: list[TargetState], due: float) -> None:
        left_out = 0
        for state in states:
            if state in self._under_way:
                # A first look, made out of turn, may have begun a moment ago: it is in time for this turn.
                left_out += due - self._under_way[state] > self.wheel.interval / 2
                continue
            self._under_way[state] = due
            # Of a new target nothing is known yet, of the others something.
            (self._waiting if self.wheel.source in state.looks else self._unknown).append((state, due))
        if left_out:
            self._skipped(left_out)
        self._due(len(states), left_out)
        self._begin_soon()

    @property
    def waits(self) -> float:
        """Seconds for which the oldest look that is due was not begun."""
        oldest = [waiting[0][1] for waiting in (self._waiting, self._unknown) if waiting]
        if not self.wheel.empty:
            oldest.append(self._moment(self._next))
        return max(0.0, self._now() - min(oldest, default=inf))

    @property
    def waiting(self) -> int:
        """Looks that are due and were not begun."""
        return len(self._waiting) + len(self._unknown)

    def _begin_soon(self) -> None:
        if (self._waiting or self._unknown) and not self._begins and len(self._tasks) < self._concurrency:
            self._begins = True
            asyncio.get_running_loop().call_soon(self._begin)

    def _begin(self) -> None:
        # On time all at once, on warm caches. Late, a batch, and the next when it is nearly over or the loop is idle:
        # of hundreds under way all that is ready makes one turn, for which a page waits again and again.
        self._begins, now = False, self._now()
        is_idle, self._turned = now - self._turned <= BUSY, now
        room, late = self._concurrency - len(self._tasks), 0
        while (self._waiting or self._unknown) and room > 0:
            state, due = self._unknown[-1] if self._unknown else self._waiting[0]
            if now - due > self._step:
                if late == LATE or (late == 0 and not self._has_late_turn(is_idle=is_idle)):
                    break
                late += 1
            _ = self._unknown.pop() if self._unknown else self._waiting.popleft()
            if state.removed:  # while it waited: nobody wants to know any more, and others are late
                self._over(state)
                continue
            room -= 1
            task = asyncio.create_task(self._one(state, due))
            self._tasks.add(task)
            task.add_done_callback(self._is_over)
        if not self.waiting or room <= 0:  # of others nobody waits for this one's slow targets
            self._late_turns.over(self)
        elif late:
            self._late_turns.begins(self)
        self._begin_soon()

    def _has_late_turn(self, *, is_idle: bool) -> bool:
        return self._late_turns.has(self) and (is_idle or len(self._tasks) <= LATE // 4)

    def _is_over(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._begin_soon()

    async def _one(self, state: TargetState, due: float) -> None:
        try:
            self._lagged(max(0.0, self._now() - due))
            await self._look(state, self._over)
        except BaseException:  # cut off, or a bug: no look of it is under way any more
            self._over(state)
            raise

    def _over(self, state: TargetState) -> None:
        self._under_way.pop(state, None)

    @property
    def _step(self) -> float:
        return self.wheel.at_once * STEP

    def _moment(self, step: int) -> float:
        return step * STEP - self._epoch + self.offset

    def _step_now(self) -> int:
        return int((self._now() + self._epoch - self.offset) / STEP)


def stagger(pollers: Sequence[Poller]) -> None:
    """Let no two of them release looks at the same moment: their steps are multiples of the shortest one."""
    shortest = min((poller.wheel.at_once for poller in pollers), default=1) * STEP
    for place, poller in enumerate(pollers):
        poller.offset = shortest * place / len(pollers)
