"""When each probe attempt is due, and whose turn it is: one at a time at each agent, with a pause after its end."""

import heapq
from collections import deque
from collections.abc import Collection, Mapping
from hashlib import blake2b
from itertools import count
from typing import NamedTuple

from probes.contract import Reading, TargetKey
from probes.controls.evidence import AgentRef
from watcher.engine.board import TargetState

PAUSE = 1.0
"""Seconds at an agent from the end of one attempt to the begin of the next."""

RETRY = 60.0
"""Seconds after an attempt that failed; each further one in a row waits twice as long."""

SLOWEST = 10
"""Intervals to the next attempt at a target whose answers cost most."""

_OF_INTERVAL = 0.85
"""Of the interval: what was seen must not be too old while the next attempt is still under way."""

_ALMOST = 0.1


class Attempts:
    """Those of one source at one target, and what the last one saw."""

    __slots__ = (
        *("again", "agent", "at", "due", "entry", "failures", "kind", "reading", "slower", "state"),
        *("outdated", "suspected", "trouble", "under_way"),
    )

    def __init__(self, kind: str, agent: AgentRef, state: TargetState) -> None:
        self.kind, self.agent, self.state = kind, agent, state
        self.due = 0.0  # steady seconds
        self.entry = -1  # of the queue, that counts
        self.under_way = False
        self.again = False  # something changed since the attempt under way began
        self.outdated = False  # the attempt under way began at what is there no more
        self.reading: Reading | None = None  # the newest that tells anything
        self.suspected = False  # something was bad once, and the next look decides, though it sees the same
        self.at = 0.0  # steady seconds: when that was seen
        self.trouble = ""  # why nothing was ever seen, a sentence
        self.failures = 0  # in a row
        self.slower = 1  # intervals to the next attempt

    def take(self, reading: Reading, now: float) -> bool:
        """This was seen now; whether it tells more than what was known: the same again confirms what was suspected."""
        told, self.suspected = self.suspected or reading != self.reading, False
        self.reading, self.at, self.trouble = reading, now, ""
        self.failures = self.failures + 1 if reading.error or reading.fault else 0
        return told

    def forget(self) -> None:
        """What was seen is of a process, or a place, that is there no more; so is what an attempt under way sees."""
        self.reading, self.suspected, self.trouble, self.outdated = None, False, "", self.under_way

    def fail(self, reading: Reading) -> bool:
        """Nobody could be asked; whether that is news: what was seen before stays as it was."""
        before, self.trouble = self.trouble, reading.error
        self.failures += 1
        return self.reading is None and self.trouble != before

    def charge(self, *, costly: bool) -> None:
        """The attempt cost too much CPU, or did not."""
        self.slower = min(SLOWEST, self.slower * 2) if costly else max(1, self.slower // 2)

    def next_due(self, now: float, interval: float) -> float:
        """Steady seconds of the next attempt, after one that ended now: at its own place in the interval, well spread.

        Never later than the interval, but for a target that costs too much.
        """
        period = interval * _OF_INTERVAL
        if self.slower > 1:
            return now + period * self.slower
        if self.failures:
            return now + min(period, RETRY * 2.0 ** min(self.failures - 1, 16))
        place = spread(self.kind, self.state.target.key) * period
        wait = (place - now) % period
        return now + (wait if wait > _ALMOST * period else wait + period)


def spread(kind: str, key: TargetKey) -> float:
    """From 0 to 1, the same after each start."""
    return int.from_bytes(blake2b("/".join((kind, *key)).encode(errors="replace"), digest_size=4).digest()) / 2**32


class AttemptQueue:
    """All attempts that are to be made. Those that cannot begin wait without being looked at again and again."""

    def __init__(self, most: Mapping[str, int]) -> None:
        """`most`: how many of a source may be under way."""
        self._most = most
        self._numbers = count()
        self._heap: list[tuple[float, _Waiting]] = []
        self._free_at: dict[AgentRef, float] = {}  # after an attempt; infinite while one is under way
        self._behind: dict[AgentRef, deque[_Waiting]] = {}  # of agents with an attempt under way
        self._parked: dict[str, deque[_Waiting]] = {kind: deque() for kind in most}
        self.under_way: dict[str, int] = dict.fromkeys(most, 0)

    def put(self, attempts: Attempts, due: float) -> None:
        """Make the next attempt then, and at no other time."""
        attempts.due, attempts.entry = due, next(self._numbers)
        heapq.heappush(self._heap, (due, _Waiting(attempts.entry, attempts)))

    def put_now(self, attempts: Attempts, now: float) -> None:
        """Make one as soon as may be; after the one that is under way, which may have seen what was before."""
        if attempts.under_way:
            attempts.again = True
        else:
            self.put(attempts, now)

    def drop(self, attempts: Attempts) -> None:
        """Make no more of them."""
        attempts.entry, attempts.again = -1, False

    def take(self, now: float) -> Attempts | None:
        """One that is due, and under way from now on; None where none can begin."""
        while self._heap and self._heap[0][0] <= now:
            _, waiting = heapq.heappop(self._heap)
            if not waiting.counts:
                continue
            attempts = waiting.attempts
            free_at = self._free_at.get(attempts.agent, now)
            if free_at == _UNDER_WAY:
                self._behind.setdefault(attempts.agent, deque()).append(waiting)
            elif free_at > now:
                heapq.heappush(self._heap, (free_at, waiting))
            elif self.under_way[attempts.kind] >= self._most[attempts.kind]:
                self._parked[attempts.kind].append(waiting)
            else:
                self._begin(attempts)
                return attempts
        return None

    def is_busy(self, now: float) -> bool:
        """Whether one is under way, or due and waits for its turn; looks through all of them."""
        if any(self.under_way.values()):
            return True
        return any(waiting.counts and waiting.attempts.due <= now for _, waiting in self._heap)

    def over(self, attempts: Attempts, now: float) -> None:
        """The attempt has ended: after a pause it is the turn of the next one at this agent."""
        attempts.under_way = False
        self.under_way[attempts.kind] -= 1
        self._free_at[attempts.agent] = now + PAUSE
        self._wake(self._behind.get(attempts.agent), now + PAUSE)
        self._wake(self._parked[attempts.kind], now)
        if not self._behind.get(attempts.agent):
            self._behind.pop(attempts.agent, None)

    def keep(self, agents: Collection[AgentRef], now: float) -> None:
        """Forget the turns of other agents; of one that comes back at once the pause still counts."""
        self._free_at = {agent: at for agent, at in self._free_at.items() if agent in agents or at > now}

    def _begin(self, attempts: Attempts) -> None:
        attempts.entry, attempts.again, attempts.under_way = -1, False, True
        attempts.outdated = False
        self.under_way[attempts.kind] += 1
        self._free_at[attempts.agent] = _UNDER_WAY

    def _wake(self, line: "deque[_Waiting] | None", at: float) -> None:
        while line:
            waiting = line.popleft()
            if waiting.counts:
                heapq.heappush(self._heap, (at, waiting))
                return


class _Waiting(NamedTuple):
    """A place in the queue; ordered by its number, which no other has."""

    entry: int
    attempts: Attempts

    @property
    def counts(self) -> bool:
        """Whether the attempt was not dropped, nor asked for at another time."""
        return self.attempts.entry == self.entry


_UNDER_WAY = float("inf")
