"""A provider of what a server from outside tells of one agent after the other, in turns."""

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

from probes.contract import Target, TargetKey
from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import AgentRef, Missing, Seen
from watcher.checklist.live.outside.rounds import Rounds
from watcher.checklist.live.provider import Presence, Provided
from watcher.engine.board import TargetState
from watcher.runtime.clock import Clock
from watcher.runtime.cooperative import TimeSlice
from watcher.runtime.failures import FailuresLogger

Ask = Callable[[AgentRef, Collection[str]], Awaitable[tuple[object, str] | Missing]]
"""What is found of an agent with these pods, and where; or why nothing is."""

_DOWN = (UnknownReason.FORBIDDEN, UnknownReason.UNREACHABLE, UnknownReason.UNPARSEABLE)
_FOLLOWED_EVERY = 5.0
"""Seconds from one look at which agents there are to the next."""

_AT_ONCE = 4
"""Agents of one tick, where the budget of requests allows so many."""


class AskedEvidence:
    """Keeps the newest answer of each agent. `tick` is to be called each second."""

    def __init__(
        self,
        source: SourceName,
        ask: Ask | Missing,
        rounds: Rounds,
        states: Callable[[], Mapping[TargetKey, TargetState]],
        clock: Clock,
    ) -> None:
        """`ask`: or why nobody is asked; `states`: the targets of the board."""
        self._source, self._ask, self._rounds, self._states, self._clock = source, ask, rounds, states, clock
        self._found: dict[AgentRef, Seen[object] | Missing] = {}
        self._changed: set[AgentRef] = set()
        self._agents: Mapping[AgentRef, Collection[str]] = {}  # with their pods
        self._followed_at: float | None = None  # steady seconds
        self._down = str(UnknownReason.UNREACHABLE)
        self._tried = False
        self._ticking = False
        self._logger = FailuresLogger(logging.getLogger(__name__))

    async def tick(self) -> None:
        """Ask about those that are due."""
        if self._ticking or isinstance(self._ask, Missing):
            return
        self._ticking = True
        try:
            await self._follow()
            for _ in range(_AT_ONCE):
                if (agent := self._rounds.take_due()) is None:
                    return
                await self._ask_about(agent, self._agents.get(agent, ()), self._ask)
        finally:
            self._ticking = False

    def adopt(self, ask: Ask | Missing, every: float, apart: float) -> None:
        """Ask another place, so often and so far apart, from now on; what the one before said counts no more."""
        self._changed.update(self._agents)
        self._found.clear()
        self._tried = False
        self._ask = ask
        self._rounds.adopt(every, apart)

    @property
    def is_busy(self) -> bool:
        """Whether any agent is yet to be asked about."""
        return not isinstance(self._ask, Missing) and (self._followed_at is None or self._rounds.is_busy)

    def agents(self) -> Collection[AgentRef]:
        """None but those of the targets."""
        return ()

    def presence(self, _: AgentRef, /) -> Presence:
        """Gone: only agents of targets are asked about."""
        return Presence.GONE

    def evidence_of(self, agent: AgentRef, _: Sequence[Target], /) -> Provided:
        """The newest answer, or why there is none."""
        return Provided({self._source: self.newest(agent)})

    def newest(self, agent: AgentRef, /) -> Seen[object] | Missing:
        """The newest answer, or why there is none."""
        if isinstance(self._ask, Missing):
            return self._ask
        without = _NOT_YET if self._followed_at is None or agent in self._agents else _NO_POD
        return self._found.get(agent, without)

    def ask_soon(self, agent: AgentRef, /) -> None:
        """Ask about this agent next."""
        self._rounds.soon(agent)

    def take_changed(self) -> Collection[AgentRef]:
        """Of which agents there is another answer."""
        changed, self._changed = self._changed, set()
        return changed

    def sources_up(self) -> Mapping[str, str]:
        """Whether the newest question got an answer; nothing where nobody is asked, or was yet."""
        if isinstance(self._ask, Missing) or not self._tried:
            return {}
        return {str(self._source): self._down}

    async def _follow(self) -> None:
        """Learn which agents there are: of ten thousand pods that takes a while, so not each time."""
        now, time_slice = self._clock.steady(), TimeSlice()
        if self._followed_at is not None and now - self._followed_at < _FOLLOWED_EVERY:
            return
        self._followed_at = now
        found: dict[AgentRef, list[str]] = {}
        for key in list(self._states()):
            found.setdefault(AgentRef(key.namespace, key.agent), []).append(key.pod)
            await time_slice.checkpoint()
        self._agents = found
        for gone in self._rounds.keep_only(found.keys()):
            self._found.pop(gone, None)

    async def _ask_about(self, agent: AgentRef, pods: Collection[str], ask: Ask) -> None:
        try:
            answer = await ask(agent, pods)
        except Exception:  # the boundary: what goes wrong with one agent costs its own evidence
            self._logger.exception("evidence failed", agent=str(agent), source=str(self._source))
            answer = _FAILED
        self._tried = True
        before = self._found.get(agent)
        if isinstance(answer, Missing):
            self._missed(agent, answer, before)
            return
        self._down = ""
        value, ref = answer
        now = self._clock.date_of(self._clock.steady())
        self._found[agent] = Seen(value, now, ref, next_at=now + self._rounds.every)
        if not isinstance(before, Seen) or before.value != value:
            self._changed.add(agent)

    def _missed(self, agent: AgentRef, answer: Missing, before: Seen[object] | Missing | None) -> None:
        if answer.reason in _DOWN:
            self._down = str(answer.reason)
        else:
            self._down = ""
        if answer.reason is UnknownReason.UNREACHABLE:
            self._rounds.no_answer(agent)
            if isinstance(before, Seen):  # what was seen stays, and grows old
                return
        else:
            self._rounds.no_data(agent)
        self._found[agent] = answer
        if before != answer:
            self._changed.add(agent)


_NOT_YET = Missing(UnknownReason.OBSERVING, "The agent's turn to be asked about has not come yet.")
_NO_POD = Missing(UnknownReason.NO_DATA, "No pod of the agent is watched.")
_FAILED = Missing(
    UnknownReason.EVALUATOR_ERROR, "The watcher failed to gather this; this is a bug of the watcher; see its log."
)
