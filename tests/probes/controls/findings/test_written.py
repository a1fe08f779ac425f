"""Findings as they are written for the next process, whatever release that is."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.controls.catalogue.control import SourceName
from probes.controls.evidence import AgentRef
from probes.controls.finding import Finding, Memory, State, Witness
from probes.controls.findings.packed import pack
from probes.controls.findings.store import FindingStore
from probes.controls.findings.written import Tables, from_json, tables, to_json
from tests.probes.controls.findings.test_store import IDS, any_finding, made_findings
from tests.probes.controls.made import CATALOGUE, NOW

KNOWN = tables(CATALOGUE.controls)


def _line(number: int = 7) -> bytes:
    return to_json(pack(list(made_findings(number).values())))


@given(st.integers(0, 500))
def test_what_is_written_is_read_as_it_was(number: int) -> None:
    assert from_json(_line(number), KNOWN, CATALOGUE.by_id) == made_findings(number)


@given(st.tuples(any_finding(IDS[0]), any_finding(IDS[1])))
def test_any_finding_is_read_as_it_was(findings: tuple[Finding, Finding]) -> None:
    two = tables(CATALOGUE.controls[:2])
    assert list(from_json(to_json(pack(findings)), two, CATALOGUE.by_id).values()) == list(findings)


def test_half_a_character_costs_itself_and_nothing_else() -> None:
    findings = made_findings(1)
    name = next(each for each, found in findings.items() if found.evidence)
    shown = findings[name].evidence[0]
    findings[name] = findings[name]._replace(evidence=(shown._replace(summary="a\ud800b"),), message="a\ud800b")
    read = from_json(to_json(pack(list(findings.values()))), KNOWN, CATALOGUE.by_id)
    assert (read[name].evidence[0].summary, read[name].message) == ("a?b", "a\ud800b")


def test_what_the_next_verdict_must_know_is_written_too() -> None:
    findings = made_findings(1)
    first = next(iter(findings))
    witness = Witness(SourceName.TLS_POSTURE, "search-0")
    memory = Memory({witness: NOW - 30}, frozenset({witness}), NOW - 90)
    findings[first] = findings[first]._replace(memory=memory, evidence_lost_since=NOW - 5, next_decided_at=NOW + 5)
    read = from_json(to_json(pack(list(findings.values()))), KNOWN, CATALOGUE.by_id)
    assert read[first] == findings[first]


def test_a_file_of_a_release_whose_lists_have_another_order_is_read_by_its_own_lists() -> None:
    """As if this release were the other one: its numbers mean what its lists say."""
    turned = Tables(KNOWN.controls, KNOWN.states[::-1], KNOWN.reasons, KNOWN.assurances)
    found = from_json(_line(), turned, CATALOGUE.by_id)
    names = dict(zip(KNOWN.states, KNOWN.states[::-1], strict=True))
    assert {name: each.state for name, each in found.items()} == {
        name: State(names[each.state]) for name, each in made_findings(7).items()
    }


def test_what_this_release_does_not_have_or_means_otherwise_is_left_out() -> None:
    (first, revision), (second, _), *others = KNOWN.controls
    strange = Tables(((first, revision + 1), ("no.such", 1), *others), KNOWN.states, KNOWN.reasons, KNOWN.assurances)
    found = from_json(_line(), strange, CATALOGUE.by_id)
    assert found.keys() == CATALOGUE.by_id.keys() - {first, second}
    reasons = tuple("NoSuchReason" if each == "NoData" else each for each in KNOWN.reasons)
    found = from_json(_line(), KNOWN._replace(reasons=reasons), CATALOGUE.by_id)
    assert {each.reason for each in found.values()} == {str(e.reason) for e in made_findings(7).values()} - {"NoData"}


@pytest.mark.parametrize(
    ("place", "value"), [(0, [70000] * 212), (2, [999] * 212), (3, "bm8="), (3, "?"), (5, []), (6, [-1]), (0, [1])]
)
def test_a_damaged_line_is_a_value_error(place: int, value: object) -> None:
    written = json.loads(_line())
    written[place] = value
    with pytest.raises(ValueError, match=r".+"):
        from_json(json.dumps(written).encode(), KNOWN, CATALOGUE.by_id)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_value_error(line: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        from_json(line, KNOWN, CATALOGUE.by_id)


def test_evidence_that_was_seen_again_is_dated_and_older_dates_change_nothing() -> None:
    store, agent = FindingStore(CATALOGUE.controls), AgentRef("prod", "search")
    store.put(agent, made_findings(3))
    store.see(agent, {(SourceName.HANDSHAKE, "agent-3-7d9f8b6c5-x3"): NOW + 900, (SourceName.TLS_POSTURE, ""): NOW + 1})
    store.see(agent, {(SourceName.HANDSHAKE, "agent-3-7d9f8b6c5-x3"): NOW})
    dates = {(each.source, each.pod): each.observed_at for f in store.get(agent).values() for each in f.evidence}
    assert dates.pop((SourceName.HANDSHAKE, "agent-3-7d9f8b6c5-x3")) == NOW + 900
    assert set(dates.values()) == {NOW + 3}
