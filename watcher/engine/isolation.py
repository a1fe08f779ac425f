"""Is the watcher cut off? When most of a fleet falls silent at once, the trouble is more likely ours."""

from collections import deque

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
        self._answering: dict[TargetKey, float] = {}  # target -> when it last answered
        self._silent: dict[TargetKey, set[str]] = {}  # target -> sources now silent
        self._excused: dict[TargetKey, set[str]] = {}  # silent sources of a target that answered elsewhere since
        self._fell: deque[tuple[float, TargetKey]] = deque()  # answered before, then silent: when
        self._gone: set[TargetKey] = set()  # the targets in _fell
        self._population: set[TargetKey] = set()  # who answered just before the silence

    def record(self, target: TargetKey, source: str, reading: Reading, now: float) -> None:
        """Take in one look; `now` in seconds of any clock."""
        if reading.fault is Fault.SILENT:
            self._fell_silent(target, source, now)
        else:
            self._answered(target, source, now)
        self._judge(now)

    def forget(self, target: TargetKey) -> None:
        """The target is no longer watched."""
        for kept in (self._answering, self._silent, self._excused):
            kept.pop(target, None)
        self._gone.discard(target)
        self._population.discard(target)

    def _answered(self, target: TargetKey, source: str, now: float) -> None:
        self._answering[target] = now
        self._gone.discard(target)
        if silent := self._silent.get(target):
            # What stays silent while the target answers elsewhere is that source's own trouble.
            silent.discard(source)
            self._excused[target] = set(silent)

    def _fell_silent(self, target: TargetKey, source: str, now: float) -> None:
        self._silent.setdefault(target, set()).add(source)
        answered = self._answering.get(target)
        if answered is None or source in self._excused.get(target, ()) or target in self._gone:
            return
        del self._answering[target]
        self._gone.add(target)
        self._fell.append((now, target))

    def _judge(self, now: float) -> None:
        if self.isolated:
            back = sum(1 for target in self._population if target in self._answering)
            self.isolated = back * 2 < len(self._population)
            if not self.isolated:
                self._fell.clear()
                self._gone.clear()
            return
        while self._fell and now - self._fell[0][0] > self.interval:
            self._gone.discard(self._fell.popleft()[1])
        fallen, known = len(self._gone), len(self._gone) + len(self._answering)
        if known >= MIN_TARGETS and fallen * 2 > known:
            self.isolated, self._population = True, self._gone | self._answering.keys()
