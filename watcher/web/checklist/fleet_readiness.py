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
from watcher.runtime.cooperative import TimeSlice
from watcher.web.checklist.judged_agents import JudgedAgents

SHOWN = 200
"""Agents on one page; the rest is counted and found by its filters."""

SHOWN_CONTROLS = 10
"""Controls that most agents do not meet."""

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
    lines: Sequence[AgentLine]
    matching: int


class _Judged(NamedTuple):
    """Sorts by how bad it is, then by name."""

    rank: int
    agent: AgentRef
    profile: str
    readiness: Readiness
    unmet: list[int]


async def fleet_readiness(checklist: JudgedAgents, wanted: Mapping[str, str]) -> FleetReadiness:
    """The agents of the wanted `namespace`, `agent` and `verdict` that do not meet the wanted `control`; "" is any."""
    controls, time_slice = checklist.catalogue.controls, TimeSlice()
    verdicts: Counter[Verdict] = Counter()
    failing: Counter[int] = Counter()
    expired: Counter[int] = Counter()
    fitting: list[_Judged] = []

    meant = next((place for place, each in enumerate(controls) if each.id == wanted["control"]), None)

    @cache  # a handful of profiles for a thousand agents
    def required(profile: Profile) -> list[int]:
        ids = profile.required(checklist.catalogue)
        return [place for place, control in enumerate(controls) if control.id in ids]

    for place, agent in enumerate(checklist.agents()):
        if place % _SLICE == 0:
            await time_slice.checkpoint()
        if wanted["namespace"] not in ("", agent.namespace) or wanted["agent"] not in ("", agent.agent):
            continue
        states = checklist.states(agent)
        if not states:  # it is gone since the list was made
            continue
        profile = checklist.profile(agent)
        asked = required(profile)
        fails, lapsed = ([each for each in asked if states[each] is state] for state in (_FAIL, _EXPIRED))
        failing.update(fails)
        expired.update(lapsed)
        unmet = fails + lapsed
        if wanted["control"] and not (meant is not None and states[meant] in (_FAIL, _EXPIRED)):
            continue
        readiness = checklist.readiness(agent)
        verdicts[readiness.verdict] += 1
        if wanted["verdict"] in ("", readiness.verdict):
            fitting.append(_Judged(_RANK[readiness.verdict], agent, profile.name, readiness, unmet))
    most = [Unmet(controls[each], failing[each], expired[each]) for each in failing.keys() | expired.keys()]
    worst = nsmallest(SHOWN, fitting, key=lambda each: each[:2])
    lines = [_line(each, controls) for each in worst]
    return FleetReadiness(verdicts, nsmallest(SHOWN_CONTROLS, most, key=_by_number), lines, len(fitting))


def _by_number(unmet: Unmet) -> tuple[int, int, int, str]:
    return (-unmet.failing, -unmet.expired, _SEVERITY[unmet.control.severity], unmet.control.id)


def _line(judged: _Judged, controls: Sequence[Control]) -> AgentLine:
    unmet = sorted((controls[each] for each in judged.unmet), key=lambda each: _SEVERITY[each.severity])
    return AgentLine(judged.agent, judged.readiness, judged.profile, unmet[:NAMED], len(unmet[NAMED:]))
