"""What is counted of log lines: shares, levels and rules; of the lines themselves nothing stays."""

import json
import time
from base64 import b64encode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.controls.evidence import LogSample, Share
from tests.checklist.live.logs.lines import line
from watcher.checklist.live.logs.counting import LONGEST_LINE, RUNTIMES_LONGEST, LineCutter, LogCounts

SECRETS = {
    "AWS access key": "AKIAIOSFODNN7EXAMPLE",
    "JSON Web Token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJlLW9m",
    "PEM private key": "-----BEGIN RSA PRIVATE KEY-----",
    "password in a URL": "postgres://app:hunter22@db:5432/x",
    "e-mail address": "jane.doe@mail.acme.co",
    "card number": "4111 1111 1111 1111",
}


def counted(*lines: bytes) -> LogSample:
    counts = LogCounts()
    for each in lines:
        counts.add(each)
    return counts.sample()


@pytest.mark.parametrize("name", ["timestamp", "level", "message", "spiffe_id"])
@pytest.mark.parametrize("wrong", [None, 5, "", "yesterday", {"a": 1}])
def test_a_field_counts_at_top_level_and_in_its_form(name: str, wrong: object) -> None:
    made = [line()] * 2 + [line(**{name: wrong}, extra={name: "spiffe://example.org/a"})]
    has = 3 if name == "message" and isinstance(wrong, str) else 2
    assert counted(*made).fields[name] == Share(3, has)


@pytest.mark.parametrize(
    ("more", "share"),
    [
        ({"request_id": None}, Share(1, 0)),
        ({"request_id": None, "caller_id": None, "duration_ms": None}, Share(0, 0)),
        ({"request_id": None, "caller_id": None, "duration_ms": None, "path": "/a"}, Share(1, 0)),
        ({"request_id": " "}, Share(1, 0)),
    ],
)
def test_a_request_id_is_wanted_of_lines_that_belong_to_a_request(more: dict[str, object], share: Share) -> None:
    assert counted(line(**more)).fields["request_id"] == share


def test_a_trace_id_names_a_request_too_and_a_duration_of_any_name_ends_one() -> None:
    sample = counted(line(request_id=None, trace_id="4bf92f3577b34da6"), line(duration_ms=None, elapsed=3, status=200))
    assert sample.request_or_trace == Share(2, 2)
    assert sample.fields["duration_ms"] == Share(2, 1)


@pytest.mark.parametrize("value", [True, "12", -1, None])
def test_a_duration_is_a_number_of_0_or_more(value: object) -> None:
    assert counted(line(duration_ms=value, status=200)).fields["duration_ms"] == Share(1, 0)


@pytest.mark.parametrize("moment", ["2026-11-30T18:00:00Z", "2026-11-30T18:00:00+01:00", "2026-11-30t18:00:00.5z"])
def test_a_timestamp_has_a_zone(moment: str) -> None:
    assert counted(line(timestamp=moment), line(timestamp=moment[:19])).fields["timestamp"] == Share(2, 1)


@pytest.mark.parametrize(
    ("text", "is_card"),
    [
        ("card=4111111111111111", True),
        ("4111-1111-1111-1111.", False),  # a number with a point is a version, or an amount
        ("4111-1111-1111-1111,", True),
        ("first\n4111111111111111", True),
        ("4bf4111111111111111136ce929d0e0e", False),  # a trace id
        ("4111111111111111ce929d0e0e473600", False),
        ("41111111-1111-1111-8a23-0242ac120002", False),  # a UUID
        ("req_4111111111111111", False),
    ],
)
def test_digits_within_a_random_id_are_no_card(text: str, *, is_card: bool) -> None:
    assert counted(line(message=text)).found == ({"card number": 1} if is_card else {})


@pytest.mark.parametrize("rule", sorted(SECRETS))
def test_a_secret_is_told_by_its_rule_and_count_and_never_by_its_value(rule: str) -> None:
    text = SECRETS[rule]
    sample = counted(line(), line(message=f"got {text} here"), f"plain {text} text".encode())
    assert sample.found == {rule: 2}
    assert text not in repr(sample)


def test_a_secret_that_is_escaped_is_found_all_the_same() -> None:
    hidden = json.dumps({"message": "jane.doe@mail.acme.co"}).replace("@", "\\u0040").encode()
    assert counted(hidden).found == {"e-mail address": 1}


@pytest.mark.parametrize(
    "text",
    [
        "data: " + b64encode(b"aws_access_key_id=AKIAIOSFODNN7EXAMPLE").decode(),
        "data: " + urlsafe_b64encode(b"key is AKIAIOSFODNN7EXAMPLE \x7f?>").decode().rstrip("="),
        json.dumps({"message": json.dumps({"message": json.dumps({"key": "\nAKIAIOSFODNN7EXAMPLE"})})}),
        '{"message": "\\\\u0041KIAIOSFODNN7EXAMPLE"}',
        "b'\\x41KIAIOSFODNN7EXAMPLE'",
        '{"not": "closed", "key": "\\u0041KIAIOSFODNN7EXAMPLE"',
    ],
    ids=["base64", "base64 of URLs", "JSON in JSON in JSON", "escaped twice", "bytes of Python", "no JSON"],
)
def test_a_secret_that_is_covered_is_found_all_the_same(text: str) -> None:
    sample = counted(text.encode())
    assert sample.found == {"AWS access key": 1}
    assert "AKIA" not in repr(sample)


def test_a_secret_at_the_seam_of_a_line_that_a_runtime_cut_is_found_and_lines_that_only_follow_are_not_joined() -> None:
    first, second = b"x" * (RUNTIMES_LONGEST - 13) + b" AKIAIOSFODNN", b"7EXAMPLE and more"
    assert len(first) == RUNTIMES_LONGEST
    assert counted(first, second).found == {"AWS access key": 1}
    assert counted(first[1:], second).found == {}
    assert counted(first, line(), second).found == {}


@pytest.mark.parametrize("part", ["\\", "\\u004", "A", "AKIA-", "eyJ", "eyJaaaaaaaa.", "QUtJ=", "a@", "4 "])
def test_a_line_made_to_be_searched_for_long_is_searched_soon(part: str) -> None:
    text = (part * LONGEST_LINE)[:LONGEST_LINE].encode()
    began = time.process_time()
    counted(text)
    assert time.process_time() - began < 0.2


@pytest.mark.parametrize(
    "text",
    [
        *("git@github.com:a/b.git", "a@sha256:0123", "ops@example.org", "no@svc", "1234567890123456"),
        *("4111 1111 1111 1112", "2026-11-30T18:00:00.4111111111111111", "0000000000000000", "spiffe://a.b/c@d"),
    ],
)
def test_what_only_looks_like_personal_data_is_none(text: str) -> None:
    assert counted(line(message=text)).found == {}


def test_binary_lines_are_lines_and_no_objects_and_levels_are_counted() -> None:
    sample = counted(b"\x00\xff\xfe\x80", b"{\xff}", b"[1]", b"{" * 5000, line(level="debug"), b"  ")
    assert (sample.lines, sample.objects, sample.levels) == (5, 1, {"DEBUG": 1})


def test_a_line_of_100_mb_is_cut_counted_as_neither_and_takes_neither_time_nor_memory() -> None:
    cutter, counts, piece = LineCutter(), LogCounts(), b"{" + b"a" * 2**20
    began = time.process_time()
    for _ in range(100):
        for each, cut in cutter.feed(piece):
            counts.add(each, cut=cut)
        assert len(cutter._rest) <= LONGEST_LINE
    for each, cut in [*cutter.feed(b"\n"), *cutter.feed(line() + b"\n")]:
        counts.add(each, cut=cut)
    sample = counts.sample()
    assert (sample.lines, sample.objects, sample.cut) == (2, 1, 1)
    assert time.process_time() - began < 1


@given(st.lists(st.binary(max_size=30), max_size=10), st.integers(1, 20))
def test_lines_are_the_same_however_their_bytes_arrive(lines: list[bytes], size: int) -> None:
    whole = b"\n".join(lines)
    cutter = LineCutter()
    pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
    found = [each for piece in pieces for each, _ in cutter.feed(piece)] + [each for each, _ in cutter.end()]
    assert found == [each for each in whole.split(b"\n") if each]


@given(st.binary(max_size=200))
def test_whatever_a_line_has_it_is_counted_once(text: bytes) -> None:
    sample = counted(text)
    assert sample.objects <= sample.lines <= 1


def test_audit_records_are_known_by_their_keys_and_of_their_fields_those_are_kept_that_all_have() -> None:
    made = [line(decision_id="a", more=1), line(allowed=False), line(message="allowed"), b"[1]"]
    sample = counted(*made)
    assert sample.audits == 2
    assert {"allowed", "decision_id", "more"} & sample.audit_fields == set()
    assert "caller_id" in sample.audit_fields
    assert counted(line(decision="deny")).audit_fields >= {"decision", "timestamp"}


def test_an_audit_record_with_a_thousand_fields_and_a_long_one_is_kept_in_part() -> None:
    wide = {f"f{number}": 1 for number in range(1000)}
    assert len(counted(line(decision="allow", **wide)).audit_fields) == 500
    assert "k" * 65 not in counted(line(decision="allow", **{"k" * 65: 1})).audit_fields
