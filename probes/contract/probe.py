"""Probes: pure judges of readings."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from probes.contract.condition import ConditionKind, Status, Unknown, Verdict
from probes.contract.limits import Limits
from probes.contract.metric import Metric, Observation, Sample
from probes.contract.picture import Bar, Measured, Picture, PictureContext
from probes.contract.reading import STALE_AFTER, Fault, Reading
from probes.contract.target import Target

R = TypeVar("R", bound=Reading)
L = TypeVar("L", bound=Limits)
H = TypeVar("H")


_NOBODY_THERE = {Fault.REFUSED: "ConnectionRefused", Fault.UNRESOLVED: "NameNotResolved"}


class Vote(NamedTuple):
    """A fact that instances of one agent are expected to agree on, such as a bundle's revision."""

    topic: str  # what is counted, such as a bundle's name
    voter: str  # who has it, so that an OPA shared by ten targets counts once
    value: str


class EvaluationContext(NamedTuple, Generic[L]):
    """All that a judge may know beside the reading and its own history.

    A tuple, as all that is made at each look: to make a frozen dataclass takes thrice as long.
    """

    target: Target
    limits: L
    now: float  # seconds at the end of the look that only time moves: for ages and windows
    date: float  # Unix seconds at the end of the look, as the clock is set: for dates that others wrote
    interval: float  # seconds between looks at this source
    endpoint: str  # the target's field that the source looks at: `address`, `metrics`, `opa`
    reached: bool = False  # something answered at this address before
    isolated: bool = False  # the watcher is cut off: silence says nothing of the agent
    held_up: bool = False  # the watcher itself stood still for much of this look: a deadline says nothing of the agent
    lag: float = 0.0  # seconds by which the watcher itself may have been late to see an answer: none of the agent's
    clock_doubt: str = ""  # why the watcher's own date is not believed, a sentence: dates say nothing then
    once: bool = False  # a single `check`: what only time can show is NotHeldYet
    vote_counts: Mapping[str, Mapping[str, int]] | None = None  # topic -> value -> voters, among this agent's instances

    def is_stale(self, reading: Reading) -> bool:
        """Whether what this look repeats was seen too long ago to say anything."""
        return reading.age > STALE_AFTER * self.interval

    def dated(self, judged: "Evaluation[H]", reading: Reading) -> "Evaluation[H]":
        """What a judge says of a reading; but nothing is well by what was seen too long ago."""
        if reading.asked or not self.is_stale(reading):
            return judged
        lost = Unknown.STALE, reading.error
        verdicts = (
            each.kind.unknown(*lost, each.subject) if each.status is Status.FALSE else each for each in judged.verdicts
        )
        return judged._replace(verdicts=tuple(verdicts))

    def network(self, kind: ConditionKind, reading: Reading, stalled: str, reset: str) -> Verdict | None:
        """What a fault of the network says of `kind`, by the truth rules; None where there was no fault.

        `stalled` and `reset` are the kind's reasons for those faults; it must also have ConnectionRefused,
        NameNotResolved and Lost. A refusal is a fact, and so is a name that does not exist, but where the address was
        only inferred and never answered it may be a wrong guess.
        Silence is a fact only where something answered before: a network policy may keep only us out.
        Of a pod that is still starting, neither is.
        """
        match reading.fault:
            case None:
                return None
            case Fault.OURS:
                return kind.unknown(Unknown.WATCHER_IMPAIRED, reading.error)
            case _ if self.now < self.target.grace_until:
                return kind.unknown(Unknown.WARMING_UP)
            case Fault.REFUSED | Fault.UNRESOLVED if self.endpoint in self.target.inferred and not self.reached:
                return kind.unknown(Unknown.NEVER_REACHED)
            case Fault.REFUSED | Fault.UNRESOLVED:
                return kind.true(reading.error, _NOBODY_THERE[reading.fault])
            case Fault.SILENT | Fault.STALLED if self.held_up or (self.isolated and reading.fault is Fault.SILENT):
                return kind.unknown(Unknown.WATCHER_IMPAIRED)
            case Fault.STALLED:
                return kind.true(reading.error, stalled)
            case Fault.RESET:
                return kind.true(reading.error, reset)
            case Fault.SILENT if not self.reached:
                return kind.unknown(Unknown.NEVER_REACHED)
            case _:
                return kind.true(reading.error, "Lost")


class Evaluation(NamedTuple, Generic[H]):
    """What a probe makes of one reading."""

    verdicts: tuple[Verdict, ...]  # each condition that applies, once a subject; what is left out does not apply
    history: H  # what the probe wants to know at the next look
    samples: tuple[Sample, ...] = ()
    observations: tuple[Observation, ...] = ()
    votes: tuple[Vote, ...] = ()


def _unlearnt(target: Target, fields: tuple[str, ...]) -> str:
    """Why the first of these fields is not known that is not; empty where all are, or are known to be absent."""
    return next((target.unlearnt[field] for field in fields if field in target.unlearnt), "")


def _nothing(_limits: Limits) -> tuple[object, ...]:
    return ()


def _no_pictures(_history: object, _context: PictureContext[L]) -> tuple[Picture, ...]:
    return ()


def _no_numbers(_history: object, _context: PictureContext[L]) -> tuple[Measured, ...]:
    return ()


def _no_bars(_history: object, _context: PictureContext[L]) -> tuple[Bar, ...]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Probe(Generic[R, L, H]):
    """A frozen description and a pure judge: no await, no clock, no socket, no log.

    `history` is a frozen dataclass that `history()` makes empty. It is written to the state file through
    pydantic, so its fields are plain types; `Annotated[..., Field(exclude=True)]` keeps one out of the file
    (exported counters: they start at 0 with the process).
    """

    name: str  # the module's name
    source: str  # whose readings it judges
    conditions: tuple[ConditionKind, ...]
    limits: type[L]
    history: type[H]
    judge: Callable[[R, H, EvaluationContext[L]], Evaluation[H]]
    metrics: tuple[Metric, ...] = ()
    wants: Callable[[L], tuple[object, ...]] = _nothing  # what it asks of the source (signals, canaries)
    pictures: Callable[[H, PictureContext[L]], Iterable[Picture]] = _no_pictures  # what matters most comes first
    bars: Callable[[H, PictureContext[L]], Iterable[Bar]] = _no_bars  # for a line of the fleet's page
    measured: Callable[[H, PictureContext[L]], Iterable[Measured]] = _no_numbers  # of each condition that may pass

    def applicable(self, target: Target) -> tuple[ConditionKind, ...]:
        """The conditions that a target with these fields can have."""
        return tuple(kind for kind in self.conditions if all(getattr(target, field) for field in kind.needs))

    def unlearnt(self, target: Target, limits: Limits, endpoint: str = "") -> tuple[Verdict, ...]:
        """The conditions that may apply, for all that is known: a fact that they need could not be discovered.

        `endpoint`: the field of the target that the source looks at, where it is such a fact itself.
        """
        if not target.unlearnt or limits.when_absent == "ignore":
            return ()
        lacking = ((kind, _unlearnt(target, (endpoint, *kind.needs))) for kind in self.conditions)
        return tuple(kind.unknown(Unknown.FACT_UNKNOWN, why) for kind, why in lacking if why)

    def all_unknown(self, target: Target, reason: Unknown) -> tuple[Verdict, ...]:
        """Every applicable condition, unknown for the same reason."""
        return tuple(kind.unknown(reason) for kind in self.applicable(target))
