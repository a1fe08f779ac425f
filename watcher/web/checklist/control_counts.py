"""In which state each control is, over all agents; and of one control the agents, the worst first."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from probes.controls.evidence import AgentRef
from probes.controls.finding import Finding, State
from watcher.runtime.cooperative import TimeSlice
from watcher.web.checklist.judged_agents import JudgedAgents

SHOWN_AGENTS = 50
"""Agents on the page of a control; the rest is counted."""

ORDER = (*(State.FAIL, State.EXPIRED, State.UNKNOWN, State.WAIVED, State.ATTESTED, State.PASS, State.NOT_APPLICABLE),)
"""The worst first."""

_SLICE = 20
_RANK = {state: place for place, state in enumerate(ORDER)}


@dataclass(frozen=True, slots=True)
class OneControl:
    """A control over all agents."""

    counts: Mapping[State, int]
    shown: Sequence[tuple[AgentRef, Finding]]
    agents: int


async def counts_by_control(checklist: JudgedAgents) -> Mapping[str, Counter[State]]:
    """How many agents have each control in which state."""
    by_state: list[Counter[State]] = [Counter() for _ in checklist.catalogue.controls]
    time_slice = TimeSlice()
    for place, agent in enumerate(checklist.agents()):
        if place % _SLICE == 0:
            await time_slice.checkpoint()
        for counted, state in zip(by_state, checklist.states(agent), strict=False):  # none of an agent that is gone
            counted[state] += 1
    return {control.id: counted for control, counted in zip(checklist.catalogue.controls, by_state, strict=True)}


async def one_control(checklist: JudgedAgents, control: str) -> OneControl:
    """The agents of this control, those that do not meet it first."""
    place = [each.id for each in checklist.catalogue.controls].index(control)
    time_slice = TimeSlice()
    ranked: list[tuple[int, AgentRef]] = []
    counts: Counter[State] = Counter()
    for number, agent in enumerate(checklist.agents()):
        if number % _SLICE == 0:
            await time_slice.checkpoint()
        if states := checklist.states(agent):
            counts[states[place]] += 1
            ranked.append((_RANK[states[place]], agent))
    shown = []
    for _, agent in sorted(ranked)[:SHOWN_AGENTS]:
        if finding := checklist.findings(agent).get(control):
            shown.append((agent, finding))
        await time_slice.checkpoint()
    return OneControl(counts, shown, len(ranked))
