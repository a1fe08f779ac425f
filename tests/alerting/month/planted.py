"""Plants faults into copies of a month, and says what was paged."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.alerting.month.faults import Fault
from tests.alerting.month.firings import CONDITION, Firing, Span, Stretch, firings
from tests.alerting.month.kinds import START, Kind
from tests.alerting.month.plan import Plan
from tests.alerting.month.play import Month
from tests.alerting.month.quiet import stretches
from tests.alerting.month.scrapes import EVERY, Scrapes

_BEFORE = 200.0  # seconds from the copy to the first fault in it


@dataclass(frozen=True)
class Planted:
    """A fault, where and when."""

    fault: Fault
    agent: str  # by `Kind.name`
    at: float  # Unix seconds

    @property
    def mended(self) -> float:
        """When it ends."""
        return self.at + self.fault.minutes * 60

    @property
    def over(self) -> float:
        """When nothing may fire any more."""
        return self.mended + self.fault.after * 60

    def wants(self, firing: Firing) -> bool:
        """Whether this is the page that it must make."""
        right = firing.alert == self.fault.alert and self.fault.of in ("", firing.labels.get("condition"))
        return right and self._is_own(firing)

    def explains(self, firing: Firing) -> bool:
        """Whether this may fire, for it is true."""
        return self.wants(firing) or (firing.alert in self.fault.also and self._is_own(firing))

    def _is_own(self, firing: Firing) -> bool:
        agent = firing.labels.get("agent")
        return not agent or self.fault.ills is None or f"{firing.labels['namespace']}/{agent}" == self.agent


@dataclass(frozen=True)
class Paged:
    """What came of a planted fault; moments are seconds from the fault, or from its end."""

    planted: Planted
    firings: int  # of the alert that it must make
    seen: float | None  # the first scrape at which its condition was true
    fires: float
    resolved: float  # from its end
    also: Mapping[str, int]  # what else fired that it explains, on how many agents
    strange: tuple[Firing, ...]  # what nothing explains


def plant(faults: Sequence[Fault], kinds: Sequence[Kind], plan: Plan, first: float, apart: float) -> list[Planted]:
    """Each fault on another agent than the one before, so many seconds apart."""
    planted = []
    for number, fault in enumerate(faults):
        fitting = [kind.name for kind in kinds if kind.pods >= fault.pods and fault.on in ("", kind.name)]
        agent, at = fitting[number % len(fitting)], first + number * apart
        while fault.on and plan.replaces(agent, at, at + fault.minutes * 60 + 3600):
            at += 3600
        planted.append(Planted(fault, agent, at))
    return sorted(planted, key=lambda each: each.at)


def crowd(faults: Sequence[Fault], kinds: Sequence[Kind], first: float) -> list[Planted]:
    """All as soon as may be: each on the agent that is first over the one before."""
    free = {kind.name: first for kind in kinds}
    planted = []
    for number, fault in enumerate(faults):
        fitting = [kind.name for kind in kinds if kind.pods >= fault.pods]
        agent = min(fitting, key=lambda name: free[name])
        planted.append(Planted(fault, agent, free[agent] + number))
        free[agent] = planted[-1].over + _BEFORE
    return planted


def play(month: Month, planted: Sequence[Planted], version: str) -> list[Paged]:
    """Play these into a copy of the month as it is shortly before them, and ask what fired."""
    month.play(min(each.at for each in planted) - _BEFORE)
    end = max(each.over for each in planted)
    with TemporaryDirectory() as directory:
        copy = month.copy(Path(directory), busy=not any(each.fault.is_slow for each in planted))
        for each in planted:
            for event in each.fault.events(each.at, each.agent):
                copy.add(event)
        copy.play(end)
        near = [_asked(each, planted) for each in stretches(copy.scrapes, copy.begin, _scrape(end))]
        found = firings(copy.scrapes, near, version, Path(directory))
    of_each = [[firing for firing in found if firing.asked in {_span(each, of) for of in near}] for each in planted]
    own = [[firing for firing in mine if each.explains(firing)] for each, mine in zip(planted, of_each, strict=True)]
    explained = {(firing.asked, tuple(firing.labels.items())): firing for mine in own for firing in mine}.values()
    whole = [firing for firing in found if any(firing.asked == (of.begin, of.end) for of in near)]
    strange = [each for each in whole if each.count > _times(each, explained)]
    return [_paged(each, mine, copy.scrapes, strange) for each, mine in zip(planted, own, strict=True)]


def _times(firing: Firing, explained: Iterable[Firing]) -> int:
    within = (each for each in explained if firing.asked[0] <= each.asked[0] and each.asked[1] <= firing.asked[1])
    return sum(each.count for each in within if each.labels == firing.labels)


def _asked(near: Stretch, planted: Sequence[Planted]) -> Stretch:
    """Asked for each fault, and for the whole. Faults of one time are asked for once: else all would count twice."""
    spans = (_span(each, near) for each in planted)
    asked = dict.fromkeys((*(span for span in spans if span[0] < span[1]), (near.begin, near.end)))
    return Stretch(near.begin, near.end, tuple(asked))


def _span(planted: Planted, within: Stretch) -> Span:
    return max(within.begin, _scrape(planted.at)), min(within.end, _scrape(planted.over) - 1)


def _scrape(at: float) -> int:
    return int((at - START) // EVERY)


def _paged(each: Planted, own: Sequence[Firing], scrapes: Scrapes, strange: Sequence[Firing]) -> Paged:
    pages = [firing for firing in own if each.wants(firing)]
    return Paged(
        each,
        firings=sum(firing.count for firing in pages),
        seen=_seen(each, scrapes),
        fires=min((firing.begin for firing in pages), default=nan) - each.at,
        resolved=max((firing.end for firing in pages), default=nan) - each.mended,
        also=Counter(firing.alert for firing in own if firing not in pages),
        strange=tuple(firing for firing in strange if firing.begin < each.over and firing.end > each.at),
    )


def _seen(planted: Planted, scrapes: Scrapes) -> float | None:
    begin, end = _scrape(planted.at), _scrape(planted.over)
    true = [
        run[0]
        for each in scrapes.series.values()
        if each.name == CONDITION and each.labels["condition"] == planted.fault.alert
        if f"{each.labels['namespace']}/{each.labels['agent']}" == planted.agent
        for run in each.runs(begin, end)
        if run[2] == 1
    ]
    return START + min(true) * EVERY - planted.at if true else None
