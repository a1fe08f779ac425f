"""When an agent may be tried next: its pods share the turns, so that it never sees more than one attempt a second."""

from collections.abc import Awaitable, Callable, Collection

from probes.contract import TargetKey

APART = 1.0
"""Seconds from one attempt to the next."""

_Agent = tuple[str, str]


class Turns:
    """Of all agents."""

    def __init__(self, now: Callable[[], float], sleep: Callable[[float], Awaitable[None]]) -> None:
        """`now`: seconds that only time moves; `sleep` lets so many of them pass."""
        self._now, self._sleep = now, sleep
        self._next: dict[_Agent, float] = {}

    async def take(self, key: TargetKey) -> float:
        """Wait for the next turn of the agent of this pod; the seconds for which others were waited for."""
        agent, now = key[:2], self._now()
        at = max(now, self._next.get(agent, now))
        self._next[agent] = at + APART
        if at > now:
            await self._sleep(at - now)
        return max(0.0, at - now - APART)

    def keep(self, keys: Collection[TargetKey]) -> None:
        """Forget the agents of all other pods, as far as they may be tried now."""
        agents, now = {key[:2] for key in keys}, self._now()
        self._next = {agent: at for agent, at in self._next.items() if agent in agents or at > now}
