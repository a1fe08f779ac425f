"""The newest findings of many agents in few bytes: codes and shared values, made whole again when they are read."""

import json
import zlib
from array import array
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from probes.controls.catalogue.control import Assurance, Control, SourceName, UnknownReason
from probes.controls.catalogue.terms import ExpiredReason, FailReason
from probes.controls.evidence import AgentRef
from probes.controls.finding import NOTHING_REMEMBERED, EvidenceShown, Finding, Memory, RecordRef, State

_STATES = tuple(State)
_REASONS = ("", *FailReason, *UnknownReason, *ExpiredReason)
_ASSURANCES = (None, *Assurance)
_STATE_CODE = {each: number for number, each in enumerate(_STATES)}
_REASON_CODE = {str(each): number for number, each in enumerate(_REASONS)}
_ASSURANCE_CODE = {each: number for number, each in enumerate(_ASSURANCES)}
_STATE_OF = tuple(each for each in _STATES for _ in range(len(_STATES) * len(_REASONS) * len(_ASSURANCES)))
"""By code: the state that it is of."""


class _Rare(NamedTuple):
    """What most findings do not have."""

    next_decided_at: float | None
    evidence_lost_since: float | None
    record: RecordRef | None
    memory: Memory


_NOTHING_RARE = _Rare(None, None, None, NOTHING_REMEMBERED)


class _Seen(NamedTuple):
    """What a finding rests on; many of an agent rest on the same."""

    evidence: tuple[EvidenceShown, ...]
    pods: Mapping[str, State]
    all_pods: int


class _Packed(NamedTuple):
    """The findings of one agent, in the order of the catalogue."""

    codes: "array[int]"
    since: "array[float]"
    messages: bytes  # JSON, compressed: sentences are alike, and read by few
    seen: tuple[_Seen, ...]
    rare: Mapping[int, _Rare]


class FindingStore:
    """Findings by agent. What two of an agent have in common is kept once."""

    def __init__(self, controls: Iterable[Control]) -> None:
        self._ids = tuple(each.id for each in controls)
        self._packed: dict[AgentRef, _Packed] = {}

    def put(self, agent: AgentRef, findings: Mapping[str, Finding]) -> None:
        """Keep these, one of each control, instead of what was there of this agent."""
        self._packed[agent] = _pack([findings[each] for each in self._ids])

    def see(self, agent: AgentRef, dates: Mapping[tuple[SourceName, str], float]) -> None:
        """What its findings rest on was seen again, and is as it was: Unix seconds, by source and pod."""
        packed = self._packed.get(agent)
        if packed is not None:
            again = {id(each): each for each in packed.seen}  # many findings share one
            again = {number: _dated(each, dates) for number, each in again.items()}
            self._packed[agent] = packed._replace(seen=tuple([again[id(each)] for each in packed.seen]))

    def remove(self, agent: AgentRef) -> None:
        """Forget an agent that is gone."""
        self._packed.pop(agent, None)

    def agents(self) -> Iterator[AgentRef]:
        """All that have findings."""
        return iter(self._packed)

    def states(self, agent: AgentRef) -> list[State]:
        """The state of each control of an agent in the order of the catalogue, without reading what is told of it."""
        packed = self._packed.get(agent)
        return [] if packed is None else list(map(_STATE_OF.__getitem__, packed.codes))

    def get(self, agent: AgentRef) -> dict[str, Finding]:
        """The findings of an agent by control, in the order of the catalogue; empty where there are none."""
        packed = self._packed.get(agent)
        return {} if packed is None else dict(zip(self._ids, _unpack(self._ids, packed), strict=True))


def _pack(findings: list[Finding]) -> _Packed:
    same: dict[object, object] = {}
    rare = {number: found for number, each in enumerate(findings) if (found := _rare(each, same)) != _NOTHING_RARE}
    return _Packed(
        array("H", [_code(each) for each in findings]),
        array("d", [each.since for each in findings]),
        zlib.compress(json.dumps([each.message for each in findings]).encode(), level=1),
        tuple(_seen(each, same) for each in findings),
        rare,
    )


def _seen(finding: Finding, same: dict[object, object]) -> _Seen:
    key = ("seen", finding.evidence, frozenset(finding.pods.items()), finding.all_pods)
    if key not in same:
        evidence = tuple(_shared(each, same) for each in finding.evidence)
        same[key] = _Seen(evidence, finding.pods, finding.all_pods)
    return same[key]  # type: ignore[return-value]


def _dated(seen: _Seen, dates: Mapping[tuple[SourceName, str], float]) -> _Seen:
    evidence = [
        each._replace(observed_at=max(each.observed_at, dates.get((each.source, each.pod), 0.0)))
        for each in seen.evidence
    ]
    return seen._replace(evidence=tuple(evidence))


def _shared(value: EvidenceShown, same: dict[object, object]) -> EvidenceShown:
    return same.setdefault(value, value)  # type: ignore[return-value]


def _rare(finding: Finding, same: dict[object, object]) -> _Rare:
    memory = finding.memory
    key = (memory.blamed, memory.nothing_since, memory.record, tuple(sorted(memory.suspects.items())))
    shared = same.setdefault(key, memory)
    found = _Rare(finding.next_decided_at, finding.evidence_lost_since, finding.record, shared)  # type: ignore[arg-type]
    return same.setdefault(("rare", key, *found[:3]), found)  # type: ignore[return-value]


def _code(finding: Finding) -> int:
    states = _STATE_CODE[finding.state] * len(_STATES) + _STATE_CODE[finding.underlying]
    reasons = states * len(_REASONS) + _REASON_CODE[finding.reason]
    return reasons * len(_ASSURANCES) + _ASSURANCE_CODE[finding.assurance]


def _unpack(ids: tuple[str, ...], packed: _Packed) -> Iterator[Finding]:
    messages = json.loads(zlib.decompress(packed.messages))
    for number, control in enumerate(ids):
        reasons, assurance = divmod(packed.codes[number], len(_ASSURANCES))
        states, reason = divmod(reasons, len(_REASONS))
        state, underlying = divmod(states, len(_STATES))
        rare = packed.rare.get(number, _NOTHING_RARE)
        yield Finding(
            control=control,
            state=_STATES[state],
            underlying=_STATES[underlying],
            since=packed.since[number],
            reason=str(_REASONS[reason]),
            assurance=_ASSURANCES[assurance],
            message=messages[number],
            evidence=packed.seen[number].evidence,
            pods=packed.seen[number].pods,
            all_pods=packed.seen[number].all_pods,
            next_decided_at=rare.next_decided_at,
            evidence_lost_since=rare.evidence_lost_since,
            record=rare.record,
            memory=rare.memory,
        )
