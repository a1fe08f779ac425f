"""What the watcher itself saw of one pod over time: its conditions and the SVIDs that it served."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from probes.contract.condition import Status
from probes.controls.evidence.looks import Verdicts

DAY = 86400.0


class Stretch(NamedTuple):
    """How a condition was for a while; Unix seconds."""

    status: Status
    start: float
    end: float


class ConditionPast(NamedTuple):
    """How one condition was, as far as it was watched: oldest first, and the last one lasts."""

    stretches: tuple[Stretch, ...]

    def seconds(self, status: Status, since: float) -> float:
        """For how long it was so since this moment (Unix seconds)."""
        return sum(max(0.0, each.end - max(each.start, since)) for each in self.stretches if each.status is status)

    def judged(self, since: float) -> float:
        """Seconds with a verdict, true or false, since this moment."""
        return self.seconds(Status.TRUE, since) + self.seconds(Status.FALSE, since)

    def longest_true(self, since: float, until: float) -> float:
        """Seconds of the longest while that it was true between these moments (Unix seconds)."""
        true = (each for each in self.stretches if each.status is Status.TRUE)
        return max((min(each.end, until) - max(each.start, since) for each in true), default=0.0)

    def turns(self, since: float) -> Iterator[float]:
        """When it turned true since this moment, Unix seconds; that it was true from the start is no turn."""
        for before, after in zip(self.stretches, self.stretches[1:], strict=False):
            if after.status is Status.TRUE and before.status is Status.FALSE and after.start >= since:
                yield after.start


@dataclass(frozen=True, slots=True)
class PodConditions:
    """Source `conditions`: the watcher's verdicts on one pod as of now, and how they were."""

    verdicts: Verdicts
    since: float = 0.0  # Unix seconds: followed since then without a gap
    past: Mapping[str, ConditionPast] = field(default_factory=dict)  # of those that turned, or are counted always
    alert_waits: Mapping[str, float] = field(default_factory=dict)  # condition -> seconds until its alert fires
    requests: float | None = None  # that the agent handled in the last hour; None where nothing tells
    told: float = 0.0  # seconds of the last 24 h in which ErrorRateHigh and LatencyHigh had a verdict
    busy: float = 0.0  # seconds of the last 24 h with enough requests that LatencyHigh could be true
    slow: float = 0.0  # of these, those in which it was true


@dataclass(frozen=True, slots=True)
class PodHistory:
    """Source `history`: what was seen of one pod over days. Moments in Unix seconds."""

    since: float  # its conditions are followed since then without a gap
    past: Mapping[str, ConditionPast] = field(default_factory=dict)
    served_since: float | None = None  # when an SVID was first seen
    serial: str = ""  # of the newest
    not_before: float = 0.0
    not_after: float = 0.0
    rotated_at: float | None = None  # when the newest was first seen in place of an older one
    left: float | None = None  # part of the old lifetime that was left then
    process_started: float | None = None  # when the agent's process began, by its own clock
    needless_openings: tuple[tuple[float, str], ...] = ()
    """When circuit breakers opened while hardly any of enough calls had failed in the 5 min before, and for which
    callee; of the last 7 days."""
    without_svid: tuple[float, float] | None = None  # looks in a row that were answered without one: first and last
