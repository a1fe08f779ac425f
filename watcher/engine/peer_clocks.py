"""What do the clocks of others say of ours? Without their word, a date that looks wrong is the fleet's trouble."""

from collections import Counter

from probes.contract import Reading, TargetKey, say_duration
from watcher.runtime.clock import Clock

OFF = 300.0
"""Seconds by which clocks may differ."""

LEAST = 2
"""Witnesses that are heard at all: one against ours proves nothing."""

_EARLY = 60.0  # seconds: the usual clock_skew
_BELIEVED_FOR = 900.0  # seconds: a watch of the API server is renewed every ten minutes at the latest


class PeerClocks:
    """The API server's `Date`, those of agents, and certificates that are not valid yet.

    Ours is doubted where one of these says that it is wrong and none says that it is right: agents that disagree with
    us and with the API server have wrong clocks themselves, and so has a SPIRE server whose certificates begin later
    than agents say it is.
    """

    def __init__(self, clock: Clock) -> None:
        self.doubt = ""  # why our own date is not believed, a sentence
        self._clock, self._ahead = clock, clock.ahead
        self._leads: dict[TargetKey, float] = {}  # Unix seconds by the agent's clock - steady seconds
        self._sides: Counter[int] = Counter()  # of agents: 1 ours is ahead, -1 it is behind, 0 it is right
        self._starts: dict[TargetKey, float] = {}  # when the served certificate begins, less that it was served then
        self._early: set[TargetKey] = set()  # whose certificate is not valid yet
        self._api_server: tuple[float, float] | None = None  # its lead, and when it was heard
        self._said: tuple[str, int, float] | None = None

    def record(self, target: TargetKey, reading: Reading, now: float) -> None:
        """Take in one look that ended at `now` (steady seconds)."""
        if reading.their_date is None and reading.valid_from is None:
            return
        if self._ahead != self._clock.ahead:
            self._count_anew()
        if reading.their_date is not None:
            self._sides[self._side(self._leads.get(target))] -= 1
            self._leads[target] = lead = reading.their_date - now
            self._sides[self._side(lead)] += 1
        if reading.valid_from is not None:
            self._starts[target] = start = reading.valid_from - now
            (self._early.add if start - self._ahead > _EARLY else self._early.discard)(target)
        self._judge(now)

    def hear_api_server(self, date: float, at: float) -> None:
        """The API server said this date (Unix seconds) at that moment (steady seconds)."""
        self._api_server = (date - at, at)
        if self._ahead != self._clock.ahead:
            self._count_anew()
        self._judge(self._clock.steady())

    def forget(self, target: TargetKey) -> None:
        """The target is no longer watched."""
        self._sides[self._side(self._leads.pop(target, None))] -= 1
        self._starts.pop(target, None)
        self._early.discard(target)

    def _side(self, lead: float | None) -> int:
        if lead is None:
            return 2  # who has not said anything
        off = self._ahead - lead
        return 0 if abs(off) <= OFF else 1 if off > 0 else -1

    def _count_anew(self) -> None:
        self._ahead = self._clock.ahead
        self._sides = Counter(map(self._side, self._leads.values()))
        self._early = {target for target, start in self._starts.items() if start - self._ahead > _EARLY}

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
        voters = len(self._leads)
        return next(
            (side for side in (1, -1, 0) if self._sides[side] >= LEAST and self._sides[side] * 2 > voters), None
        )

    def _of_api_server(self, now: float) -> int | None:
        if self._api_server is None or now - self._api_server[1] > _BELIEVED_FOR:
            return None
        return self._side(self._api_server[0])

    def _sentence(self, who: str, side: int) -> str:
        if who == "certificates":
            return "No agent's SVID is valid yet, so the watcher's own clock may be behind."
        leads = [self._api_server[0]] if who == "the API server" and self._api_server else list(self._leads.values())
        off = say_duration(round(abs(self._ahead - sorted(leads)[len(leads) // 2]), -1))  # a `Date` has whole seconds
        whose = "the API server's" if who == "the API server" else "most agents'"
        return f"The watcher's clock is {off} {'ahead of' if side > 0 else 'behind'} {whose}."
