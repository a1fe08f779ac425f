"""What do the clocks of others say of ours? Without their word, a date that looks wrong is the fleet's trouble."""

from collections import Counter
from collections.abc import Collection
from typing import NamedTuple

from probes.contract import Reading, TargetKey, say_duration
from watcher.runtime.clock import Clock

OFF = 300.0
"""Seconds by which clocks may differ."""

LEAST = 2
"""Witnesses that are heard at all: one against ours proves nothing."""

_EARLY = 60.0  # seconds: the usual clock_skew
_BELIEVED_FOR = 900.0  # seconds: a watch of the API server is renewed every ten minutes at the latest


_Agent = tuple[str, str]
"""Namespace and name: all pods of an agent are one witness."""


class _Heard(NamedTuple):
    lead: float  # the Unix seconds that were said, less the steady seconds at which they were
    at: float  # steady seconds


class PeerClocks:
    """The API server's `Date`, those of agents, and certificates that are not valid yet.

    Ours is doubted where one of these says that it is wrong and none says that it is right: agents that disagree with
    us and with the API server have wrong clocks themselves, and so has a SPIRE server whose certificates begin later
    than agents say it is.
    """

    def __init__(self, clock: Clock) -> None:
        self.doubt = ""  # why our own date is not believed, a sentence
        self._clock, self._ahead = clock, clock.ahead
        self._watched = 0  # agents, whether they say a date or not
        self._leads: dict[_Agent, _Heard] = {}  # what agents say it is; who was heard longest ago is the first
        self._sides: Counter[int] = Counter()  # of agents: 1 ours is ahead, -1 it is behind, 0 it is right
        self._starts: dict[TargetKey, _Heard] = {}  # when certificates begin, in the same order
        self._early: set[TargetKey] = set()  # whose certificate is not valid yet
        self._api_server: _Heard | None = None
        self._said: tuple[str, int, float] | None = None

    def record(self, target: TargetKey, reading: Reading, now: float) -> None:
        """Take in one look that ended at `now` (steady seconds)."""
        changed = self._forget_old(now)
        if self._ahead != self._clock.ahead:
            self._count_anew()
            changed = True
        if reading.their_date is not None:
            changed |= self._hear((target.namespace, target.agent), _Heard(reading.their_date - now, now))
        if (valid_from := reading.valid_from) is not None:
            changed |= self._see(target, _Heard(valid_from - now, now))
        if changed or self._api_server is not None:  # whose word is believed for a while only
            self._judge(now)

    def _hear(self, agent: _Agent, said: _Heard) -> bool:
        """Whether it says something else than before."""
        before, side = self._leads.pop(agent, None), self._side(said.lead)
        self._leads[agent] = said
        was = self._side(before.lead) if before is not None else None
        if was == side:
            return False
        self._sides[side] += 1
        if was is not None:
            self._sides[was] -= 1
        return True

    def _see(self, target: TargetKey, start: _Heard) -> bool:
        """Whether its certificate is early now and was not, or the other way round, or was never seen."""
        known, was = self._starts.pop(target, None) is not None, target in self._early
        self._starts[target] = start
        is_early = start.lead - self._ahead > _EARLY
        if is_early:
            self._early.add(target)
        else:
            self._early.discard(target)
        return not known or was != is_early

    def hear_api_server(self, date: float, at: float) -> None:
        """The API server said this date (Unix seconds) at that moment (steady seconds)."""
        self._api_server = _Heard(date - at, at)
        if self._ahead != self._clock.ahead:
            self._count_anew()
        self._judge(self._clock.steady())

    def keep(self, targets: Collection[TargetKey]) -> None:
        """Exactly these are watched from now on; forget what all others said."""
        agents = {(target.namespace, target.agent) for target in targets}
        self._watched = len(agents)
        for agent in self._leads.keys() - agents:
            self._forget_lead(agent)
        for target in [each for each in self._starts if each not in targets]:
            self._forget_start(target)
        self._judge(self._clock.steady())

    def _forget_old(self, now: float) -> bool:
        """Let go what was said too long ago: a fleet that went down says nothing of our clock as it is today."""
        found = False
        while self._leads and now - next(iter(self._leads.values())).at > _BELIEVED_FOR:
            self._forget_lead(next(iter(self._leads)))
            found = True
        while self._starts and now - next(iter(self._starts.values())).at > _BELIEVED_FOR:
            self._forget_start(next(iter(self._starts)))
            found = True
        return found

    def _forget_lead(self, agent: _Agent) -> None:
        if (said := self._leads.pop(agent, None)) is not None:
            self._sides[self._side(said.lead)] -= 1

    def _forget_start(self, target: TargetKey) -> None:
        self._starts.pop(target, None)
        self._early.discard(target)

    def _side(self, lead: float) -> int:
        off = self._ahead - lead
        return 0 if abs(off) <= OFF else 1 if off > 0 else -1

    def _count_anew(self) -> None:
        self._ahead = self._clock.ahead
        self._sides = Counter(self._side(said.lead) for said in self._leads.values())
        self._early = {target for target, start in self._starts.items() if start.lead - self._ahead > _EARLY}

    def _judge(self, now: float) -> None:
        said = self._said_by(now)
        if said is None:
            self.doubt, self._said = "", None
        elif said != self._said:
            self._said = said
            who, side, _ = said
            self.doubt = self._sentence(who, side)

    def _said_by(self, now: float) -> tuple[str, int, float] | None:
        """Who says that our clock is wrong, on which side, and what it was when that was said."""
        by_agents, by_api_server = self._agents(), self._of_api_server(now)
        if 0 in (by_agents, by_api_server):
            return None
        if by_api_server is not None:
            return "the API server", by_api_server, self._ahead
        if by_agents is not None:
            return "most agents", by_agents, self._ahead
        young = len(self._starts) >= LEAST and len(self._early) == len(self._starts)
        return ("certificates", -1, self._ahead) if young else None

    def _agents(self) -> int | None:
        """What most of all agents say: two that say a date are not most of twenty, whatever the others keep silent."""
        least = max(LEAST, self._watched // 2 + 1)
        return next((side for side in (1, -1, 0) if self._sides[side] >= least), None)

    def _of_api_server(self, now: float) -> int | None:
        if self._api_server is None or now - self._api_server.at > _BELIEVED_FOR:
            return None
        return self._side(self._api_server.lead)

    def _sentence(self, who: str, side: int) -> str:
        if who == "certificates":
            return "No agent's SVID is valid yet, so the watcher's own clock may be behind."
        heard = [self._api_server] if who == "the API server" and self._api_server else self._leads.values()
        leads = sorted(said.lead for said in heard)
        off = say_duration(round(abs(self._ahead - leads[len(leads) // 2]), -1))  # a `Date` has whole seconds
        whose = "the API server's" if who == "the API server" else "most agents'"
        return f"The watcher's clock is {off} {'ahead of' if side > 0 else 'behind'} {whose}."
