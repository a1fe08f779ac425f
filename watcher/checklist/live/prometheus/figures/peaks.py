"""How many requests a second agents had at most, by days: what was tested under load is compared with it.

To look back at 30 days at once would cost a Prometheus too much. So:
1. A day (by UTC) is one question for all agents. The day that runs is asked for once an hour.
2. Each hour one of the 30 days before is asked for too, the newest of those that were not; after that it is known.
3. The peak of an agent is that of the days that are known; it is whole where all 30 are.
"""

from array import array
from collections.abc import Awaitable, Callable, Mapping, Sequence

from probes.controls.evidence import AgentRef
from probes.controls.evidence.alerts.prometheus import Peak

DAY = 86400
DAYS = 30
EVERY = 3600.0
"""Seconds from one question for the day that runs to the next."""

_SLOTS = DAYS + 1
_EARLY = 60.0

Question = Callable[[int, int], Awaitable[Mapping[AgentRef, float]]]
"""Asks for the highest 5-min mean of requests a second between two moments (Unix seconds), by agent."""


class Peaks:
    """Of all agents."""

    def __init__(self, near: Sequence[str] = ()) -> None:
        """`near`: what questions are limited to; of another one what was asked says nothing."""
        self.near = tuple(near)
        self._of: dict[AgentRef, array[float]] = {}  # by slots of days
        self._asked: dict[int, float] = {}  # day -> Unix seconds when it was asked for

    def limited_to(self, near: Sequence[str]) -> "Peaks":
        """This one, where it was limited to the same; else one that knows nothing yet."""
        return self if tuple(near) == self.near else Peaks(near)

    async def ask(self, question: Question, now: float) -> None:
        """Ask what is due at `now` (Unix seconds): two questions at most."""
        today = int(now) // DAY
        if now - self._asked.get(today, 0.0) < EVERY - _EARLY and self._asked.get(today, 0.0) <= now:
            return
        for old in [day for day in self._asked if not today - DAYS <= day <= today]:
            del self._asked[old]
        await self._ask(question, today, now)
        unknown = (day for day in range(today - 1, today - _SLOTS, -1) if self._asked.get(day, 0.0) < (day + 1) * DAY)
        if (day := next(unknown, None)) is not None:
            await self._ask(question, day, now)

    def of(self, agent: AgentRef, now: float) -> Peak:
        """What is known of one at `now` (Unix seconds)."""
        today = int(now) // DAY
        known = [day for day in range(today - DAYS, today + 1) if day in self._asked]
        found = self._of.get(agent)
        highest = max((found[day % _SLOTS] for day in known), default=-1.0) if found is not None else -1.0
        return Peak(highest if highest >= 0 else None, whole=len(known) == _SLOTS)

    async def _ask(self, question: Question, day: int, now: float) -> None:
        begin, end = day * DAY, min((day + 1) * DAY, int(now))
        found = await question(begin, end)
        for slots in self._of.values():
            slots[day % _SLOTS] = -1.0  # it may be that of a day long past
        for agent, value in found.items():
            slots = self._of.setdefault(agent, array("d", [-1.0] * _SLOTS))
            slots[day % _SLOTS] = value
        self._asked[day] = now
