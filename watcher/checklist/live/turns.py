"""Which findings turned, and which controls were met once and no longer are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from probes.controls.catalogue.control import Control
from probes.controls.catalogue.terms import Automation
from probes.controls.evidence import AgentRef
from probes.controls.finding import Finding, State
from watcher.checklist.turned_finding import TurnedFinding

KEPT_FOR = 7 * 86400.0
"""Seconds for which a control that was met once is told as regressed."""

_MET = (State.PASS, State.ATTESTED)
_NOT_MET = (State.FAIL, State.EXPIRED)
_UNKNOWN, _ROLLUP = State.UNKNOWN, Automation.ROLLUP


class Regression(NamedTuple):
    """A required control that was met and no longer is."""

    at: float  # Unix seconds
    before: State  # pass or attested
    after: State  # fail or expired


@dataclass(frozen=True, slots=True)
class Past:
    """What the next verdicts on an agent are compared with, beside its findings."""

    lapsed: Mapping[str, State] = field(default_factory=dict)  # control, now unknown -> what it was when last known
    regressed: Mapping[str, Regression] = field(default_factory=dict)  # by control


NO_PAST = Past()


def turned(
    agent: AgentRef, before: Mapping[str, Finding], after: Mapping[str, Finding], now: float
) -> list[TurnedFinding]:
    """All findings that have another state than `before`; one that was not there before turned nowhere."""
    return [
        TurnedFinding(now, agent, name, was.state, found.state, found.reason, found.message, max(0.0, now - was.since))
        for name, found in after.items()
        if (was := before.get(name)) is not None and was.state is not found.state
    ]


def followed(
    past: Past, turns: list[TurnedFinding], controls: Mapping[str, Control], required: frozenset[str], now: float
) -> Past:
    """The past after these turns: one bad look of two lies between met and failed, and is neither."""
    lapsed, regressed = dict(past.lapsed), dict(past.regressed)
    for each in turns:
        if controls[each.control].automation is _ROLLUP:
            continue
        was = each.before if each.before in _MET else lapsed.get(each.control)
        if each.after is _UNKNOWN:
            if was is not None:
                lapsed[each.control] = was
            continue
        lapsed.pop(each.control, None)
        if each.after not in _NOT_MET:
            regressed.pop(each.control, None)
        elif was is not None:
            regressed[each.control] = Regression(now, was, each.after)
    kept = {name: each for name, each in regressed.items() if name in required and now - each.at < KEPT_FOR}
    return Past(lapsed, kept) if lapsed or kept else NO_PAST
