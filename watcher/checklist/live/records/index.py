"""Whom records concern, and whose are others than before."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from probes.controls.catalogue.terms import Scope
from probes.controls.evidence import AgentRef
from probes.controls.records import Record
from watcher.runtime.cooperative import TimeSlice

_MOVED_AT_ONCE = 50
"""Agents that are judged anew in a second for nothing else than where their records stand."""

_NONE: Sequence[Record] = ()


class RecordIndex:
    """By agent, by namespace, and of the fleet."""

    def __init__(self) -> None:
        self._of_agent: dict[AgentRef, list[Record]] = {}
        self._of_namespace: dict[str, list[Record]] = {}
        self.of_fleet: Sequence[Record] = ()
        """Those that concern all agents."""
        self._changed: set[AgentRef] | None = set()  # None: maybe all
        self._moved: dict[AgentRef, None] = {}

    def of(self, agent: AgentRef) -> list[Record]:
        """All that concern this agent."""
        named = (self._of_agent.get(agent, _NONE), self._of_namespace.get(agent.namespace, _NONE), self.of_fleet)
        return [each for some in named for each in some]

    def take_changed(self) -> Collection[AgentRef] | None:
        """Whose records are others since this was asked last; None: maybe of all.

        Those whose records only stand elsewhere, such as some lines further down, are told a few at a time.
        """
        changed, self._changed = self._changed, set()
        moved = list(islice(self._moved, _MOVED_AT_ONCE if changed is not None else None))
        for each in moved:
            del self._moved[each]
        return None if changed is None else changed.union(moved)

    async def take(self, records: Iterable[Record], time_slice: TimeSlice) -> None:
        """These are all of them."""
        of_agent, of_namespace, of_fleet = dict[AgentRef, list[Record]](), dict[str, list[Record]](), list[Record]()
        for each in records:
            if each.scope is Scope.FLEET:
                of_fleet.append(each)
            elif each.scope is Scope.NAMESPACE:
                of_namespace.setdefault(each.namespace, []).append(each)
            else:
                for agent in each.agents:
                    of_agent.setdefault(AgentRef(each.namespace, agent), []).append(each)
            await time_slice.checkpoint()
        if not (_same(of_fleet, self.of_fleet) and _all_same(of_namespace, self._of_namespace)):
            self._changed = None
        await self._compare(of_agent, time_slice)
        self._of_agent, self._of_namespace, self.of_fleet = of_agent, of_namespace, of_fleet

    async def _compare(self, of_agent: Mapping[AgentRef, Sequence[Record]], time_slice: TimeSlice) -> None:
        for ref in of_agent.keys() | self._of_agent.keys():
            now, before = of_agent.get(ref, _NONE), self._of_agent.get(ref, _NONE)
            if not _same(now, before):
                if _only_moved(now, before):
                    self._moved[ref] = None
                elif self._changed is not None:
                    self._changed.add(ref)
            await time_slice.checkpoint()


def _same(one: Sequence[Record], other: Sequence[Record]) -> bool:
    return len(one) == len(other) and all(map(_is, one, other))


def _is(one: Record, other: Record) -> bool:
    return one is other or one == other


def _only_moved(now: Sequence[Record], before: Sequence[Record]) -> bool:
    """Whether they say the same of the same, at other places."""
    pairs = zip(now, before, strict=False)
    return len(now) == len(before) and all(_is(one, other) or replace(other, id=one.id) == one for one, other in pairs)


def _all_same(one: Mapping[str, Sequence[Record]], other: Mapping[str, Sequence[Record]]) -> bool:
    return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
