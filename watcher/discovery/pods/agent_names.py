"""Is one agent's name that of two workloads? Their alerts, silences and majorities would be taken for one agent's."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

_Group = tuple[str, str]  # namespace, agent
_PART = re.compile(r"-(?:primary|canary|stable|preview|active|blue|green|baseline|v?[0-9]{1,3})")
"""How the names of workloads end that are one agent in several versions."""


class Workload(NamedTuple):
    """What tells a workload from others in its namespace."""

    name: str
    service_account: str

    def is_like(self, other: "Workload") -> bool:
        """Whether both may well be one agent: by an identity of their own that they share, or by their names."""
        if self.service_account == other.service_account != "default":
            return True
        return _PART.sub("", self.name) == _PART.sub("", other.name)


@dataclass(slots=True)
class _Member:
    workload: Workload
    uids: set[str] = field(default_factory=set)
    other: "_Member | None" = None  # one that is unlike


class AgentNames:
    """Which pods have which name; `touch` is given the uid of each whose `clash` is another than before."""

    def __init__(self, touch: Callable[[str], None]) -> None:
        self._touch = touch
        self._groups: dict[_Group, dict[Workload, _Member]] = {}
        self._claims: dict[str, tuple[_Group, Workload]] = {}  # by uid

    def clash(self, uid: str) -> str:
        """Whose name it is, too: a sentence; empty where it is its own."""
        if uid not in self._claims:
            return ""
        group, workload = self._claims[uid]
        other = self._groups[group][workload].other
        if other is None:
            return ""
        return f"the workload {other.workload.name} has the agent's name {group[1]}, too: they are taken for one agent"

    def claim(self, uid: str, namespace: str, agent: str, workload: Workload) -> None:
        """This pod is an instance of that agent."""
        claim = ((namespace, agent), workload)
        if self._claims.get(uid) == claim:
            return
        self.release(uid)
        self._claims[uid] = claim
        members = self._groups.setdefault(claim[0], {})
        if workload not in members:
            self._add(members, _Member(workload))
        members[workload].uids.add(uid)

    def release(self, uid: str) -> None:
        """It is gone, or none any longer."""
        if uid not in self._claims:
            return
        group, workload = self._claims.pop(uid)
        members = self._groups[group]
        member = members[workload]
        member.uids.discard(uid)
        if not member.uids:
            del members[workload]
            for each in members.values():
                if each.other is member:
                    self._meet(each, next((one for one in members.values() if _are_unlike(one, each)), None))
        if not members:
            del self._groups[group]

    def keep(self, uids: set[str]) -> None:
        """All others are gone."""
        for uid in self._claims.keys() - uids:
            self.release(uid)

    def _add(self, members: dict[Workload, _Member], new: _Member) -> None:
        for each in members.values():
            if _are_unlike(each, new):
                new.other = new.other or each
                if each.other is None:
                    self._meet(each, new)
        members[new.workload] = new

    def _meet(self, member: _Member, other: _Member | None) -> None:
        member.other = other
        for uid in member.uids:
            self._touch(uid)


def _are_unlike(one: _Member, other: _Member) -> bool:
    return not one.workload.is_like(other.workload)
