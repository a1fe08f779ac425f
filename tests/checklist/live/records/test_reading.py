"""Which records a text holds, and what is said of what is none."""

import json
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from probes.controls.catalogue.terms import RecordKind, Scope
from probes.controls.records import WaiverReason
from probes.controls.records.document import record_schema
from tests.checklist.live.records.made import DIAGRAM, SOURCE, attestation, read, read_text, result, text_of
from tests.probes.controls.made import SHA
from watcher.checklist.live.records.reading import MOST_OF_RECORD

jsonschema = pytest.importorskip("jsonschema", reason="an independent validator is not installed")

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "\n".join(
    f"{name}: &{name} [*{of}, *{of}, *{of}, *{of}, *{of}, *{of}, *{of}, *{of}, *{of}, *{of}]"
    for of, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def said(text: str) -> list[tuple[str, str]]:
    found = [each for each in read_text(text) if each.problems]
    return [(each.id.rpartition(":")[2], f"{each.problems[0].name}: {each.problems[0].message}") for each in found]


def test_a_record_is_read_as_people_write_it() -> None:
    text = f"""\
# who looked at it
kind: waiver
control: deployment.resources.cpu-limits
revision: 1
environment: production
namespace: prod
agents: [search, no]
bind: {{image_digests: [{SHA}], version: 2.*}}
statement: |
  Throttling.
reason: accepted-risk
by: " ann@example.org "
approved_by: bob@example.org
at: 2027-01-15
expires_at: 2027-02-15T12:00:00+01:00
---
kind: attestation
control: {DIAGRAM}
revision: 1
environment: production
scope: fleet
bind: none
by: ann@example.org
approved_by: bob@example.org
at: 2027-01-15T00:00:00Z
expires_at: 2027-02-15
"""
    first, second = read_text(text.replace(", no]", ', "no"]'), "file:/r.yaml")
    assert (first.id, first.problems, second.id, second.problems) == ("file:/r.yaml:2", (), "file:/r.yaml:17", ())
    assert first.record is not None
    assert second.record is not None
    record = first.record
    assert (record.kind, record.reason, record.by) == (
        RecordKind.WAIVER,
        WaiverReason.ACCEPTED_RISK,
        "ann@example.org",
    )
    assert (record.agents, record.image_digests, record.version) == (("search", "no"), frozenset({SHA}), "2.*")
    assert (record.at, record.expires_at) == (1_800_057_600.0, 1_802_689_200.0)
    assert second.record.scope is Scope.FLEET


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"agents": "sear"}, "Malformed: agents: expected a list"),
        ({"agents": ["sear*"]}, "Malformed: agents[0]: expected to match pattern"),
        ({"owner": "ann"}, "Malformed: owner: no such key"),
        ({"revision": None}, "Malformed: revision: missing, but required"),
        ({"revision": "1"}, "Malformed: revision: expected a whole number"),
        ({"at": "2027-01-15T06:00:00"}, "Malformed: at: expected a time with an offset, such as 2026-11-23T09:00:00Z"),
        ({"at": "9999-12-31"}, "Malformed: at: expected a time from 2000 to 2100"),
        ({"by": 7}, "Malformed: by: expected text (a number needs quotes)"),
        ({"by": "ann\nbob"}, "Malformed: by: expected text on one line"),
        ({"evidence_url": "javascript:alert(1)"}, "Malformed: evidence_url: expected to match pattern"),
        ({"bind": {"image_digests": ["latest"]}}, "Malformed: bind.image_digests[0]: expected to match pattern"),
        ({"counts": {"tests": "5"}}, "Malformed: counts.tests: expected a number"),
        ({"counts": {"tests": True}}, "Malformed: counts.tests: expected a number"),
        ({"kind": "waver"}, "Malformed: kind: expected 'attestation', 'pipeline' or 'waiver'"),
    ],
)
def test_what_is_no_record_is_refused_as_a_whole_and_says_where(changed: dict[str, object], why: str) -> None:
    [(_, told)] = said(json.dumps(attestation(**changed)))
    assert told.startswith(why), told


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (BOMB, "Malformed: "),
        ("a: [", "Malformed: not YAML"),
        ("- 1\n- 2", "Malformed: expected a mapping"),
        ("text", "Malformed: expected a mapping"),
        ("!!python/object:os.system {}", "Malformed: tags are not supported"),
        ("kind: waiver\nkind: attestation", "Malformed: kind: the same key as on line 1"),
        ("[" * 5000, "Malformed: "),
    ],
)
def test_hostile_yaml_costs_its_own_document_only(text: str, why: str) -> None:
    began = time.process_time()
    found = read_text(f"{text}\n---\n{text_of(attestation())}")
    assert time.process_time() - began < 2
    assert found[0].record is None
    assert f"{found[0].problems[0].name}: {found[0].problems[0].message}".startswith(why)
    assert found[-1].record is not None


def test_what_is_wrong_is_told_without_what_was_given() -> None:
    assert "sk-secret" not in str(said(json.dumps(attestation(by=["sk-secret"], evidence_url="sk-secret"))))


def test_more_records_than_one_place_may_have_are_said_to_be_left_out() -> None:
    text = "\n---\n".join(["a: 1"] * 25)
    found = read_text(text, most=20)
    assert len(found) == 21
    assert found[-1].problems[0].message == "more than 20 in one place: this and the rest are not read"


def test_a_document_that_is_as_it_was_is_not_read_again_wherever_it_stands_in_its_place() -> None:
    aliases = json.dumps(attestation(statement="b")).replace('"b"', '&b "b", "run_id": *b')
    text = f"{text_of(attestation(statement='a'), result())}\n---\n{aliases}\n---\na: ["
    first = read_text(text)
    assert len(first) == 4
    same = read_text(text, before=first)
    assert [one is other for one, other in zip(first, same, strict=True)] == [True, True, False, False]
    moved = read_text(f"# one line more\n{text}", before=first)
    assert [each.id for each in moved[:3]] == [f"{SOURCE}:2", f"{SOURCE}:4", f"{SOURCE}:6"]
    assert [each.record.id for each in moved if each.record] == [each.id for each in moved[:3]]
    assert moved[1].record is not None
    assert first[1].record is not None
    assert moved[1].record.counts is first[1].record.counts
    edited = read_text(text.replace('"tests": 5', '"tests": 6'), before=first)
    assert [one is other for one, other in zip(first, edited, strict=True)] == [True, False, False, False]
    assert edited[1].record is not None
    assert edited[1].record.counts["tests"] == 6


def test_what_is_read_of_a_source_does_not_hang_on_what_was_read_before() -> None:
    text = text_of(*(attestation(statement=str(number)) for number in range(20)))
    anew = read_text(text, most_values=500)
    assert "more than 500 values in all" in anew[-1].problems[0].message
    assert 10 < len(anew) < 20
    again = read_text(text, before=anew, most_values=500)
    assert [(each.id, each.problems) for each in again] == [(each.id, each.problems) for each in anew]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("#" * (MOST_OF_RECORD + 1), "it is over 512 KiB"),
        (json.dumps(attestation(agents=["a"] * 8000)), "more than 8000 values"),
    ],
)
def test_a_document_that_is_no_record_by_its_size_is_not_read(text: str, why: str) -> None:
    found = read_text(f"{text}\n---\n{text_of(attestation())}")
    assert why in found[0].problems[0].message
    assert found[1].record is not None


@given(st.text(max_size=60))
@example("---\n---\n...\n%YAML 1.1")
@settings(max_examples=60)
def test_no_text_at_all_makes_reading_fail(text: str) -> None:
    for each in read_text(text):
        assert (each.record is None) is bool(each.problems)


def test_the_published_schema_takes_what_is_read_and_refuses_what_is_not() -> None:
    schema = record_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    valid = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    for good in (attestation(), result(), attestation(bind="none"), attestation(scope="fleet", agents=None)):
        assert read(good)[0].record is not None
        if good.get("bind") != "none":
            assert list(valid.iter_errors(good)) == []
    for bad in (
        attestation(agents="sear"),
        attestation(expires_at=None),
        attestation(more=1),
        result(counts={"a": "1"}),
    ):
        assert list(valid.iter_errors(bad)) != []
