"""The findings of one agent in few bytes: codes and shared values, made whole again when they are read."""

import json
import zlib
from array import array
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from probes.controls.catalogue.control import Assurance, SourceName, UnknownReason
from probes.controls.catalogue.terms import ExpiredReason, FailReason
from probes.controls.finding import NOTHING_REMEMBERED, EvidenceShown, Finding, Memory, RecordRef, State
from probes.controls.steps import STEP, Steps, finished

STATES = tuple(State)
REASONS = ("", *FailReason, *UnknownReason, *ExpiredReason)
ASSURANCES = (None, *Assurance)
_SOURCES = {str(each): each for each in SourceName}
_STATE_CODE = {each: number for number, each in enumerate(STATES)}
_REASON_CODE = {str(each): number for number, each in enumerate(REASONS)}
_ASSURANCE_CODE = {each: number for number, each in enumerate(ASSURANCES)}
_STATE_OF = tuple(each for each in STATES for _ in range(len(STATES) * len(REASONS) * len(ASSURANCES)))
"""By code: the state that it is of."""


_TWO_BYTES = 0xFFFF


class Rare(NamedTuple):
    """What most findings do not have."""

    next_decided_at: float | None
    evidence_lost_since: float | None
    record: RecordRef | None
    memory: Memory


NOTHING_RARE = Rare(None, None, None, NOTHING_REMEMBERED)


class Seen(NamedTuple):
    """What a finding rests on; many of an agent rest on the same."""

    evidence: "array[int]"  # places in what the agent has in all
    pods: Mapping[str, State]
    all_pods: int


class Packed(NamedTuple):
    """The findings of one agent, in the order of the catalogue."""

    codes: "array[int]"
    since: "array[float]"
    messages: bytes  # JSON, compressed: sentences are alike, and read by few
    evidence: bytes  # the same: source, ref, summary and pod of each piece
    dates: "array[float]"  # when each piece was seen
    seen: tuple[Seen, ...]
    seen_of: "array[int]"  # which of these it is, by finding
    rare: Mapping[int, Rare]


def states(packed: Packed) -> list[State]:
    """The state of each, without reading what is told of it."""
    return list(map(_STATE_OF.__getitem__, packed.codes))


def records(packed: Packed) -> Iterator[tuple[int, State, RecordRef]]:
    """Place, state and record of each finding that has a record, without reading what is told of it."""
    for place, rare in packed.rare.items():
        if rare.record is not None:
            yield place, _STATE_OF[packed.codes[place]], rare.record


def pack(findings: Sequence[Finding]) -> Packed:
    """The findings of all controls of the catalogue, in its order."""
    return finished(pack_in_steps(findings))


def pack_in_steps(findings: Sequence[Finding]) -> Steps[Packed]:
    """The same, one finding at a time: of an agent with many pods each rests on thousands of pieces of evidence."""
    same: dict[object, object] = {}
    rare = {number: found for number, each in enumerate(findings) if (found := _rare(each, same)) != NOTHING_RARE}
    yield
    evidence = yield from _packed_evidence(findings)
    return Packed(
        array("H", [_code(each) for each in findings]),
        array("d", [each.since for each in findings]),
        _compressed([each.message for each in findings]),
        *evidence,
        rare,
    )


def _packed_evidence(
    findings: Sequence[Finding],
) -> Steps[tuple[bytes, "array[float]", tuple[Seen, ...], "array[int]"]]:
    evidence: dict[EvidenceShown, int] = {}
    pods: dict[object, Mapping[str, State]] = {}
    seen: dict[object, tuple[int, Seen]] = {}
    seen_of = array("H")
    for each in findings:
        own = tuple(each.pods.items())
        key = each.evidence, own, each.all_pods
        found = seen.get(key)
        if found is None:
            own_places = places([evidence.setdefault(one, len(evidence)) for one in each.evidence])
            found = seen[key] = len(seen), Seen(own_places, pods.setdefault(own, each.pods), each.all_pods)
        seen_of.append(found[0])
        if len(own) > STEP:
            yield
    return *packed_evidence(tuple(evidence)), tuple(found for _, found in seen.values()), seen_of


def places(of: Sequence[int]) -> "array[int]":
    """In few bytes; an agent with many pods has more evidence than two bytes can count."""
    return array("H" if max(of, default=0) <= _TWO_BYTES else "I", of)


def packed_evidence(evidence: Sequence[EvidenceShown]) -> tuple[bytes, "array[float]"]:
    """What each piece is, compressed, and when it was seen."""
    about = [(each.source, each.ref, each.summary, each.pod) for each in evidence]
    return _compressed(about), array("d", [each.observed_at for each in evidence])


def evidence_of(packed: Packed) -> tuple[EvidenceShown, ...]:
    """All that the findings of the agent rest on."""
    about = json.loads(zlib.decompress(packed.evidence))
    return tuple(
        [
            EvidenceShown(_SOURCES[source], ref, at, summary, pod)
            for (source, ref, summary, pod), at in zip(about, packed.dates, strict=True)
        ]
    )


def _compressed(value: object) -> bytes:
    return zlib.compress(json.dumps(value).encode(), level=1)


def dated(packed: Packed, dates: Mapping[tuple[SourceName, str], float]) -> Packed:
    """The same, whose evidence was seen again at these Unix seconds, by source and pod."""
    about = json.loads(zlib.decompress(packed.evidence))
    again = [
        max(at, dates.get((_SOURCES[source], pod), 0.0))
        for (source, _, _, pod), at in zip(about, packed.dates, strict=True)
    ]
    return packed._replace(dates=array("d", again))


@lru_cache(maxsize=8192)
def _of_record(record: RecordRef | None) -> Rare:
    """A thousand agents share what a record says of them."""
    return Rare(None, None, record, NOTHING_REMEMBERED) if record is not None else NOTHING_RARE


def _rare(finding: Finding, same: dict[object, object]) -> Rare:
    memory = finding.memory
    if memory == NOTHING_REMEMBERED and finding.next_decided_at is finding.evidence_lost_since is None:
        return _of_record(finding.record)
    key = (memory.blamed, memory.nothing_since, tuple(sorted(memory.suspects.items())))
    shared = same.setdefault(key, memory)
    found = Rare(finding.next_decided_at, finding.evidence_lost_since, finding.record, shared)  # type: ignore[arg-type]
    return same.setdefault(("rare", key, *found[:3]), found)  # type: ignore[return-value]


def _code(finding: Finding) -> int:
    states = _STATE_CODE[finding.state] * len(STATES) + _STATE_CODE[finding.underlying]
    reasons = states * len(REASONS) + _REASON_CODE[finding.reason]
    return reasons * len(ASSURANCES) + _ASSURANCE_CODE[finding.assurance]


def unpack(ids: tuple[str, ...], packed: Packed) -> Iterator[Finding]:
    """The same findings again; `ids`: of all controls, in their order."""
    messages = json.loads(zlib.decompress(packed.messages))
    evidence = evidence_of(packed)
    shown = [tuple([evidence[place] for place in each.evidence]) for each in packed.seen]
    for number, control in enumerate(ids):
        reasons, assurance = divmod(packed.codes[number], len(ASSURANCES))
        states, reason = divmod(reasons, len(REASONS))
        state, underlying = divmod(states, len(STATES))
        rare = packed.rare.get(number, NOTHING_RARE)
        seen = packed.seen[packed.seen_of[number]]
        yield Finding(
            control=control,
            state=STATES[state],
            underlying=STATES[underlying],
            since=packed.since[number],
            reason=str(REASONS[reason]),
            assurance=ASSURANCES[assurance],
            message=messages[number],
            evidence=shown[packed.seen_of[number]],
            pods=seen.pods,
            all_pods=seen.all_pods,
            next_decided_at=rare.next_decided_at,
            evidence_lost_since=rare.evidence_lost_since,
            record=rare.record,
            memory=rare.memory,
        )
