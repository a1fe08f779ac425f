"""How agents spoke of their own health while something that they depend on was down, as the watcher saw it."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from probes.contract.condition import Status
from probes.controls.evidence import AgentRef
from probes.readings.health.answer import OUTAGE, HealthAnswer, Outage, Way
from watcher.engine.board import TargetState

DEPENDENCIES = ("SVIDExpired", "OPAUnreachable")
"""Conditions that mean that a dependency of the agent itself is down."""

MOST = 20
"""Outages of one agent that are kept."""

KEPT = 30 * 86400.0
"""Seconds for which an outage tells how an agent speaks of itself."""

Down = Mapping[str, float]
"""Conditions that are true now, and since when, in steady seconds."""

_NONE: Down = {}


def down(state: TargetState, places: Sequence[int]) -> Down:
    """What this target depends on and is down; `places`: of the probes on the board that tell of it."""
    found: dict[str, float] | None = None
    for place in places:
        result = state.results[place]
        if result is None or result.verdicts.calm:
            continue
        for verdict, since in zip(result.verdicts.all, result.since, strict=True):
            if verdict.status is _TRUE and verdict.kind.name in DEPENDENCIES:
                found = found or {}
                found[verdict.kind.name] = since
    return found or _NONE


_TRUE = Status.TRUE


class Outages:
    """What was told in outages, by agent; times are Unix seconds."""

    def __init__(self) -> None:
        self._known: dict[AgentRef, dict[tuple[str, str], Outage]] = {}  # by condition and pod

    def of(self, agent: AgentRef, now: float) -> tuple[Outage, ...]:
        """Those of this agent that are not too long ago, the newest first."""
        found = [each for each in self._known.get(agent, _NO_OUTAGES).values() if now - each.looked_at <= KEPT]
        return tuple(sorted(found, key=lambda each: -each.looked_at))

    def wants_look(self, agent: AgentRef, pod: str, since: Mapping[str, float], now: float) -> bool:
        """Whether another look would tell more of an outage that goes on; `since`: its conditions, Unix seconds."""
        known = self._known.get(agent, _NO_OUTAGES)
        return any(
            now - began >= OUTAGE and not _is_told(known.get((condition, pod)), began)
            for condition, began in since.items()
        )

    def note(self, agent: AgentRef, pod: str, answer: HealthAnswer, since: Mapping[str, float], now: float) -> bool:
        """Take in a look of now that was made while these conditions were true; whether it tells anything."""
        health, told = answer.health, False
        if health is None or health.status is None or health.withheld or answer.way is Way.PLAINTEXT:
            return False
        for condition, began in since.items():
            before = self._known.get(agent, _NO_OUTAGES).get((condition, pod))
            if now - began >= OUTAGE and not _is_told(before, began):
                self.restore(agent, _after(before, Outage(condition, pod, began, now, (not health.ill,))))
                told = True
        return told

    def keep(self, agents: Collection[AgentRef]) -> None:
        """Forget all other agents."""
        self._known = {agent: known for agent, known in self._known.items() if agent in agents}

    def known(self) -> Iterator[tuple[AgentRef, Outage]]:
        """All of them."""
        return ((agent, each) for agent, known in self._known.items() for each in known.values())

    def restore(self, agent: AgentRef, outage: Outage) -> None:
        """Know this one; of an agent the newest are kept, whatever becomes of the pods."""
        known = self._known.setdefault(agent, {})
        known[outage.condition, outage.pod] = outage
        if len(known) > MOST:
            del known[min(known, key=lambda each: known[each].looked_at)]


def _is_told(outage: Outage | None, began: float) -> bool:
    return outage is not None and outage.since == began and outage.told


def _after(before: Outage | None, now: Outage) -> Outage:
    if before is None or before.since != now.since:
        return now
    return now._replace(said_healthy=(*before.said_healthy, *now.said_healthy))


_NO_OUTAGES: Mapping[tuple[str, str], Outage] = {}
