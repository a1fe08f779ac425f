"""Findings of many agents are kept in few bytes, and are the same when they are read."""

import tracemalloc

from hypothesis import given, settings
from hypothesis import strategies as st

from probes.controls.catalogue.control import Assurance, SourceName, UnknownReason
from probes.controls.catalogue.terms import FailReason, RecordKind
from probes.controls.evidence import AgentRef
from probes.controls.finding import EvidenceShown, Finding, Memory, RecordRef, State, Witness
from probes.controls.findings.store import FindingStore
from tests.probes.controls.made import CATALOGUE, NOW

IDS = [each.id for each in CATALOGUE.controls]
MANY = 1000
MOST_BYTES = 25_000_000


def made_findings(number: int) -> dict[str, Finding]:
    """As of a real agent with three pods: a third of the sentences are its own, half are unknown."""
    pods = [f"agent-{number}-7d9f8b6c5-{letter}{number}" for letter in "xyz"]
    shown = [
        EvidenceShown(source, f"pod/prod/{name}:8443", NOW + number, f"TLSv1.3, serial {number:x}{index:08x}", name)
        for index, name in enumerate(pods)
        for source in (SourceName.HANDSHAKE, SourceName.TLS_POSTURE, SourceName.AGENT_METRICS)
    ]
    return {each: _one(each, index, number, pods, shown) for index, each in enumerate(IDS)}


def _one(control: str, index: int, number: int, pods: list[str], shown: list[EvidenceShown]) -> Finding:
    state = (State.PASS, State.UNKNOWN, State.FAIL, State.UNKNOWN, State.ATTESTED, State.UNKNOWN)[index % 6]
    own = index % 3 == 0
    said = (
        f"{pods[index % 3]}: the certificate of this pod ends in {index} min, serial {number:x}." if own else "Shared."
    )
    reason = {State.FAIL: FailReason.VIOLATED, State.UNKNOWN: UnknownReason.NO_DATA}.get(state, "")
    record = RecordRef(
        f"configmap/records/{control}", RecordKind.ATTESTATION, NOW, NOW + 9e6, "ann", "https://w", "source", "bob"
    )
    return Finding(
        control=control,
        state=state,
        underlying=state,
        since=NOW - number - index,
        reason=str(reason),
        assurance=Assurance.OBSERVED if state is State.PASS else None,
        message=said if own else f"A sentence of control {index} that all agents share.",
        evidence=tuple(shown[index % 3 :: 3]) if index % 2 else (),
        pods=dict.fromkeys(pods, State.PASS) if index % 2 else {},
        all_pods=3,
        record=record if index % 18 == 4 else None,
        memory=Memory(nothing_since=NOW - number) if state is State.UNKNOWN and index % 4 == 1 else Memory(),
    )


def test_the_findings_of_a_thousand_agents_take_less_than_25_mb() -> None:
    store = FindingStore(CATALOGUE.controls)
    tracemalloc.start()
    for number in range(MANY):
        store.put(AgentRef("prod", f"agent-{number}"), made_findings(number))
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert taken < MOST_BYTES, f"{taken / 1e6:.1f} MB"
    assert store.get(AgentRef("prod", "agent-7")) == made_findings(7)


def test_an_agent_that_is_gone_has_no_findings() -> None:
    store = FindingStore(CATALOGUE.controls)
    agent = AgentRef("prod", "search")
    store.put(agent, made_findings(1))
    assert list(store.agents()) == [agent]
    store.remove(agent)
    assert (list(store.agents()), store.get(agent)) == ([], {})


def any_finding(control: str) -> st.SearchStrategy[Finding]:
    reasons = st.sampled_from(["", *map(str, FailReason), *map(str, UnknownReason)])
    states = st.sampled_from(list(State))
    witness = st.builds(Witness, st.sampled_from(list(SourceName)), st.sampled_from(["", "a"]))
    shown = st.builds(
        EvidenceShown, st.sampled_from(list(SourceName)), st.text(max_size=5), st.floats(0, 1e9), st.just("")
    )
    memory = st.builds(
        Memory,
        st.dictionaries(witness, st.floats(0, 1e9), max_size=2),
        st.frozensets(witness, max_size=2),
        st.none() | st.floats(0, 1e9),
    )
    return st.builds(
        Finding,
        control=st.just(control),
        state=states,
        underlying=states,
        since=st.floats(0, 2e9),
        reason=reasons,
        assurance=st.sampled_from([None, *Assurance]),
        message=st.text(max_size=9),
        evidence=st.lists(shown, max_size=2).map(tuple),
        pods=st.dictionaries(st.sampled_from(["a", "b"]), states),
        all_pods=st.integers(0, 70_000),
        next_decided_at=st.none() | st.floats(0, 1e9),
        evidence_lost_since=st.none() | st.floats(0, 1e9),
        memory=memory,
        record=st.none() | st.builds(RecordRef, at=st.floats(0, 2e9), expires_at=st.floats(0, 2e9)),
    )


@settings(max_examples=50)
@given(st.tuples(any_finding(IDS[0]), any_finding(IDS[1])))
def test_what_is_read_is_what_was_put(findings: tuple[Finding, Finding]) -> None:
    store = FindingStore(CATALOGUE.controls[:2])
    given_findings = {each.control: each for each in findings}
    store.put(AgentRef("a", "b"), given_findings)
    assert store.get(AgentRef("a", "b")) == given_findings
