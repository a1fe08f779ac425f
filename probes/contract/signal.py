"""Signals: what probes want to know from metrics pages, and the names and encodings in which pages say it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Annotated, NamedTuple, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from probes.contract import ConditionKind, Limits, Unknown, Verdict
from probes.contract.text import cut

MAX_SUBJECTS = 1000
"""More subjects than this in one signal are not judged: CONTRACT.md, section 4."""

MAX_SUBJECT_BYTES = 100_000
"""Of all subjects of one signal together: a thousand with names of a hundred characters."""

_FEW = 50  # subjects whose names, each cut, are no burden

_DECLARED: dict[str, "Signal"] = {}


def _names(given: object) -> object:
    return (given,) if isinstance(given, str) else given


def _state(given: object) -> object:
    return given.lower().replace("-", "_").replace(" ", "_") if isinstance(given, str) else given


Names = Annotated[tuple[str, ...], BeforeValidator(_names)]
State = Annotated[str, BeforeValidator(_state)]


class Row(BaseModel):
    """One way in which a page may say a signal."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric: str = Field(pattern=r"^[a-zA-Z_:][a-zA-Z0-9_:]*$", description="name of the family")
    subject: Names = Field(
        default=(), description="label with the subject; of several labels, the first that a sample has"
    )
    where: dict[str, str] = Field(default_factory=dict, description="only samples with these labels")
    summed: bool = Field(default=False, description="add up the samples of one subject")
    state_label: Names = Field(default=(), description="label with the state; the sample with value 1 is the state")
    states: dict[float, State] = Field(
        default_factory=dict, description="states by value, where there is no such label"
    )


class Dialect(Row):
    """A row that the operator adds; it goes before the built-in ones."""

    signal: str = Field(description="the signal that the metric provides")

    @model_validator(mode="after")
    def _fits_its_signal(self) -> Self:
        signal = _DECLARED.get(self.signal)
        if signal is None:
            raise ValueError(f"signal must be one of {', '.join(sorted(_DECLARED))}, got {self.signal}")
        strange = [state for state in self.states.values() if state not in signal.states]
        if strange:
            raise ValueError(f"states of {self.signal} are {', '.join(signal.states) or 'none'}, got {strange[0]}")
        return self


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Signal:
    """One thing to know. The instances are constants of the modules that want them."""

    name: str
    rows: tuple[Row, ...]  # the first that the page has wins
    suffixes: tuple[str, ...] = ("",)  # of the sample names; ("_bucket", "_sum", "_count") for a histogram
    states: tuple[str, ...] = ()  # where it is a state: its value is the index in here
    unnamed: str = ""  # the subject of samples that name none
    kept: bool = False  # whether what it says is held until the next look; of few subjects, and where pages have it

    def __post_init__(self) -> None:
        _DECLARED[self.name] = self


MOST = 2.0**64
"""No counter, no bytes and no time is more: what a page says above it is refused, so that sums stay finite."""


class Series(NamedTuple):
    """One sample of a page."""

    name: str
    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Absent:
    """The page does not have the signal."""

    why: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The page has something there, but it says nothing."""

    why: str


_NOTHING: Mapping[str, str] = {}  # one for all pages


@dataclass(frozen=True, slots=True)
class SignalValues:
    """What the page says: finite numbers that are not negative; for a state, its index."""

    by_subject: Mapping[str, float]
    unreadable: Mapping[str, str] = field(default_factory=lambda: _NOTHING)  # subject -> why


Found = SignalValues | Absent | Unreadable


def values_of(signal: Signal, row: Row, series: Sequence[Series]) -> SignalValues | Unreadable:
    """What samples say of a signal in the encoding of `row`; contradictions are never resolved by a guess."""
    groups: dict[str, list[Series]] = {}
    for one in series:
        subject = _subject(signal, row, one.labels)
        if subject in groups:
            groups[subject].append(one)
        else:
            groups[subject] = [one]
    if len(groups) > MAX_SUBJECTS:
        return Unreadable(f"{len(groups)} subjects in {row.metric}, at most {MAX_SUBJECTS} are judged")
    if (
        len(groups) > _FEW
        and (size := sum(len(subject.encode(errors="replace")) for subject in groups)) > MAX_SUBJECT_BYTES
    ):
        return Unreadable(
            f"the subjects in {row.metric} have names of {size} bytes together, at most {MAX_SUBJECT_BYTES} are judged"
        )
    values: dict[str, float] = {}
    unreadable: dict[str, str] = {}
    for subject, members in groups.items():
        value_or_why = _value(signal, row, members)
        if isinstance(value_or_why, str):
            unreadable[subject] = value_or_why
        else:
            values[subject] = value_or_why
    return SignalValues(values, unreadable or _NOTHING)


def _subject(signal: Signal, row: Row, labels: Mapping[str, str]) -> str:
    for name in row.subject:
        if labels.get(name):  # an empty label is an absent one (Prometheus data model)
            return cut(labels[name])
    return signal.unnamed


def _value(signal: Signal, row: Row, members: list[Series]) -> float | str:
    total = 0.0
    for one in members:
        if not 0 <= one.value <= MOST:
            return f"{row.metric} is {one.value:g}"
        total += one.value
    if len(members) > 1 and len({frozenset(one.labels.items()) for one in members}) < len(members):
        return f"{row.metric} has the same series twice"
    if signal.states:
        return _state_index(signal, row, members)
    if len(members) > 1 and not row.summed:
        return f"{row.metric} has {len(members)} series"
    return total


def _state_index(signal: Signal, row: Row, members: list[Series]) -> float | str:
    label = next((name for name in row.state_label if name in members[0].labels), "")
    if label:
        if any(one.value not in (0, 1) for one in members):
            return f"{row.metric} by {label} is neither 0 nor 1"
        states = [str(_state(one.labels.get(label, ""))) for one in members if one.value == 1]
    else:
        states = [_state_of(signal, row, one.value) for one in members]
    if len(states) != 1:
        return f"{row.metric} says {len(states)} states at once"
    if states[0] not in signal.states:
        return f"{row.metric} says a state that is none of {', '.join(signal.states)}"
    return float(signal.states.index(states[0]))


def _state_of(signal: Signal, row: Row, value: float) -> str:
    if row.states:
        return row.states.get(value, "")
    return signal.states[int(value)] if value in range(len(signal.states)) else ""


def unreported(kind: ConditionKind, found: Absent | Unreadable, limits: Limits) -> tuple[Verdict, ...]:
    """What to say of a condition whose signal a page does not tell: nothing, where its absence is to be ignored."""
    if isinstance(found, Unreadable):
        return (kind.unknown(Unknown.MALFORMED, found.why),)
    return () if limits.when_absent == "ignore" else (_absent(kind, found.why),)


@lru_cache(maxsize=1024)
def _absent(kind: ConditionKind, why: str) -> Verdict:
    # The same object for all agents that lack the same metric, which may be the whole fleet.
    return kind.unknown(Unknown.SIGNAL_ABSENT, why)


START_TIME = Signal(name="process_start", rows=(Row(metric="process_start_time_seconds"),))
"""When the agent's process started, in Unix seconds: history of an older process says nothing of this one."""

CPU_SECONDS = Signal(name="cpu", rows=(Row(metric="process_cpu_seconds_total"),))
"""CPU that the agent's process has used, in seconds: it never falls while the process lives."""

REQUESTS = Signal(
    name="requests", rows=(Row(metric="agentweave_requests_total", summed=True, state_label=("status", "code")),)
)
"""Requests that the agent has handled, all capabilities and results together; the label says how they ended."""
