"""The kept findings of one agent as JSON, for the next process: whatever order the lists of that one's release have."""

import zlib
from array import array
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pydantic import ConfigDict, TypeAdapter

from probes.controls.catalogue.control import Control
from probes.controls.finding import EvidenceShown, Finding, Memory, RecordRef, State, Witness
from probes.controls.findings.packed import (
    ASSURANCES,
    REASONS,
    STATES,
    Packed,
    Rare,
    Seen,
    evidence_of,
    packed_evidence,
    places,
    unpack,
)


class Tables(NamedTuple):
    """What the numbers of a file mean."""

    controls: tuple[tuple[str, int], ...]  # ids with revisions
    states: tuple[str, ...]
    reasons: tuple[str, ...]
    assurances: tuple[str | None, ...]


class _Rare(NamedTuple):
    next_decided_at: float | None
    evidence_lost_since: float | None
    record: RecordRef | None
    suspects: tuple[tuple[Witness, float], ...]
    blamed: frozenset[Witness]
    nothing_since: float | None


class _Seen(NamedTuple):
    evidence: tuple[int, ...]  # places in `evidence` of the whole
    pods: dict[str, State]
    all_pods: int


class Written(NamedTuple):
    """One agent. What many findings share stands once, and each says by its place which it is."""

    codes: tuple[int, ...]
    since: tuple[float, ...]
    since_of: tuple[int, ...]
    messages: str  # base64 of zlib of JSON
    evidence: tuple[EvidenceShown, ...]
    seen: tuple[_Seen, ...]
    seen_of: tuple[int, ...]
    rare: dict[int, _Rare]


_WRITTEN = TypeAdapter(Written, config=ConfigDict(allow_inf_nan=False))


def tables(controls: Sequence[Control]) -> Tables:
    """Those of this release."""
    return Tables(tuple((each.id, each.revision) for each in controls), STATES, REASONS, ASSURANCES)


def to_json(packed: Packed) -> bytes:
    """One line."""
    since = {each: place for place, each in enumerate(dict.fromkeys(packed.since))}
    written = Written(
        tuple(packed.codes),
        tuple(since),
        tuple([since[each] for each in packed.since]),
        b64encode(packed.messages).decode(),
        evidence_of(packed),
        tuple([_Seen(tuple(each.evidence), dict(each.pods), each.all_pods) for each in packed.seen]),
        tuple(packed.seen_of),
        {place: _rare(each) for place, each in packed.rare.items()},
    )
    try:
        return _WRITTEN.dump_json(written)
    except ValueError:  # half a character, which no UTF-8 can hold
        return _WRITTEN.dump_json(written._replace(evidence=tuple(map(_whole, written.evidence))))


def _whole(shown: EvidenceShown) -> EvidenceShown:
    ref, summary = (each.encode(errors="replace").decode() for each in (shown.ref, shown.summary))
    return shown._replace(ref=ref, summary=summary)


def _rare(rare: Rare) -> _Rare:
    memory = rare.memory
    suspects = tuple(memory.suspects.items())
    return _Rare(*rare[:3], suspects, memory.blamed, memory.nothing_since)


def from_json(line: bytes, known: Tables, controls: Mapping[str, Control]) -> dict[str, Finding]:
    """By control; what this release does not have, or has with another meaning, is left out.

    ValueError for what `to_json` did not write.
    """
    written = _WRITTEN.validate_json(line)
    try:
        codes = [_own_code(each, known) for each in written.codes]
        packed = _packed(written, [each or 0 for each in codes])
        ids = tuple(name for name, _ in known.controls)
        found = list(zip(known.controls, codes, unpack(ids, packed), strict=True))
    except (LookupError, zlib.error, TypeError, OverflowError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error
    return {
        name: finding
        for (name, revision), code, finding in found
        if code is not None and name in controls and controls[name].revision == revision
    }


def _own_code(code: int, known: Tables) -> int | None:
    """The number of this release for what a number of the file means; None where there is none."""
    reasons, assurance = divmod(code, len(known.assurances))
    states, reason = divmod(reasons, len(known.reasons))
    state, underlying = divmod(states, len(known.states))
    names = known.states[state], known.states[underlying], known.reasons[reason], known.assurances[assurance]
    if names[0] not in STATES or names[1] not in STATES or names[2] not in REASONS or names[3] not in ASSURANCES:
        return None
    own = STATES.index(State(names[0])) * len(STATES) + STATES.index(State(names[1]))
    return (own * len(REASONS) + REASONS.index(names[2])) * len(ASSURANCES) + ASSURANCES.index(names[3])


def _packed(written: Written, codes: Sequence[int]) -> Packed:
    return Packed(
        array("H", codes),
        array("d", [written.since[each] for each in written.since_of]),
        b64decode(written.messages, validate=True),
        *packed_evidence(written.evidence),
        tuple([Seen(places(each.evidence), each.pods, each.all_pods) for each in written.seen]),
        array("H", written.seen_of),
        {place: _known(each) for place, each in written.rare.items()},
    )


def _known(rare: _Rare) -> Rare:
    memory = Memory(dict(rare.suspects), rare.blamed, rare.nothing_since)
    return Rare(rare.next_decided_at, rare.evidence_lost_since, rare.record, memory)
