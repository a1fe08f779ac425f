"""How agents spoke of their own health while something that they depend on was down, as the watcher saw it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from probes.contract.condition import Status
from probes.controls.evidence import AgentRef
from probes.readings.health.answer import OUTAGE, HealthAnswer, Outage, Way
from watcher.engine.board import TargetState

DEPENDENCIES, BREAKER = ("SVIDExpired", "OPAUnreachable"), "CircuitBreakerOpen"
"""Conditions that mean that a dependency of the agent is down: one that it always has, or a callee."""

PROBES = ("svid", "opa", "breaker")
"""Those that tell of them."""

MOST, MOST_AGENTS = 20, 20_000
"""Outages of one agent that are kept, and agents: one may be gone for a while and come back."""

KEPT = 30 * 86400.0
"""Seconds for which an outage tells how an agent speaks of itself."""


class Dependency(NamedTuple):
    """What may be down."""

    condition: str
    subject: str = ""  # whose breaker it is


Down = Mapping[Dependency, float]
"""What is down now, and since when."""

_NOTHING: Down = {}


def down(state: TargetState, places: Sequence[int]) -> Down:
    """Of this target, since when in steady seconds; `places`: of PROBES on the board."""
    found: dict[Dependency, float] | None = None
    for place in places:
        result = state.results[place]
        if result is None or result.verdicts.calm:
            continue
        for verdict, since in zip(result.verdicts.all, result.since, strict=True):
            name = verdict.kind.name
            if verdict.status is _TRUE and (name in DEPENDENCIES or (name == BREAKER and verdict.subject)):
                found = found or {}
                found[Dependency(name, verdict.subject)] = since
    return found or _NOTHING


_TRUE = Status.TRUE


class Outages:
    """What was told in outages, by agent; times are Unix seconds."""

    def __init__(self) -> None:
        self._known: dict[AgentRef, dict[tuple[Dependency, str], Outage]] = {}  # by what was down, and pod

    def of(self, agent: AgentRef, now: float) -> tuple[Outage, ...]:
        """Those of this agent that are not too long ago, the newest first."""
        found = [each for each in self._known.get(agent, _NO_OUTAGES).values() if now - each.looked_at <= KEPT]
        return tuple(sorted(found, key=lambda each: -each.looked_at))

    def untold(self, agent: AgentRef, pod: str, since: Down, now: float) -> Iterator[tuple[Dependency, float]]:
        """What has been down for long enough, and another look would tell more of it; `since`: Unix seconds."""
        known = self._known.get(agent, _NO_OUTAGES)
        for dependency, began in since.items():
            before = known.get((dependency, pod))
            if now - began >= OUTAGE and not (before is not None and is_same(before.since, began) and before.told):
                yield dependency, began

    def note(self, agent: AgentRef, pod: str, answer: HealthAnswer, since: Down, now: float) -> bool:
        """Take in a look of now that was made while this was down; whether it tells anything."""
        health, told = answer.health, False
        if health is None or health.status is None or health.withheld or answer.way is Way.PLAINTEXT:
            return False
        for dependency, began in list(self.untold(agent, pod, since, now)):
            healthy = health.says_healthy(dependency.subject)
            if healthy is not None:
                before = self._known.get(agent, _NO_OUTAGES).get((dependency, pod))
                self.restore(agent, _after(before, Outage(*dependency, pod, began, now, (healthy,))))
                told = True
        return told

    def known(self) -> Iterator[tuple[AgentRef, Outage]]:
        """All of them."""
        return ((agent, each) for agent, known in self._known.items() for each in known.values())

    def restore(self, agent: AgentRef, outage: Outage) -> None:
        """Know this one; of an agent the newest are kept, whatever becomes of the pods."""
        known = self._known.pop(agent, {})
        self._known[agent] = known  # the newest last
        if len(self._known) > MOST_AGENTS:
            del self._known[next(iter(self._known))]
        known[Dependency(outage.condition, outage.subject), outage.pod] = outage
        if len(known) > MOST:
            del known[min(known, key=lambda each: known[each].looked_at)]


def is_same(since: float, other: float) -> bool:
    """Whether two moments are those at which one outage began, by a clock that may have been set meanwhile."""
    return abs(since - other) < OUTAGE


def _after(before: Outage | None, now: Outage) -> Outage:
    if before is None or not is_same(before.since, now.since):
        return now
    return now._replace(said_healthy=(*before.said_healthy, *now.said_healthy))


_NO_OUTAGES: Mapping[tuple[Dependency, str], Outage] = {}
