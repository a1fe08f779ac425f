"""Which records are valid at all, and why not, by name."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.controls.catalogue.counts import parse_rule
from probes.controls.catalogue.terms import Bind, RecordKind, Scope
from probes.controls.evidence import AgentRef
from probes.controls.records import Authority, Invalid, Record, parse_time, problems
from probes.controls.records.identities import same_person
from tests.probes.controls.made import CATALOGUE, DAY, NOW, record

REVIEW = "security.authz.opa-policies-reviewed"
UNIT = "testing.unit.pass"
FLEET = "observability.alerts.tested"
DENY = "deployment.network.default-deny"


def _names(given_record: Record, *authorities: Authority) -> list[Invalid]:
    return [each.name for each in problems(given_record, CATALOGUE.by_id, authorities, NOW)]


def test_a_record_that_says_all_is_valid() -> None:
    counts = {"tests": 1.0, "failures": 0.0, "errors": 0.0}
    assert _names(record(REVIEW)) == []
    assert _names(record(UNIT, RecordKind.PIPELINE, counts=counts)) == []
    assert _names(record(DENY, RecordKind.WAIVER)) == []
    assert _names(record(FLEET, scope=Scope.FLEET, namespace="", agents=())) == []


@pytest.mark.parametrize(
    ("name", "changed", "why"),
    [
        ("no.such.control", {}, Invalid.UNKNOWN_CONTROL),
        (REVIEW, {"expires_at": None}, Invalid.NO_END),
        (REVIEW, {"at": NOW + 301}, Invalid.FUTURE_DATED),
        (REVIEW, {"expires_at": NOW - 2 * DAY}, Invalid.ENDS_BEFORE_IT_BEGINS),
        (REVIEW, {"expires_at": NOW + 181 * DAY}, Invalid.VALIDITY_TOO_LONG),
        (REVIEW, {"by": " "}, Invalid.NOT_SIGNED),
        (REVIEW, {"approved_by": ""}, Invalid.NOT_SIGNED),
        (REVIEW, {"approved_by": "\u200b"}, Invalid.NOT_SIGNED),
        (REVIEW, {"approved_by": " ANN@example.org "}, Invalid.SELF_APPROVED),
        (REVIEW, {"agents": ()}, Invalid.NO_SUBJECT),
        (REVIEW, {"namespace": ""}, Invalid.NO_SUBJECT),
        (REVIEW, {"scope": Scope.FLEET}, Invalid.WRONG_SCOPE),
        (REVIEW, {"scope": Scope.FLEET, "agents": (), "namespace": ""}, Invalid.WRONG_SCOPE),
        (FLEET, {"scope": Scope.FLEET, "agents": ()}, Invalid.WRONG_SCOPE),
        (FLEET, {"scope": Scope.NAMESPACE}, Invalid.WRONG_SCOPE),
        (REVIEW, {"policy_digest": ""}, Invalid.NOT_BOUND),
        (REVIEW, {"evidence_url": ""}, Invalid.NO_EVIDENCE),
        (REVIEW, {"kind": RecordKind.PIPELINE}, Invalid.WRONG_KIND),
        ("security.transport.mtls-required", {}, Invalid.NOT_NEEDED),
        ("security.transport.mtls-required", {"kind": RecordKind.WAIVER}, Invalid.NOT_WAIVABLE),
        (DENY, {"kind": RecordKind.WAIVER, "reason": None}, Invalid.NO_REASON),
        (DENY, {"kind": RecordKind.WAIVER, "expires_at": NOW + 91 * DAY}, Invalid.VALIDITY_TOO_LONG),
        (DENY, {"kind": RecordKind.WAIVER, "at": NOW, "expires_at": NOW + 90 * DAY + 1}, Invalid.VALIDITY_TOO_LONG),
    ],
)
def test_what_is_wrong_with_a_record_is_told_by_name(name: str, changed: dict[str, object], why: Invalid) -> None:
    kind = changed.get("kind", RecordKind.ATTESTATION)
    assert isinstance(kind, RecordKind)
    assert _names(record(name, kind, **{key: value for key, value in changed.items() if key != "kind"})) == [why]


@pytest.mark.parametrize(
    "approver",
    [
        "ANN@EXAMPLE.ORG",
        " ann@example.org\u00a0",
        "ann\u200b@example.org",
        "\uff41\uff4e\uff4e@example.org",
        "\u0430nn@example.org",
        "\u0391\u039d\u039d@EXAMPLE.ORG",
        "ann@exam\u0440le.org",
        "Ann Smith <ann@example.org>",
        "ann+lead@example.org",
        "@ann@example.org",
    ],
)
def test_one_person_who_is_written_in_two_ways_does_not_approve_what_she_wrote(approver: str) -> None:
    assert _names(record(REVIEW, by="ann@example.org", approved_by=approver)) == [Invalid.SELF_APPROVED]
    assert _names(record(REVIEW, by=approver, approved_by="ann@example.org")) == [Invalid.SELF_APPROVED]


@pytest.mark.parametrize("approver", ["anne@example.org", "ann@example.com", "jos\u00e9@example.org", "\u0434\u0438"])
def test_another_person_may_approve(approver: str) -> None:
    assert _names(record(REVIEW, by="ann@example.org", approved_by=approver)) == []


@given(st.text(min_size=1, max_size=40).filter(str.strip))
def test_everybody_is_the_same_person_as_herself_in_any_case_and_between_spaces(name: str) -> None:
    assert same_person(name, name)
    assert same_person(f" {name}", f"{name}\t")


def test_five_minutes_of_skew_and_the_end_of_a_last_day_are_granted() -> None:
    assert _names(record(REVIEW, at=NOW + 299)) == []
    at = datetime(2026, 11, 23, 9, tzinfo=UTC).timestamp()
    assert _names(record(REVIEW, at=at, expires_at=parse_time("2027-05-22"))) == []


def test_a_result_must_bring_the_numbers_that_the_rule_needs() -> None:
    few = problems(record(UNIT, RecordKind.PIPELINE, counts={"tests": 3.0}), CATALOGUE.by_id, (), NOW)
    assert [(each.name, each.message) for each in few] == [
        (Invalid.COUNT_MISSING, "it has no errors"),
        (Invalid.COUNT_MISSING, "it has no failures"),
    ]


def test_who_may_say_what_is_held() -> None:
    security = Authority("file:/etc/records/*", ("security.*",), ("prod",))
    assert _names(record(REVIEW), security) == []
    assert _names(record(DENY, RecordKind.WAIVER), security) == [Invalid.OUTSIDE_AUTHORITY]
    assert _names(record(REVIEW, namespace="dev"), security) == [Invalid.OUTSIDE_AUTHORITY]
    assert _names(record(REVIEW, source="file:/etc/elsewhere.yaml"), security) == [Invalid.OUTSIDE_AUTHORITY]


def test_who_may_speak_of_a_namespace_may_not_speak_of_the_fleet() -> None:
    fleet = record(FLEET, scope=Scope.FLEET, namespace="", agents=())
    assert _names(fleet, Authority("file:*", ("*",), ("prod", "?*"))) == [Invalid.OUTSIDE_AUTHORITY]
    named = record(FLEET, scope=Scope.FLEET, namespace="prod", agents=())
    assert Invalid.OUTSIDE_AUTHORITY in _names(named, Authority("file:*", ("*",), ("prod",)))
    assert _names(fleet, Authority("file:*")) == []


def test_a_record_concerns_whole_names_only() -> None:
    assert record(REVIEW).concerns(AgentRef("prod", "search"))
    assert not record(REVIEW).concerns(AgentRef("prod", "search-2"))
    assert not record(REVIEW).concerns(AgentRef("prod-2", "search"))
    assert record(DENY, scope=Scope.NAMESPACE, agents=()).concerns(AgentRef("prod", "other"))
    assert record(FLEET, scope=Scope.FLEET).concerns(AgentRef("any", "other"))


def test_a_record_is_bound_to_what_it_names() -> None:
    unbound = record(REVIEW, image_digests=frozenset(), policy_digest="sha256:p", config_digest="")
    assert unbound.digests(Bind.POLICY_DIGEST) == {"sha256:p"}
    assert unbound.digests(Bind.CONFIG_DIGEST) == frozenset()
    assert unbound.digests(Bind.NONE) == frozenset()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-11-23T09:00:00Z", 1795424400.0),
        ("2026-11-23T10:00:00+01:00", 1795424400.0),
        ("2026-11-23", datetime(2026, 11, 24, tzinfo=UTC).timestamp()),
        (date(2026, 11, 23), datetime(2026, 11, 24, tzinfo=UTC).timestamp()),
        (datetime(2026, 11, 23, 9, tzinfo=UTC), 1795424400.0),
    ],
)
def test_times_are_rfc_3339_and_a_bare_date_is_the_end_of_its_day(text: object, seconds: float) -> None:
    assert parse_time(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23T09:00:00",
        "2026-11-23T09:00Z",
        "20261123T090000Z",
        "2026-W48-1",
        "2026-11-23T09:00:00+01:00:30",
        "2026-11-23T09:00:60Z",
        "\u0662026-11-23",
        "tomorrow",
        "",
        7,
        None,
        True,
    ],
)
def test_what_is_no_time_with_an_offset_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"expected|Invalid|invalid|second must"):
        parse_time(text)


@pytest.mark.parametrize(
    ("rule", "counts", "holds"),
    [
        ("failures = 0", {"failures": 0}, True),
        ("failures = 0", {"failures": 1}, False),
        ("coverage >= 0.80 if given", {}, True),
        ("coverage >= 0.80 if given", {"coverage": 0.79}, False),
        ("peak >= 2 * expected", {"peak": 20, "expected": 10}, True),
        ("peak >= 2 * expected", {"peak": 19, "expected": 10}, False),
        ("rate > target or 100", {"rate": 101}, True),
        ("rate > target or 100", {"rate": 101, "target": 200}, False),
        ("rate > target or 100", {"rate": 100}, False),
        ("ratio < 0.05", {"ratio": float("nan")}, False),
        ("ratio > 0.05", {"ratio": float("inf")}, False),
        ("skipped", {}, True),
    ],
)
def test_a_rule_on_counts_holds_or_not(rule: str, counts: dict[str, float], holds: bool) -> None:
    assert parse_rule(rule).holds(counts) is holds


@pytest.mark.parametrize(
    ("rule", "needs"),
    [
        ("failures = 0", ("failures",)),
        ("peak >= 2 * expected", ("peak", "expected")),
        ("rate > target or 100", ("rate",)),
    ],
)
def test_a_rule_says_which_numbers_it_needs(rule: str, needs: tuple[str, ...]) -> None:
    assert parse_rule(rule).needs == needs
    assert parse_rule("coverage >= 0.80 if given").needs == ()


@given(st.text(max_size=30))
def test_what_is_no_rule_is_refused(text: str) -> None:
    try:
        assert parse_rule(text).text == text
    except ValueError as error:
        assert "expected a rule such as" in str(error)  # noqa: PT017
