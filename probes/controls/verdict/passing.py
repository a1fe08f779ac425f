"""What keeps an automatic control from passing, and what proves that it passes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from probes.controls.catalogue.control import Assurance, Control, SourceName, UnknownReason
from probes.controls.catalogue.terms import Absent
from probes.controls.evidence import Missing
from probes.controls.evidence.gathered import NOT_GIVEN
from probes.controls.finding import Witness
from probes.controls.judging import Says, Statement
from probes.controls.verdict.scales import Scales, Weighed
from probes.controls.verdict.weighing import NOT_JUDGED

_ABSENT = (UnknownReason.SOURCE_MISSING, UnknownReason.NOT_ENABLED)
_HINDERS_ALL = (UnknownReason.FORBIDDEN, UnknownReason.UNREACHABLE, UnknownReason.STALE, UnknownReason.UNPARSEABLE)
"""Of any evidence that is listed: else taking a right away would make a pass."""
_SAYS_NOTHING = (UnknownReason.KEY_NOT_EFFECTIVE, UnknownReason.NOT_LOADED)
"""A config that the agent does not go by: of `either`, what another one shows is enough."""
Proof = tuple[Weighed, Statement]


NONE_OF: Mapping[SourceName, str] = {each: f"There is no evidence from {each} here." for each in SourceName}
"""What is told of a source that gave nothing and does not say why."""


class Doubt(NamedTuple):
    """One reason why a control cannot pass."""

    reason: UnknownReason
    message: str
    next_at: float | None = None  # Unix seconds
    witness: Witness | None = None
    absent: bool = False  # the source is simply not there


# Names of members: to look one up at its Enum takes ten times as long, and this is asked of each control and agent.
_GOOD, _UNCLEAR, _BAD, _EITHER, _SKIP, _DECLARED = (
    Says.GOOD,
    Says.UNCLEAR,
    Says.BAD,
    Absent.EITHER,
    Absent.SKIP,
    Assurance.DECLARED,
)


def proofs(control: Control, scales: Scales) -> Sequence[Proof]:
    """The statements that prove a pass: declared ones do not where the control is about behaviour."""
    return [
        (part, said)
        for part in scales.parts
        if "pass" in part.spec.proves
        for said in part.says(_GOOD)
        if control.declared_pass or _declared(part, said) is False
    ]


def _declared(part: Weighed, said: Statement) -> bool:
    return _DECLARED in (part.spec.assurance, said.assurance)


def doubts(control: Control, scales: Scales) -> list[Doubt]:
    """All that keeps the control from passing; empty: it passes."""
    yes = _who_says_yes(scales)
    found = [doubt for part in scales.parts for doubt in _of_part(part, said_yes=_is_covered(part, yes))]
    if scales.error:
        message = f"The watcher failed to judge this; it is a fault of the watcher ({scales.error})."
        found.append(Doubt(UnknownReason.EVALUATOR_ERROR, message))
    found += _silent(scales, yes)
    found += _either(scales, yes)
    if not proofs(control, scales):
        found += _unproven(control, scales, found)
    return found


def _who_says_yes(scales: Scales) -> frozenset[str]:
    """The pods of which one source that is marked either says yes; of the agent as a whole an empty name."""
    return frozenset(part.witness.pod for part in scales.parts if part.spec.absent is _EITHER and part.says(_GOOD))


def _is_covered(part: Weighed, yes: frozenset[str]) -> bool:
    """Whether another source says yes of the same: what is said of one pod covers no other."""
    return part.witness.pod in yes or "" in yes if part.witness.pod else bool(yes)


def _of_part(part: Weighed, *, said_yes: bool) -> Iterator[Doubt]:
    if isinstance(part.found, Missing):
        if _hinders(part, part.found.reason):
            yield _doubt(part, part.found.reason, part.found.message, part.found.next_at)
        return
    for said in part.says(_UNCLEAR):
        passed_over = said_yes and part.spec.absent is _EITHER and said.reason in _SAYS_NOTHING
        if said.reason and _hinders(part, said.reason) and not passed_over:
            yield _doubt(part, said.reason, said.message, said.next_at)


def _hinders(part: Weighed, reason: UnknownReason) -> bool:
    """What is simply not there can be passed over where the control says so; what is withheld never."""
    if reason in _ABSENT:
        return part.spec.absent is Absent.UNKNOWN
    return reason in _HINDERS_ALL or part.spec.absent is not _SKIP


def _doubt(part: Weighed, reason: UnknownReason, message: str, next_at: float | None = None) -> Doubt:
    message = NONE_OF[part.spec.source] if message is NOT_GIVEN.message else message
    return Doubt(reason, message, part.found.next_at if next_at is None else next_at, part.witness, reason in _ABSENT)


def _silent(scales: Scales, yes: frozenset[str]) -> Iterator[Doubt]:
    """Seen and needed, and nothing was said of it. Of `either`, one that says yes is enough."""
    for part in scales.parts:
        needed = "pass" in part.spec.proves and part.spec.absent is not _SKIP
        if needed and not isinstance(part.found, Missing) and not part.statements:
            if part.spec.source not in scales.judged_sources:
                yield _doubt(part, UnknownReason.SOURCE_MISSING, NOT_JUDGED)
            elif not (part.spec.absent is _EITHER and _is_covered(part, yes)):
                yield _doubt(part, UnknownReason.OBSERVING, "What was seen decides nothing yet.")


def _either(scales: Scales, yes: frozenset[str]) -> Iterator[Doubt]:
    """At least one of those so marked must be there, for each pod that has a vote. A config without effect is none, and
    says so itself where nobody says yes."""
    of_pods: dict[str, list[Weighed]] = {}
    for part in scales.parts:
        if part.spec.absent is _EITHER:
            of_pods.setdefault(part.witness.pod, []).append(part)
    whole = of_pods.pop("", [])
    if any(map(_tells, whole)):
        return
    if any(not isinstance(part.found, Missing) for part in whole) and not yes:
        return
    silent = [parts for parts in of_pods.values() if not any(map(_tells, parts))]
    for parts in silent:
        yield from _absences(parts)
    if len(silent) == len(of_pods):
        yield from _absences(whole)


def _tells(part: Weighed) -> bool:
    """Whether there is anything: a config that the agent does not go by is none."""
    said = part.statements
    return not isinstance(part.found, Missing) and (not said or any(each.reason not in _SAYS_NOTHING for each in said))


def _absences(parts: Sequence[Weighed]) -> Iterator[Doubt]:
    for part in parts:
        if isinstance(part.found, Missing) and part.found.reason in _ABSENT:
            yield _doubt(part, part.found.reason, part.found.message)


def _unproven(control: Control, scales: Scales, found: Sequence[Doubt]) -> Iterator[Doubt]:
    """A config that says yes is not enough; where it does not even say so, why not."""
    for part in scales.parts:
        for said in part.says(_GOOD):
            if not control.declared_pass and _declared(part, said):
                message = f"The config says so, and nothing observed it: {said.message}"
                yield Doubt(UnknownReason.DECLARED_ONLY, message, None, part.witness)
                return
        for said in part.says(_UNCLEAR):
            if said.reason:
                yield _doubt(part, said.reason, said.message, said.next_at)
    if not found and not any(part.says(_BAD) for part in scales.parts):
        yield Doubt(UnknownReason.SOURCE_MISSING, NOT_JUDGED, absent=True)
