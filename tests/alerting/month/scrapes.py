"""What Prometheus would have of the watcher's page: only what the rules read, and only what changed."""

import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache

from prometheus_client.parser import text_string_to_metric_families

from tests.alerting.rules import rules
from watcher.metrics.families import PREFIX

EVERY = 30
"""Seconds from one scrape to the next."""

Poller = list[tuple[int, float | None]]
"""Scrape and value from then on; None: gone."""


def _read_by_rules() -> frozenset[str]:
    return frozenset(name for _, rule in rules() for name in re.findall(rf"{PREFIX}\w+", rule["expr"]))


READ = _read_by_rules()
HEARTBEAT = f"{PREFIX}heartbeat_timestamp_seconds"


class Series:
    """One series."""

    def __init__(self, name: str, labels: dict[str, str]) -> None:
        self.name, self.labels = name, labels
        self.poller: Poller = []

    @property
    def told(self) -> str:
        """As promtool wants it."""
        return f"{self.name}{{{','.join(f'{name}={json.dumps(value)}' for name, value in self.labels.items())}}}"

    def set(self, scrape: int, value: float | None) -> None:
        """The value from this scrape on."""
        self.poller.append((scrape, value))

    def runs(self, begin: int, end: int) -> Iterator[tuple[int, int, float | None]]:
        """Begin, end and value of each stretch of equal values in these scrapes."""
        place = max(0, bisect_right(self.poller, begin, key=lambda each: each[0]) - 1)
        parts = self.poller[place:] if self.poller else []
        if not parts or parts[0][0] > begin:
            parts = [(begin, None), *parts]
        for (at, value), (until, _) in zip(parts, [*parts[1:], (end, None)], strict=True):
            if max(at, begin) < min(until, end):
                yield max(at, begin), min(until, end), value

    def span(self, begin: int, end: int) -> int:
        """Scrapes from the first to the last that have it, of these."""
        there = [(at, until) for at, until, value in self.runs(begin, end) if value is not None]
        return there[-1][1] - there[0][0] if there else 0

    def is_there(self, begin: int, end: int) -> bool:
        """Whether it has any value at one of these scrapes."""
        if not self.poller or self.poller[0][0] >= end or (self.poller[-1][1] is None and self.poller[-1][0] <= begin):
            return False
        return any(each is not None for *_, each in self.runs(begin, end))

    def is_ever(self, value: float, begin: int, end: int) -> bool:
        """Whether it has this value at one of these scrapes."""
        return any(each == value for *_, each in self.runs(begin, end))


class Scrapes:
    """All series over all scrapes so far."""

    def __init__(self) -> None:
        self.series: dict[str, Series] = {}
        self._shown: dict[str, Series] = {}  # by the line of the page
        self._seen: list[object] | None = None

    def since(self, scrape: int) -> "Scrapes":
        """A copy that has what was so at this scrape, and after it."""
        made, twins = Scrapes(), dict[int, Series]()
        for told, each in self.series.items():
            twin = Series(each.name, each.labels)
            twin.poller = each.poller[max(0, bisect_right(each.poller, scrape, key=lambda one: one[0]) - 1) :]
            if twin.poller != [(twin.poller[0][0], None)]:
                made.series[told] = twins[id(each)] = twin
        made._shown = {line: twins[id(each)] for line, each in self._shown.items()}
        return made

    def is_new(self, verdicts: list[object]) -> bool:
        """Whether a page made from these would tell the rules anything new, beside the heartbeat."""
        before, self._seen = self._seen, verdicts
        # By identity: whatever changes is another object.
        return before is None or len(before) != len(verdicts) or any(map(_differ, before, verdicts))

    def take(self, scrape: int, page: str, instance: str) -> None:
        """One scrape that worked."""
        shown = {}
        for line in page.splitlines():
            if line.partition("{")[0].partition(" ")[0] in READ and not line.startswith(HEARTBEAT):
                shown[line] = self._shown.pop(line) if line in self._shown else self._one(line, instance)
        for line, removed in self._shown.items():
            del line
            removed.set(scrape, None)
        for line, each in shown.items():
            value = _parsed(line)[2]
            if not each.poller or each.poller[-1][1] != value:
                if each.poller and each.poller[-1][0] == scrape:
                    each.poller.pop()  # another value, not another series
                each.set(scrape, value)
        self._shown = shown

    def miss(self, scrape: int) -> None:
        """One that failed, or found nobody."""
        for each in self._shown.values():
            each.set(scrape, None)
        self._shown, self._seen = {}, None

    def _one(self, line: str, instance: str) -> Series:
        name, labels, _ = _parsed(line)
        made = Series(name, {"job": "watcher", "instance": instance, **dict(labels)})
        return self.series.setdefault(made.told, made)


def _differ(before: object, now: object) -> bool:
    return before is not now and before != now


@lru_cache(maxsize=1 << 14)
def _parsed(line: str) -> tuple[str, tuple[tuple[str, str], ...], float]:
    family = next(iter(text_string_to_metric_families(line + "\n")))
    sample = family.samples[0]
    return sample.name, tuple(sample.labels.items()), float(sample.value)
