"""When is which agent asked about again? In turns, so many requests a second, and not while nobody answers.

1. An agent is due when it is new, and `every` so many seconds after it was asked about last.
2. Each step takes as many as are due as the budget of requests allows, the longest waiting first.
3. After an answer that never came all wait for a while: to ask for a thousand agents would tell the same.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from probes.controls.evidence import AgentRef

AGAIN = 30.0
"""Seconds for which nobody is asked about after an answer that never came."""


@dataclass(slots=True)
class _Turn:
    due_at: float


class Rounds:
    """The turns of all agents; times are steady seconds."""

    def __init__(self, every: float, requests_a_second: float, requests_each: int, now: Callable[[], float]) -> None:
        """`requests_each`: of one agent."""
        self.every, self._now = every, now
        self._apart = requests_each / requests_a_second
        self._turns: dict[AgentRef, _Turn] = {}
        self._next_at = -1e18

    def adopt(self, every: float) -> None:
        """Ask so often from now on."""
        now = self._now()
        self.every = every
        for each in self._turns.values():
            each.due_at = min(each.due_at, now + every)

    def keep_only(self, agents: Collection[AgentRef]) -> Collection[AgentRef]:
        """These are there; gives those that are there no more."""
        gone = self._turns.keys() - agents
        for agent in gone:
            del self._turns[agent]
        now = self._now()
        for agent in agents:
            if agent not in self._turns:
                self._turns[agent] = _Turn(now)
        return gone

    def take_due(self) -> AgentRef | None:
        """The one to ask about now; None where none is due, or the requests of this second are used up."""
        now = self._now()
        if now < self._next_at:
            return None
        due = [each for each in self._turns.items() if each[1].due_at <= now]
        if not due:
            return None
        agent, turn = min(due, key=lambda each: each[1].due_at)
        turn.due_at = now + self.every
        self._next_at = max(self._next_at, now - self._apart) + self._apart
        return agent

    def no_answer(self, agent: AgentRef) -> None:
        """Nobody answered about this one: it is asked about again before long, and nobody else until then."""
        self._next_at = self._now() + AGAIN
        if agent in self._turns:
            self._turns[agent].due_at = self._next_at

    @property
    def is_busy(self) -> bool:
        """Whether any is due."""
        now = self._now()
        return any(each.due_at <= now for each in self._turns.values())

    def ask_anew(self, agents: Iterable[AgentRef]) -> None:
        """These are due."""
        for agent in agents:
            if agent in self._turns:
                self._turns[agent].due_at = self._now()
