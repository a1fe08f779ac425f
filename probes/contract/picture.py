"""Pictures, and numbers in words: what a probe judged by, as data. How it is shown is nobody's business here.

All times are seconds from now: what is past is negative. So moments that only time moves, and dates that others wrote,
stand on one axis, each reckoned by its own clock.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, NamedTuple, TypeVar

from probes.contract.condition import ConditionKind
from probes.contract.limits import Limits
from probes.contract.metric import Metric, Sample
from probes.contract.reading import Reading
from probes.contract.target import Target

L = TypeVar("L", bound=Limits)


class Unit(StrEnum):
    """What a scale counts, in words for its head."""

    CONNECTIONS = "connections"
    BYTES = "bytes"
    SECONDS = "seconds"
    SHARE = "share"  # 0 to 1
    CORES = "cores"
    PER_SECOND = "per second"


class Origin(StrEnum):
    """How the values of a line came to be."""

    MEASURED = "measured"
    ASSUMED = "assumed"  # nothing was seen; the judge fills it in
    FORECAST = "forecast"


class Tone(StrEnum):
    """What something means for who reads the picture."""

    PLAIN = "plain"
    WARNING = "warning"
    CRITICAL = "critical"
    UNKNOWN = "unknown"


class Point(NamedTuple):
    """A value at a time."""

    at: float
    value: float | None  # None: nothing was seen, so no line leads here


class Series(NamedTuple):
    """A line."""

    name: str
    points: tuple[Point, ...]  # in the order of time
    origin: Origin = Origin.MEASURED
    tone: Tone = Tone.PLAIN


class Level(NamedTuple):
    """A value that others are compared with."""

    name: str
    value: float
    tone: Tone = Tone.PLAIN


class Band(NamedTuple):
    """A span of time and what held in it; where there is none, nothing is known."""

    name: str
    start: float
    end: float
    tone: Tone = Tone.PLAIN


class Mark(NamedTuple):
    """A moment."""

    name: str
    at: float


class Bar(NamedTuple):
    """How much there is now of what may be had."""

    name: str  # a word or two
    said: str  # the same in words, with units
    value: float
    full: float  # the end of its scale; more than 0
    levels: tuple[Level, ...] = ()  # where trouble begins
    tone: Tone = Tone.PLAIN


class Measured(NamedTuple):
    """What was measured for a condition, for the sentence that says it passes."""

    kind: ConditionKind
    said: str  # a sentence or two with numbers and units
    subject: str = ""


class Picture(NamedTuple):
    """What a probe judged by."""

    title: str
    text: str  # what is to be seen, in sentences with numbers and units: for who cannot see it
    conditions: tuple[ConditionKind, ...]  # that are judged by it
    start: float  # of the axis of time
    end: float
    subject: str = ""
    unit: Unit | None = None  # of the lines; None: there are none, only bands and marks
    series: tuple[Series, ...] = ()
    levels: tuple[Level, ...] = ()
    bands: tuple[Band, ...] = ()
    marks: tuple[Mark, ...] = ()
    bars: tuple[Bar, ...] = ()  # of the whole time that is shown


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureContext(Generic[L]):
    """All that a picture or a sentence may show beside the history of a judge."""

    target: Target
    limits: L
    now: float  # seconds that only time moves
    date: float  # Unix seconds, as the clock is set
    interval: float  # seconds between looks at the source
    looked: float  # the end of the newest look, as `now` has it
    samples: tuple[Sample, ...] = ()  # what the newest look gave
    stale: bool = False  # that is too old to say anything of now
    reading: Reading | None = None  # what is kept of the newest look
    took: float = 0.0  # seconds from the question of that look to its answer
    clock_doubt: str = ""  # why the watcher's own date is not believed, a sentence

    @property
    def age(self) -> float:
        """Where the newest look stands on the axis of time."""
        return min(0.0, self.looked - self.now)

    def value(self, metric: Metric) -> float | None:
        """What the newest look says of a metric without labels; None where it does not, or is too old."""
        return self.values(metric).get(())

    def values(self, metric: Metric) -> Mapping[tuple[str, ...], float]:
        """The same of one with labels, by their values."""
        return {each.labels: each.value for each in self.samples if each.metric is metric and not self.stale}

    def since(self, moment: float) -> float:
        """Where a moment of `now` stands on the axis of time."""
        return moment - self.now

    def dated(self, date: float) -> float:
        """Where a date in Unix seconds stands on it."""
        return date - self.date


def seen_and_assumed(name: str, points: Sequence[Point], seen: Sequence[bool]) -> Iterator[Series]:
    """The line of what was seen, with its gaps; and apart from it, what the judge fills in where nothing was `seen`.

    The second line begins and ends at what was seen, so that it leads from there to there.
    """
    yield Series(name, tuple(each if was else Point(each.at, None) for each, was in zip(points, seen, strict=True)))
    if not all(seen):
        amid = [all(seen[max(0, place - 1) : place + 2]) for place in range(len(seen))]
        filled = (Point(each.at, None) if is_amid else each for each, is_amid in zip(points, amid, strict=True))
        yield Series("no probe result: assumed", tuple(filled), Origin.ASSUMED)


def within(points: Iterable[Point], start: float, end: float) -> tuple[Point, ...]:
    """Those on the axis of time: a history may be of another setting, or from before the clock went back."""
    return tuple(each for each in points if start <= each.at <= end)
