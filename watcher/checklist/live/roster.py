"""Which agents there are, with the pods of each: by what is watched, and by what providers know beside."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import inf
from zlib import crc32

from probes.contract import Target, TargetKey
from probes.controls.evidence import AgentRef
from probes.controls.finding import Finding
from watcher.checklist.live.accounts import NOBODY, Account
from watcher.checklist.live.agent_verdict import AgentVerdict
from watcher.checklist.live.moments import Age
from watcher.checklist.live.turns import NO_PAST, Past
from watcher.engine.board import TargetState
from watcher.runtime.cooperative import TimeSlice

GATHERED = 3.0
"""Seconds for which changes of one agent are gathered: a rollout is many."""

LINGERS = 900.0
"""Seconds for which an agent is kept of which nothing is watched, where it cannot be told whether it is gone."""

_SLICE = 50

ANYTHING = frozenset({-1})
"""For the number of a provider: whatever it is that changed."""

NOBODY_SAID: frozenset[int] = frozenset()


@dataclass(slots=True, eq=False)
class ListedAgent:
    """One agent, and when it is to be judged. Moments are steady seconds."""

    ref: AgentRef
    targets: tuple[Target, ...] = ()
    watched: dict[str, float] = field(default_factory=dict)  # pod -> Unix seconds since when
    verdict: AgentVerdict | None = None  # None: it was not judged yet
    past: Past = NO_PAST
    account: Account = NOBODY  # of its pods
    learnt: bool = False  # whether that was learnt once
    lapsed: frozenset[Age] = frozenset()  # what was too old at the last verdict
    seen_at: float = -inf  # when what its verdict rests on was seen last
    judge_at: float = inf  # when time alone may turn a finding
    check_at: float = inf  # when its evidence is looked through
    changed_at: float = inf  # since when something is different; inf: nothing is
    changed_by: frozenset[int] = ANYTHING  # the numbers of the providers that said so
    frame: int = 0  # of `frame_of`, at the last verdict
    whole_at: float = -inf  # when all of it is judged at the latest
    whole_since: float = -inf  # when all of it was judged last
    before: Mapping[str, Finding] = field(default_factory=dict)  # of the last process, until judged
    comparable: bool = False  # whether the next findings may be compared with those before: same agent, same catalogue
    untold_since: float = inf  # since when it cannot be told whether it is gone
    surely: bool = False  # it is said to be this agent that changed

    @property
    def spread(self) -> float:
        """From 0.5 to 1, the same forever: what is due for all is not due for all at once."""
        return 0.5 + crc32(str(self.ref).encode()) % 512 / 1024

    def seen(self, now: float, lapsed: frozenset[Age], lapses_in: float, every: float) -> None:
        """What its verdict rests on was seen; seconds until more of it is too old, and until it is looked at anyway."""
        self.lapsed, self.seen_at, self.check_at = lapsed, now, now + min(every, lapses_in)

    def all_judged(self, now: float, again_in: float) -> None:
        """All of it was judged, and is again in so many seconds at the latest."""
        self.whole_since, self.whole_at = now, now + again_in

    def take_changes(self) -> None:
        """It is judged: what changes from here on is for the next verdict."""
        self.changed_at, self.changed_by, self.surely = inf, NOBODY_SAID, False

    def not_judged(self, again_at: float) -> None:
        """Something went wrong: all of it is to be judged then."""
        self.changed_at, self.judge_at, self.check_at, self.whole_at = inf, again_at, inf, -inf

    def is_to_be_judged(self, now: float) -> bool:
        """Whether it must be judged anew at `now`, steady seconds."""
        return self.judge_at <= now or self.changed_at <= (now if self.verdict is None else now - GATHERED)

    def is_due(self, now: float) -> bool:
        """Whether there is anything to do for it."""
        return self.check_at <= now or self.is_to_be_judged(now)

    def urgency(self) -> tuple[bool, bool, float]:
        """What is less goes first: who has no verdict, then who surely changed, and of these who waits longest."""
        return self.verdict is not None, not self.surely, min(self.changed_at, self.judge_at, self.check_at)


class Roster:
    """Kept the same as the board. Only agents whose pods are others than before are told as changed."""

    def __init__(self) -> None:
        self.agents: dict[AgentRef, ListedAgent] = {}
        self._states: Mapping[TargetKey, TargetState] = {}
        self._new: list[ListedAgent] = []
        self._beside: frozenset[AgentRef] = frozenset()
        self._unlisted: set[AgentRef] = set()  # neither of a target nor beside, and not gone

    async def follow(
        self,
        states: Mapping[TargetKey, TargetState],
        beside: Iterable[AgentRef],
        remains: Callable[[AgentRef], bool | None],
        now: float,
        date: float,
    ) -> list[AgentRef]:
        """Take these; gives agents that are gone. `beside`: those without a pod that is watched.

        `remains`: whether any other is still there: its pods may start anew. None: that cannot be told.
        `now`: steady seconds, `date`: the same in Unix seconds.
        """
        others = frozenset(beside)
        if states is not self._states or others != self._beside:
            await self._take_all(states, others, now, date)
        gone = [ref for ref in self._unlisted if self._is_gone(self.agents[ref], remains(ref), now)]
        for ref in gone:
            del self.agents[ref]
            self._unlisted.discard(ref)
        return gone

    async def _take_all(
        self, states: Mapping[TargetKey, TargetState], others: frozenset[AgentRef], now: float, date: float
    ) -> None:
        grouped, time_slice = dict[AgentRef, list[Target]](), TimeSlice()
        for number, state in enumerate(states.values()):
            key = state.target.key
            grouped.setdefault(AgentRef(key.namespace, key.agent), []).append(state.target)
            if number % _SLICE == 0:
                await time_slice.checkpoint()
        self._unlisted = self.agents.keys() - grouped.keys() - others
        for ref in (*others, *self._unlisted):
            grouped.setdefault(ref, [])
        for number, (ref, targets) in enumerate(grouped.items()):
            self._take(ref, tuple(targets), now, date)
            if number % _SLICE == 0:
                await time_slice.checkpoint()
        self._states, self._beside = states, others

    def _is_gone(self, agent: ListedAgent, remains: bool | None, now: float) -> bool:
        agent.untold_since = inf if remains else min(agent.untold_since, now)
        return remains is False or now - agent.untold_since >= LINGERS

    def _take(self, ref: AgentRef, targets: tuple[Target, ...], now: float, date: float) -> None:
        agent = self.agents.get(ref)
        if agent is not None and ref not in self._unlisted:
            agent.untold_since = inf
        if agent is None:
            agent = self.agents[ref] = ListedAgent(ref, changed_at=now)
            self._new.append(agent)
        elif agent.targets == targets:
            return
        agent.targets = targets
        agent.watched = {each.key.pod: agent.watched.get(each.key.pod, date) for each in targets}
        _change(agent, now, ANYTHING, surely=True)

    def take_new(self) -> list[ListedAgent]:
        """Agents that came since this was asked last."""
        new, self._new = self._new, []
        return new

    def change(self, refs: Iterable[AgentRef] | None, now: float, by: frozenset[int] = ANYTHING) -> None:
        """Something of these is different since `now` (steady seconds), as this provider says; None: maybe of all."""
        for agent in list(self.agents.values()) if refs is None else self._listed(refs):
            _change(agent, now, by, surely=refs is not None)

    def _listed(self, refs: Iterable[AgentRef]) -> Iterator[ListedAgent]:
        return (self.agents[ref] for ref in refs if ref in self.agents)


def _change(agent: ListedAgent, now: float, by: frozenset[int], *, surely: bool) -> None:
    agent.changed_at = min(agent.changed_at, now)
    agent.changed_by |= by
    agent.surely = agent.surely or surely
