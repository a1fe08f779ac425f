"""The newest findings of many agents in few bytes: codes and shared values, made whole again when they are read."""

from array import array
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from probes.controls.catalogue.control import Assurance, Control, UnknownReason
from probes.controls.catalogue.terms import ExpiredReason, FailReason
from probes.controls.evidence import AgentRef
from probes.controls.finding import NOTHING_REMEMBERED, EvidenceShown, Finding, Memory, RecordRef, State

_STATES = tuple(State)
_REASONS = ("", *FailReason, *UnknownReason, *ExpiredReason)
_ASSURANCES = (None, *Assurance)
_STATE_CODE = {each: number for number, each in enumerate(_STATES)}
_REASON_CODE = {str(each): number for number, each in enumerate(_REASONS)}
_ASSURANCE_CODE = {each: number for number, each in enumerate(_ASSURANCES)}


class _Rare(NamedTuple):
    """What most findings do not have."""

    next_decided_at: float | None
    evidence_lost_since: float | None
    record: RecordRef | None
    memory: Memory


_NOTHING_RARE = _Rare(None, None, None, NOTHING_REMEMBERED)


class _Packed(NamedTuple):
    """The findings of one agent, in the order of the catalogue."""

    codes: "array[int]"
    since: "array[float]"
    messages: tuple[str, ...]
    evidence: tuple[tuple[EvidenceShown, ...], ...]
    pods: tuple[Mapping[str, State], ...]
    all_pods: "array[int]"
    rare: Mapping[int, _Rare]


class FindingStore:
    """Findings by agent. What two have in common is kept once: sentences in the whole fleet, the rest in an agent."""

    def __init__(self, controls: Iterable[Control]) -> None:
        self._ids = tuple(each.id for each in controls)
        self._packed: dict[AgentRef, _Packed] = {}

    def put(self, agent: AgentRef, findings: Mapping[str, Finding]) -> None:
        """Keep these, one of each control, instead of what was there of this agent."""
        self._packed[agent] = _pack([findings[each] for each in self._ids])

    def remove(self, agent: AgentRef) -> None:
        """Forget an agent that is gone."""
        self._packed.pop(agent, None)

    def agents(self) -> Iterator[AgentRef]:
        """All that have findings."""
        return iter(self._packed)

    def get(self, agent: AgentRef) -> dict[str, Finding]:
        """The findings of an agent by control, in the order of the catalogue; empty where there are none."""
        packed = self._packed.get(agent)
        return {} if packed is None else dict(zip(self._ids, _unpack(self._ids, packed), strict=True))


@lru_cache(maxsize=4096)
def _sentence(text: str) -> str:
    """The same object for the whole fleet; not more than this are kept that no agent has any longer."""
    return text


def _pack(findings: list[Finding]) -> _Packed:
    same: dict[object, object] = {}
    rare = {number: found for number, each in enumerate(findings) if (found := _rare(each, same)) != _NOTHING_RARE}
    return _Packed(
        array("H", [_code(each) for each in findings]),
        array("d", [each.since for each in findings]),
        tuple(_sentence(each.message) for each in findings),
        tuple(_shared_evidence(each.evidence, same) for each in findings),
        tuple(same.setdefault(frozenset(each.pods.items()), each.pods) for each in findings),  # type: ignore[misc]
        array("I", [each.all_pods for each in findings]),
        rare,
    )


def _shared_evidence(evidence: tuple[EvidenceShown, ...], same: dict[object, object]) -> tuple[EvidenceShown, ...]:
    if evidence not in same:
        same[evidence] = tuple(_shared(each, same) for each in evidence)
    return same[evidence]  # type: ignore[return-value]


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
            message=packed.messages[number],
            evidence=packed.evidence[number],
            pods=packed.pods[number],
            all_pods=packed.all_pods[number],
            next_decided_at=rare.next_decided_at,
            evidence_lost_since=rare.evidence_lost_since,
            record=rare.record,
            memory=rare.memory,
        )
