"""When is which agent asked about again? In turns, so many requests a second, and not while nobody answers.

1. An agent is due when it is new, and `every` so many seconds after it was asked about last.
2. The one that has been due for longest is next, as soon as the requests of the one before are paid for.
3. After an answer that never came all wait for a while: to ask for a thousand agents would tell the same.
"""

import heapq
from collections.abc import Callable, Collection
from itertools import count

from probes.controls.evidence import AgentRef

AGAIN = 30.0
"""Seconds for which nobody is asked about after an answer that never came."""


SOON = 60.0
"""Seconds until an agent is asked about again of which nothing could be had."""

_STEP, _EARLY = 1.0, 0.05
"""Seconds from one step to the next, in which what was not used of the budget is not lost, and by how much it may come
early: steps are not made to the millisecond."""


class Rounds:
    """The turns of all agents; times are steady seconds."""

    def __init__(self, every: float, apart: float, now: Callable[[], float]) -> None:
        """`apart`: seconds from one agent to the next."""
        self.every, self._apart, self._now = every, apart, now
        self._due_at: dict[AgentRef, float] = {}
        self._queue: list[tuple[float, int, AgentRef]] = []  # some of it is outdated
        self._numbers = count()
        self._next_at = float("-inf")

    def adopt(self, every: float, apart: float) -> None:
        """Ask about all of them anew, and then so often and so far apart."""
        self.every, self._apart, now = every, apart, self._now()
        for agent in self._due_at:
            self._plan(agent, now)

    def keep_only(self, agents: Collection[AgentRef]) -> Collection[AgentRef]:
        """These are there; gives those that are there no more."""
        gone = self._due_at.keys() - agents
        for agent in gone:
            del self._due_at[agent]
        now = self._now()
        for agent in agents:
            if agent not in self._due_at:
                self._plan(agent, now)
        return gone

    def take_due(self) -> AgentRef | None:
        """The one to ask about now; None where none is due, or it is too soon after the one before."""
        now = self._now()
        if now + _EARLY < self._next_at or not self.is_busy:
            return None
        _, _, agent = heapq.heappop(self._queue)
        self._plan(agent, now + self.every)
        self._next_at = max(self._next_at, now - max(0.0, _STEP - self._apart)) + self._apart
        return agent

    def no_answer(self, agent: AgentRef) -> None:
        """Nobody answered about this one: it is asked about again before long, and nobody else until then."""
        self._next_at = self._now() + AGAIN
        if agent in self._due_at:
            self._plan(agent, self._next_at)

    def no_data(self, agent: AgentRef) -> None:
        """There was nothing to be had of this one, or no right to it: that may change before its turn."""
        if agent in self._due_at:
            self._plan(agent, self._now() + min(self.every, SOON))

    def soon(self, agent: AgentRef) -> None:
        """This one is due now."""
        if agent in self._due_at:
            self._plan(agent, min(self._due_at[agent], self._now()))

    @property
    def is_busy(self) -> bool:
        """Whether any is due."""
        while self._queue and self._due_at.get(self._queue[0][2]) != self._queue[0][0]:
            heapq.heappop(self._queue)
        return bool(self._queue) and self._queue[0][0] <= self._now()

    def _plan(self, agent: AgentRef, due_at: float) -> None:
        self._due_at[agent] = due_at
        heapq.heappush(self._queue, (due_at, next(self._numbers), agent))
