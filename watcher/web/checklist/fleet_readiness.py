"""Which agents are ready, the worst first, and which controls most of them do not meet."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from heapq import nsmallest
from typing import NamedTuple

from probes.controls.catalogue.control import Control
from probes.controls.catalogue.terms import Severity
from probes.controls.evidence import AgentRef
from probes.controls.finding import State
from probes.controls.profile import Profile
from probes.controls.readiness import Readiness, Verdict
from watcher.checklist.live.turns import Regression
from watcher.runtime.cooperative import TimeSlice
from watcher.web.checklist.judged_agents import JudgedAgents

SHOWN = 200
"""Agents on one page; the rest is counted and found by its filters."""

SHOWN_CONTROLS = 10
"""Controls that most agents do not meet."""

SHOWN_REGRESSIONS = 10
"""The newest of them; the rest is counted."""

NAMED = 4
"""Controls that are named in the line of an agent; the rest is counted."""

ORDER = (Verdict.NOT_READY, Verdict.INDETERMINATE, Verdict.VACUOUS, Verdict.READY_WITH_WAIVERS, Verdict.READY)
"""The worst first."""

_SLICE = 20
_RANK = {verdict: place for place, verdict in enumerate(ORDER)}
_SEVERITY = {severity: place for place, severity in enumerate(Severity)}
_FAIL, _EXPIRED = State.FAIL, State.EXPIRED


class Unmet(NamedTuple):
    """A control that agents do not meet, and how many."""

    control: Control
    failing: int
    expired: int


class Regressed(NamedTuple):
    """A required control that an agent met within the last week, and no longer does."""

    agent: AgentRef
    control: Control
    turn: Regression


@dataclass(frozen=True, slots=True)
class AgentLine:
    """One agent on the fleet's page."""

    agent: AgentRef
    readiness: Readiness
    profile: str
    unmet: Sequence[Control]  # required, and failing or expired: the most severe
    left_out: int  # of these


@dataclass(frozen=True, slots=True)
class FleetReadiness:
    """What there is to show of all agents."""

    verdicts: Counter[Verdict]  # of those that fit all but the wanted verdict
    unmet: Sequence[Unmet]  # by how many agents do not meet them
    regressed: Sequence[Regressed]  # the newest first
    regressions: int  # of these in all
    lines: Sequence[AgentLine]
    matching: int


class _Judged(NamedTuple):
    """Sorts by how bad it is, then by name."""

    rank: int
    agent: AgentRef
    profile: str
    readiness: Readiness
    unmet: list[int]  # places of controls in the catalogue


async def fleet_readiness(checklist: JudgedAgents, wanted: Mapping[str, str]) -> FleetReadiness:
    """The agents of the wanted `namespace`, `agent` and `verdict` that do not meet the wanted `control`; "" is any."""
    counted, time_slice = _Counted(checklist, wanted["control"]), TimeSlice()
    for place, agent in enumerate(checklist.agents()):
        if place % _SLICE == 0:
            await time_slice.checkpoint()
        if wanted["namespace"] in ("", agent.namespace) and wanted["agent"] in ("", agent.agent):
            counted.add(agent)
    return counted.shown(wanted["verdict"])


class _Counted:
    """What is known so far, agent by agent."""

    def __init__(self, checklist: JudgedAgents, control: str) -> None:
        self._checklist, self._controls = checklist, checklist.catalogue.controls
        self._asked_for = control
        self._place = next((place for place, each in enumerate(self._controls) if each.id == control), None)
        self._required = cache(self._places)  # a handful of profiles for a thousand agents
        self._failing: Counter[int] = Counter()
        self._expired: Counter[int] = Counter()
        self._judged: list[_Judged] = []
        self._regressed: list[Regressed] = []

    def add(self, agent: AgentRef) -> None:
        """One more; nothing of one that is gone since the list was made."""
        states = self._checklist.states(agent)
        if not states:
            return
        profile, readiness = self._checklist.profile(agent), self._checklist.readiness(agent)
        required = self._required(profile)
        failing, expired = ([each for each in required if states[each] is state] for state in (_FAIL, _EXPIRED))
        self._failing.update(failing)
        self._expired.update(expired)
        if self._is_wanted(states):
            rank = _RANK[readiness.verdict]
            self._judged.append(_Judged(rank, agent, profile.name, readiness, failing + expired))
        by_id, turned = self._checklist.catalogue.by_id, self._checklist.regressed(agent)
        self._regressed += [Regressed(agent, by_id[name], turn) for name, turn in turned.items()]

    def shown(self, verdict: str) -> FleetReadiness:
        """As far as there is room; of the agents those of this verdict."""
        unmet = self._failing.keys() | self._expired.keys()
        most = [Unmet(self._controls[each], self._failing[each], self._expired[each]) for each in unmet]
        fitting = [each for each in self._judged if verdict in ("", each.readiness.verdict)]
        return FleetReadiness(
            Counter(each.readiness.verdict for each in self._judged),
            nsmallest(SHOWN_CONTROLS, most, key=_by_number),
            nsmallest(SHOWN_REGRESSIONS, self._regressed, key=_newest),
            len(self._regressed),
            [self._line(each) for each in nsmallest(SHOWN, fitting, key=lambda each: each[:2])],
            len(fitting),
        )

    def _places(self, profile: Profile) -> list[int]:
        ids = profile.required(self._checklist.catalogue)
        return [place for place, control in enumerate(self._controls) if control.id in ids]

    def _is_wanted(self, states: Sequence[State]) -> bool:
        if not self._asked_for:
            return True
        return self._place is not None and states[self._place] in (_FAIL, _EXPIRED)

    def _line(self, judged: _Judged) -> AgentLine:
        unmet = sorted((self._controls[each] for each in judged.unmet), key=_by_severity)
        return AgentLine(judged.agent, judged.readiness, judged.profile, unmet[:NAMED], len(unmet[NAMED:]))


def _by_number(unmet: Unmet) -> tuple[int, int, int, str]:
    return (-unmet.failing, -unmet.expired, _by_severity(unmet.control), unmet.control.id)


def _newest(regressed: Regressed) -> tuple[float, AgentRef, str]:
    return (-regressed.turn.at, regressed.agent, regressed.control.id)


def _by_severity(control: Control) -> int:
    return _SEVERITY[control.severity]
