"""One simulated pod: its process, its SVID and its OPA, as they are at the time of a look."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from zlib import crc32

from probes.contract import Fault, TargetKey
from probes.readings.handshake import Handshake
from probes.readings.opa_status import StatusReport
from tests.alerting.month.kinds import CPU_LIMIT, START, Kind
from tests.drift.shapes import LEAK_FREE

LIFETIME = 3600.0
"""Seconds of an SVID; it is replaced when 45 to 55 % of it remain."""

_STEADY, _NOISE, _BLUR = 0.95, 0.007, 0.005  # of memory, a minute: as in tests.drift.simulation
_WARM_UP = 45.0  # seconds of full CPU


def load(now: float) -> float:
    """How busy the fleet is, 0.3 by night to 1 at noon; half of that at weekends."""
    day, hour = divmod((now - START) / 3600, 24)
    rise = 0.7 * max(0.0, math.sin(math.pi * (hour - 6) / 15))
    return 0.3 + (rise if day % 7 < 5 else rise / 2)


@dataclass(slots=True)
class Process:
    """The counters of one process."""

    started: float  # Unix seconds
    at: float  # when the counters were last brought up to date
    shape: Callable[[float], float]  # of its memory
    leak: float = 0.0  # sizes at the start, in an hour
    requests: float = 0.0
    failed: float = 0.0
    within: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])  # 50 ms, 100 ms, 200 ms
    cpu: float = 0.0
    wobble: float = 0.0

    def work(self, now: float, random: Random, busy: float, failing: float, slow: float, cpu: float) -> None:
        """Go on until now: `busy` is the share of a pod's usual peak, the others are shares too."""
        seconds, self.at = now - self.at, now
        if seconds <= 0:
            return
        mean = 12 * busy * seconds
        done = max(0.0, random.gauss(mean, math.sqrt(mean)))
        self.requests += done
        self.failed += done * failing
        for place, share in enumerate((0.6, 0.9, 1.0)):
            self.within[place] += done * (1 - slow) * share
        warm = max(0.0, min(seconds, self.started + _WARM_UP - (now - seconds)))
        self.cpu += CPU_LIMIT * (0.95 * warm + cpu * (seconds - warm))
        kept = _STEADY ** (seconds / 60)
        self.wobble = kept * self.wobble + random.gauss(0, _NOISE * math.sqrt(1 - kept * kept))

    def size(self, now: float, random: Random) -> float:
        """Resident memory, in sizes at the start."""
        minutes = (now - self.started) / 60
        return max(0.05, 1 + self.shape(minutes) + self.leak * minutes / 60 + self.wobble + random.gauss(0, _BLUR))


class Pod:
    """One pod. What a look finds there is told by tests.alerting.month_readings."""

    def __init__(self, kind: Kind, key: TargetKey, number: int, node: str, now: float, ready: float, seed: str) -> None:
        self.kind, self.key, self.number, self.node = kind, key, number, node
        self.random = Random(f"{seed}/{number}")
        self.ready_at = ready  # refuses connections until then
        self.ended = False
        self.cut_as: Fault | None = None  # what the network does to looks
        self.cut_until = 0.0
        self.breakers: dict[str, tuple[float, float]] = {}  # callee -> opened, closed
        old = ready == now  # of the first fleet
        self.svid_at = now - self.random.uniform(0, 1500) if old else now
        self.svid_due = self._next_svid(self.svid_at)
        self.served: tuple[object, Handshake] | None = None  # and what it was made of
        self.report: StatusReport | None = None
        self.report_due = 0.0
        self.inspection_due, self.refused = 0.0, 0  # of the whole page; refused so often in a row
        self.process = self._process(ready, 3600 * self.random.uniform(1, 48) if old else 0.0)

    def serves(self, now: float) -> bool:
        """Whether its process takes requests."""
        return not self.ended and now >= self.ready_at and now >= self.process.started

    def cut(self, fault: Fault, until: float) -> None:
        """Looks meet this fault until then."""
        self.cut_as, self.cut_until = fault, until

    def start_process(self, at: float, leak: float = 0.0) -> None:
        """Another process from then on; the old one is gone at once."""
        self.process = self._process(at)
        self.process.leak = leak
        self.breakers = {}

    def open_breaker(self, callee: str, now: float, seconds: float) -> None:
        """The breaker for this callee opens for so long."""
        self.breakers[callee] = (now, now + seconds)

    def rotate(self, now: float) -> None:
        """Take a new SVID, if it is time."""
        while now >= self.svid_due:
            self.svid_at = self.svid_due
            self.svid_due = self._next_svid(self.svid_at)

    def delay(self, of: str) -> int:
        """Seconds from 0 to 55 that this pod always takes for this."""
        return crc32(f"{self.number}/{of}".encode()) % 56

    def _next_svid(self, at: float) -> float:
        return at + LIFETIME * self.random.uniform(0.45, 0.55)

    def _process(self, at: float, age: float = 0.0) -> Process:
        shape = LEAK_FREE[self.kind.memory](Random(f"{self.number}/{at}"))
        return Process(started=at - age, at=at, shape=shape)
