"""Is the watcher cut off? When most of a fleet falls silent at once, the trouble is more likely ours."""

from collections import OrderedDict

from probes.contract import Fault, Reading, TargetKey

MIN_TARGETS = 5
"""Fewer targets than these prove nothing about the network between."""


class Isolation:
    """Follows who answers (DESIGN.md section 5, rule 5).

    Of at least five targets that answered in the last interval, more than half go silent (not refused) in one
    interval on all their sources, counted at the first failed look; it lasts until half of them answer again.
    """

    def __init__(self) -> None:
        self.interval = 60.0  # seconds: the longest of the sources in use
        self.isolated = False
        self._answering: set[TargetKey] = set()  # targets that answer, as far as is known
        self._silent: dict[TargetKey, set[str]] = {}  # target -> sources now silent
        self._excused: dict[TargetKey, set[str]] = {}  # silent sources of a target that answered elsewhere since
        self._fell: OrderedDict[TargetKey, float] = OrderedDict()  # answered before, then silent: when, oldest first
        self._population: set[TargetKey] = set()  # who answered just before the silence
        self._back: set[TargetKey] = set()  # of these, who answers again

    def record(self, target: TargetKey, source: str, reading: Reading, now: float) -> None:
        """Take in one look; `now` in seconds of any clock."""
        if reading.fault is Fault.SILENT:
            self._fell_silent(target, source, now)
        else:
            self._answered(target, source)
        self._judge(now)

    def forget(self, target: TargetKey) -> None:
        """The target is no longer watched."""
        for kept in (self._silent, self._excused, self._fell):
            kept.pop(target, None)
        for known in (self._answering, self._population, self._back):
            known.discard(target)

    def _answered(self, target: TargetKey, source: str) -> None:
        self._answering.add(target)
        self._fell.pop(target, None)
        if target in self._population:
            self._back.add(target)
        if silent := self._silent.get(target):
            # What stays silent while the target answers elsewhere is that source's own trouble.
            silent.discard(source)
            self._excused[target] = set(silent)

    def _fell_silent(self, target: TargetKey, source: str, now: float) -> None:
        self._silent.setdefault(target, set()).add(source)
        if target in self._answering and source not in self._excused.get(target, ()):
            self._answering.remove(target)
            self._back.discard(target)
            self._fell[target] = now

    def _judge(self, now: float) -> None:
        if self.isolated:
            self.isolated = len(self._back) * 2 < len(self._population)
            if not self.isolated:
                self._fell.clear()
            return
        while self._fell and now - next(iter(self._fell.values())) > self.interval:
            self._fell.popitem(last=False)
        fallen, known = len(self._fell), len(self._fell) + len(self._answering)
        if known >= MIN_TARGETS and fallen * 2 > known:
            self.isolated = True
            self._population, self._back = self._answering | self._fell.keys(), set(self._answering)
