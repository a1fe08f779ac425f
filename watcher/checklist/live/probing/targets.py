"""The targets that are probed for the checklist, and when something about one turned: then it is probed at once."""

from collections.abc import Collection, Mapping

from probes import AnySourceKind
from probes.contract import Target, TargetKey
from probes.controls.evidence import AgentRef
from probes.readings.handshake import Handshake
from probes.readings.health.answer import HealthAnswer
from watcher.checklist.live.probing.attempts import RETRY, AttemptQueue, Attempts
from watcher.checklist.live.probing.outages import PROBES, Dependency, Down, Outages, down, is_same
from watcher.engine.board import TargetState
from watcher.engine.engine import Engine
from watcher.runtime.cooperative import TimeSlice

SWEEP = 30
"""Calls of `sweep` in which each target is looked over once."""

MOST_LOOKS = 4
"""For the sake of one outage: two that are answered suffice."""

_BEHIND = 0.001  # seconds
_AFTER_RENEWAL = 0.25  # of the interval from the last attempt, at least, to the one after a new SVID
_HEALTH, _HANDSHAKE = "health", "handshake"


class ProbedTarget:
    """One of them."""

    __slots__ = ("agent", "asked", "attempts", "serial", "state")

    def __init__(self, state: TargetState, agent: AgentRef, attempts: Mapping[str, Attempts]) -> None:
        self.state, self.agent, self.attempts = state, agent, attempts
        self.serial = ""  # of the SVID that it served last, "" before one was seen
        self.asked: dict[Dependency, tuple[float, int]] = {}  # what is down: since when, and looks for its sake


class ProbedTargets:
    """All of them, the same as on the board."""

    def __init__(
        self,
        engine: Engine,
        kinds: Mapping[str, AnySourceKind],
        intervals: Mapping[str, float],
        queue: AttemptQueue,
        outages: Outages,
    ) -> None:
        """`intervals`: seconds from one attempt of a source to the next."""
        self._intervals = dict(intervals)
        self._engine, self._kinds, self._queue, self._outages = engine, kinds, queue, outages
        self._states: Mapping[TargetKey, TargetState] = {}  # of the board, when they were last followed
        self._known: dict[TargetKey, ProbedTarget] = {}
        self._to_sweep: list[ProbedTarget] = []
        self._places = [place for place, probe in enumerate(engine.board.probes) if probe.name in PROBES]

    def get(self, key: TargetKey) -> ProbedTarget | None:
        """What is known of a target."""
        return self._known.get(key)

    async def follow(self, now: float) -> Collection[AgentRef]:
        """Know exactly the targets of the board; gives the agents of those that are new, or another than they were.

        `now`: steady seconds.
        """
        states, time_slice = self._engine.board.states, TimeSlice()
        if states is self._states:
            return ()
        before, self._states = self._known, states
        known: dict[TargetKey, ProbedTarget] = {}
        fresh: set[AgentRef] = set()
        for key, state in states.items():
            target = known[key] = before.get(key) or self._new(state, now)
            if key not in before or (target.state is not state and self._replace(target, state, now)):
                fresh.add(target.agent)
            await time_slice.checkpoint()
        self._known = known
        for key, target in before.items():
            if key not in known:
                for attempts in target.attempts.values():
                    self._queue.drop(attempts)
        self._queue.keep({target.agent for target in known.values()}, now)
        return fresh

    async def sweep(self, now: float) -> None:
        """Look over some of them for what turned; `now`: steady seconds."""
        if not self._to_sweep:
            self._to_sweep = list(self._known.values())
        time_slice = TimeSlice()
        for _ in range(-(-len(self._known) // SWEEP)):
            if not self._to_sweep:
                break
            self._look_over(self._to_sweep.pop(), now)
            await time_slice.checkpoint()

    def down(self, target: ProbedTarget) -> Down:
        """What it depends on and is down as of now, since when in Unix seconds."""
        date_of = self._engine.clock.date_of
        found = down(target.state, self._places)
        return {name: date_of(since) for name, since in found.items()} if found else found

    def _new(self, state: TargetState, now: float) -> ProbedTarget:
        target = ProbedTarget(state, AgentRef(state.target.key.namespace, state.target.key.agent), {})
        self._fit(target, now)
        return target

    def _replace(self, target: ProbedTarget, state: TargetState, now: float) -> bool:
        """Whether what was seen of it counts no more: another process may answer, or at another place."""
        before, target.state = target.state.target, state
        self._fit(target, now)
        if _asked(before) == _asked(state.target):
            return False
        for attempts in target.attempts.values():
            attempts.forget()
        self._ask_anew(target, now)
        return True

    def _fit(self, target: ProbedTarget, now: float) -> None:
        """Attempts of those sources that have something to look at, and of no others.

        Of many new targets the first source looks at all before the next one begins: what is asked often is short.
        """
        kept: dict[str, Attempts] = {}
        for place, (name, kind) in enumerate(self._kinds.items()):
            attempts = target.attempts.get(name)
            if not getattr(target.state.target, kind.endpoint):
                if attempts is not None:
                    self._queue.drop(attempts)
            elif attempts is None:
                kept[name] = Attempts(name, target.agent, target.state)
                self._queue.put(kept[name], now + place * _BEHIND)
            else:
                kept[name], attempts.state = attempts, target.state
        target.attempts = kept

    def ask_anew(self, agents: Collection[AgentRef] | None, now: float) -> None:
        """Ask all targets as soon as may be, or those of some agents. `now`: steady seconds."""
        for target in self._known.values():
            if agents is None or target.agent in agents:
                self._ask_anew(target, now)

    def confirm(self, source: str, key: TargetKey, now: float) -> None:
        """Ask a target again a while after the last attempt of this source, and not when its turn comes."""
        target = self._known.get(key)
        attempts = target.attempts.get(source) if target is not None else None
        if attempts is None:
            return
        attempts.suspected = True
        if not attempts.under_way:
            due = max(now, attempts.at + RETRY)
            if due < attempts.due:
                self._queue.put(attempts, due)

    def bring_forward(self, intervals: Mapping[str, float], now: float) -> None:
        """No next attempt of these sources comes later than by their new intervals, in seconds."""
        self._intervals |= intervals
        for target in self._known.values():
            for name in intervals.keys() & target.attempts.keys():
                attempts = target.attempts[name]
                due = attempts.next_due(now, intervals[name])
                if not attempts.under_way and due < attempts.due:
                    self._queue.put(attempts, due)

    def _ask_after_renewal(self, target: ProbedTarget, now: float) -> None:
        """At once, but where SVIDs live for minutes only not after each of them."""
        for name, attempts in target.attempts.items():
            due = max(now, attempts.at + self._intervals[name] * _AFTER_RENEWAL)
            if attempts.under_way:
                self._queue.put_now(attempts, now)
            elif due < attempts.due:
                self._queue.put(attempts, due)

    def _ask_anew(self, target: ProbedTarget, now: float) -> None:
        for attempts in target.attempts.values():
            self._queue.put_now(attempts, now)

    def _look_over(self, target: ProbedTarget, now: float) -> None:
        if self._known.get(target.state.target.key) is not target:
            return
        look = target.state.looks.get(_HANDSHAKE)
        leaf = look.reading.leaf if look is not None and isinstance(look.reading, Handshake) else None
        if leaf is not None and leaf.serial != target.serial:
            before, target.serial = target.serial, leaf.serial
            if before:
                self._ask_after_renewal(target, now)
        health, since = target.attempts.get(_HEALTH), self.down(target)
        if health is not None and (since or target.asked):
            self._look_at_outages(target, health, since, now)

    def _look_at_outages(self, target: ProbedTarget, health: Attempts, since: Down, now: float) -> None:
        """Ask an agent for its health while something that it may speak of is down, a few times in each outage."""
        target.asked = {each: asked for each, asked in target.asked.items() if each in since}
        pod, date, due = target.state.target.key.pod, self._engine.clock.date_of(now), False
        for dependency, began in self._outages.untold(target.agent, pod, since, date):
            before, looks = target.asked.get(dependency, (began, 0))
            looks = looks if is_same(before, began) else 0
            if looks < MOST_LOOKS and _speaks_of(health, dependency):
                target.asked[dependency] = (began, looks + 1)
                due = True
        if due:
            self._queue.put_now(health, now)


def _speaks_of(attempts: Attempts, dependency: Dependency) -> bool:
    """Of a callee only an agent that named it when it was asked last."""
    last = attempts.reading
    health = last.health if isinstance(last, HealthAnswer) else None
    return not dependency.subject or (health is not None and health.says_healthy(dependency.subject) is not None)


def _asked(target: Target) -> tuple[object, ...]:
    """What of a target decides what it is asked."""
    return target.address, target.kubelet_probes, target.workload, target.restarts
