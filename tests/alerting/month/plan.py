"""What happens in a healthy month, and when: drawn by a seed."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from random import Random

from probes.contract import Fault
from tests.alerting.month.fleet import Later
from tests.alerting.month.kinds import START, Kind
from tests.alerting.month.scrapes import EVERY

DAY = 86400.0
AWAY = 60.0
"""Seconds of a restart of the watcher."""

_FAULTS = (Fault.SILENT, Fault.STALLED, Fault.RESET)
_BEFORE, _AFTER, _DEPLOY = 150.0, 300.0, 900.0  # seconds around an event in which much may follow from it
_DAY_BEGINS, _DAY_ENDS = 8.0, 18.5  # hours at which agents are scaled


@dataclass(frozen=True)
class Plan:
    """What happens, in order."""

    events: tuple[Later, ...]
    missed: frozenset[int]  # scrapes that fail
    days: float
    edges: tuple[float, ...]  # begin and end of each busy stretch

    def busy(self, now: float) -> bool:
        """Whether anything happens near this time."""
        return bisect_right(self.edges, now) % 2 == 1

    def replaces(self, agent: str, begin: float, end: float) -> bool:
        """Whether processes of this agent end in this time."""
        ends = ("deploy", "restart", "scale")
        return any(begin <= at < end and what in ends and of[0] == agent for at, what, of in self.events)

    @property
    def counts(self) -> Mapping[str, int]:
        """How often each kind of thing happens."""
        return Counter(event.what for event in self.events) | Counter({"missed scrape": len(self.missed)})


def healthy(kinds: tuple[Kind, ...], seed: str, days: float, more: Iterable[Later] = ()) -> Plan:
    """So many days of a fleet's usual life, and what else should happen; of each kind at least one thing happens."""
    random = Random(f"plan {seed}")
    events = sorted((*_events(random, kinds, days), *more))
    missed = {int((at - START) // EVERY) for at in _times(random, 24, days)}
    return Plan(tuple(events), frozenset(missed), days, tuple(_edges(events)))


def _events(random: Random, kinds: tuple[Kind, ...], days: float) -> Iterator[Later]:
    names = [kind.name for kind in kinds]
    for at in _times(random, 0.4 * len(kinds), days):
        yield Later(at, "deploy", (random.choice(names),))
    for at in _times(random, 0.3 * len(kinds), days):
        yield Later(at, "restart", (random.choice(names), random.randrange(12), random.uniform(5, 30)))
    for rate, whole_node in ((10, False), (0.5, True)):
        for at in _times(random, rate, days):
            seconds, fault = random.uniform(5, 20), random.choice(_FAULTS)
            yield Later(at, "blip", (random.randrange(1000), seconds, fault, whole_node))
    for at in _times(random, 2, days):
        yield Later(at, "publish", ())
    for day in range(max(1, round(days))):
        yield Later(START + random.uniform(day + 0.05, min(day + 0.95, days - 0.05)) * DAY, "stop_watcher", (AWAY,))
    yield from _scaled(random, kinds, days)


def _scaled(random: Random, kinds: tuple[Kind, ...], days: float) -> Iterator[Later]:
    for kind in kinds:
        for day in (day for day in range(round(days)) if day % 7 < 5 and kind.busy_pods > kind.pods):
            for hour, pods in ((_DAY_BEGINS, kind.busy_pods), (_DAY_ENDS, kind.pods)):
                yield Later(START + day * DAY + (hour + random.uniform(0, 0.5)) * 3600, "scale", (kind.name, pods))


def _times(random: Random, a_day: float, days: float) -> Iterator[float]:
    for _ in range(max(1, round(a_day * days))):
        yield START + random.uniform(1800, days * DAY - 5400)


def _edges(events: Iterable[Later]) -> list[float]:
    edges: list[float] = []
    for at, what, _ in events:
        begin, end = at - _BEFORE, at + (_DEPLOY if what == "deploy" else _AFTER)
        if edges and begin <= edges[-1]:
            edges[-1] = max(edges[-1], end)
        else:
            edges += [begin, end]
    return edges
