"""When to look: every target of a source once an interval, spread evenly, whatever the size of the fleet.

A few jobs, one a source, walk a wheel of slots: one job a target would cost 0.3 ms a look
(research/performance.md, section 4). A target's place on the wheel is a stable hash, so
a restart or a change of the fleet leaves everybody's phase as it was.
"""

from collections import deque
from math import log2
from zlib import crc32

from watcher.engine.board import TargetState

STEP = 0.025
"""Seconds of a step, the least between two releases. Places on the wheel are counted in these."""

BATCH = 16
"""Looks that a release should have: made together, on warm caches, they cost a third less than one by one."""

_MOST_DOUBLED = 2  # so often the steps that one release covers are doubled: up to 100 ms
_LEAST_RELEASES = 8  # in an interval: where that is short, a release earlier or later is much of it

ARRIVALS = 4
"""First looks at a release, beside the wheel: a small fleet is known within a second."""

MANY = 1000
"""First looks that are mostly left to the wheel: of a large fleet they would double all work for a minute."""


def steps_together(targets: int, steps: int) -> int:
    """How many of an interval's `steps` one release covers, so that it makes a batch.

    A power of two, and places stay in steps of 25 ms: a fleet that grows moves nobody by more than 75 ms.
    """
    doubled = round(log2(BATCH * steps / max(1, targets)))
    most = (steps // _LEAST_RELEASES).bit_length() - 1
    return 1 << max(0, min(doubled, most, _MOST_DOUBLED))


class TimingWheel:
    """The looks of one source: which targets are due at which step of 25 ms, and how many steps go together."""

    def __init__(self, source: str, interval: float) -> None:
        """`interval`: seconds from one look at a target to the next."""
        self.source, self.interval = source, interval
        self.steps = max(1, round(interval / STEP))
        self.at_once = 1  # steps whose looks are released together
        self.slots: dict[int, list[TargetState]] = {}  # of a day's steps most are nobody's
        self.arrivals: deque[TargetState] = deque()

    def add(self, state: TargetState) -> None:
        """Look at this target from now on, first as soon as it may be."""
        self.slots.setdefault(self._slot(state), []).append(state)
        self.arrivals.append(state)

    def gather(self) -> None:
        """Release as many steps at once as make a batch, by the targets of now."""
        self.at_once = steps_together(self.size, self.steps)

    @property
    def empty(self) -> bool:
        """Whether nothing will ever be due."""
        return not self.arrivals and not self.slots

    @property
    def size(self) -> int:
        """How many have their turn in an interval."""
        return sum(map(len, self.slots.values()))

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
