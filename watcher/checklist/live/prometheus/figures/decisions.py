"""How many decisions agents asked for in an hour, as it was at several moments: logs are read at others."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from probes.controls.evidence import AgentRef
from probes.controls.evidence.alerts.prometheus import Decided
from watcher.checklist.live.prometheus.samples import PodRef

_APART = 600.0
"""Seconds between two moments that are kept."""

_KEPT = 3 * 3600.0
"""Seconds for which one is kept: older lines prove nothing."""


class _Moment(NamedTuple):
    at: float  # Unix seconds
    of_agents: Mapping[AgentRef, float]
    in_part: frozenset[AgentRef]  # of which some pod counts nothing


class Decisions:
    """Of all agents."""

    def __init__(self) -> None:
        self._kept = deque[_Moment]()
        self._newest: _Moment | None = None

    def take(self, at: float, by_pod: Mapping[PodRef, float], agents: Mapping[AgentRef, Sequence[str]]) -> None:
        """What pods counted in the hour before `at` (Unix seconds)."""
        found, in_part = dict[AgentRef, float](), set[AgentRef]()
        for agent, pods in agents.items():
            told = [by_pod[agent.namespace, pod] for pod in pods if (agent.namespace, pod) in by_pod]
            if told:
                found[agent] = sum(told)
                if len(told) < len(pods):
                    in_part.add(agent)
        self._newest = _Moment(at, found, frozenset(in_part))
        while self._kept and not 0 <= at - self._kept[0].at <= _KEPT:
            self._kept.popleft()
        if not self._kept or at - self._kept[-1].at >= _APART:
            self._kept.append(self._newest)

    def of(self, agent: AgentRef) -> tuple[Decided, ...]:
        """Of one, the oldest first; nothing of moments at which none of its pods told."""
        return tuple(
            Decided(each.at, each.of_agents[agent], whole=agent not in each.in_part)
            for each in self._moments()
            if agent in each.of_agents
        )

    def _moments(self) -> Iterator[_Moment]:
        yield from self._kept
        if self._newest is not None and self._newest is not self._kept[-1]:
            yield self._newest
