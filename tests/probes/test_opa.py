"""The judge of OPA looks, and the parsers whose readings it judges."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from probes.contract import Evaluation, EvaluationContext, Fault, Target, TargetKey, Unknown
from probes.contract.condition import Status
from probes.opa import CANARY_TOTAL, DECISION_DURATION, PROBE, OPAHistory, OPALimits
from probes.opa.bundles import BundleHistory, HeldFault
from probes.readings.canary import BUILTIN, Canary, Question, facts_of, question
from probes.readings.decision import Actual, CanaryAnswer, Expected, OPAReading, Reply, read_reply
from probes.readings.opa_status import OPABundle, StatusReport, read_status
from tests.hostile.pages import thousand_bundles, tiny_keys_status, tiny_values

NOW = 1_800_000_000.0
TARGET = Target(
    key=TargetKey("prod", "search", "search-0"),
    opa="http://127.0.0.1:8181",
    spiffe_ids=("spiffe://example.org/agent/search",),
)
WELL = (("foreign-caller", Expected.DENY, Actual.DENY), ("empty-input", Expected.NOT_ALLOW, Actual.DENY))
DECIDED = (Actual.ALLOW, Actual.DENY)
TOLD = (*DECIDED, Actual.UNDEFINED)
Row = tuple[str, Expected, Actual]


def context(**changes: Any) -> EvaluationContext[OPALimits]:
    plain = EvaluationContext(
        target=TARGET, limits=OPALimits(), now=NOW, date=NOW, interval=30.0, endpoint="opa", reached=True
    )
    return plain._replace(**changes)


def reading(*rows: Row, report: StatusReport | None = None, seconds: float = 0.002, **more: Any) -> OPAReading:
    answers = tuple(
        CanaryAnswer(
            canary, expected, Reply(actual=actual, seconds=seconds, error="" if actual in TOLD else "It broke.")
        )
        for canary, expected, actual in rows
    )
    return OPAReading(answers=answers, report=report or StatusReport(at=NOW, clock=NOW), **more)


def said(evaluation: Evaluation[OPAHistory]) -> dict[str, str]:
    """The verdicts: the reason where true or unknown."""
    return {
        each.kind.name + (f"/{each.subject}" if each.subject else ""): f"{each.status} {each.reason}".strip()
        for each in evaluation.verdicts
    }


def judged(*rows: Row, **changes: Any) -> dict[str, str]:
    return said(PROBE.judge(reading(*rows), OPAHistory(), context(**changes)))


def allow(actual: Actual) -> Row:
    return ("may", Expected.ALLOW, actual)


def deny(actual: Actual) -> Row:
    return ("may-not", Expected.DENY, actual)


def empty(actual: Actual) -> Row:
    return ("empty-input", Expected.NOT_ALLOW, actual)


@pytest.mark.parametrize(
    ("status", "body", "actual"),
    [
        (200, b'{"result": true}', Actual.ALLOW),
        (200, b'{"result": {"allow": true, "reason": "so"}}', Actual.ALLOW),
        (200, b'{"result": false}', Actual.DENY),
        (200, b'{"result": {"allow": false}}', Actual.DENY),
        (200, b'{"decision_id": "x"}', Actual.UNDEFINED),
        (200, b"{}", Actual.UNDEFINED),
        (200, b'{"result": null}', Actual.MALFORMED),
        (200, b'{"result": "true"}', Actual.MALFORMED),
        (200, b'{"result": 1}', Actual.MALFORMED),
        (200, b'{"result": []}', Actual.MALFORMED),
        (200, b'{"result": {}}', Actual.MALFORMED),
        (200, b'{"result": {"allow": "true"}}', Actual.MALFORMED),
        (200, b'{"result": {"allow": 1}}', Actual.MALFORMED),
        (200, b"<html>welcome</html>", Actual.MALFORMED),
        (200, b"", Actual.MALFORMED),
        (200, b"true", Actual.MALFORMED),
        (200, b"\xff\xfe{", Actual.MALFORMED),
        (200, b'{"result":' + b"[" * 10_000 + b"]" * 10_000 + b"}", Actual.MALFORMED),
        (200, b'{"result":' + b"9" * 10_000 + b"}", Actual.MALFORMED),
        (204, b"", Actual.MALFORMED),
        (302, b"", Actual.MALFORMED),
        (400, b'{"code": "invalid_parameter"}', Actual.MALFORMED),
        (404, b"not found", Actual.MALFORMED),
        (401, b'{"code": "unauthorized"}', Actual.ERROR),
        (403, b"", Actual.ERROR),
        (500, b'{"code": "internal_error", "message": "m"}', Actual.ERROR),
        (500, b'{"code": "evaluation_error"}', Actual.ERROR),
        (500, b"<html>oops</html>", Actual.UNREACHABLE),
        (500, b'{"code": "something_else"}', Actual.UNREACHABLE),
        (502, b"", Actual.UNREACHABLE),
        (503, b'["internal_error"]', Actual.UNREACHABLE),
    ],
)
def test_every_response_is_one_of_six_answers(status: int, body: bytes, actual: Actual) -> None:
    reply = read_reply(status, body, 0.001)

    assert reply.actual is actual
    assert bool(reply.error) is (actual not in TOLD)
    assert len(reply.excerpt) <= 500


@given(status=st.integers(100, 599), body=st.one_of(st.binary(), st.text().map(str.encode)))
def test_only_a_boolean_is_ever_read_as_a_decision(status: int, body: bytes) -> None:
    if read_reply(status, body, 0.0).actual in DECIDED:
        assert status == 200
        assert json.loads(body)["result"] in (True, False) or json.loads(body)["result"]["allow"] in (True, False)


def json_values(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)


@given(result=json_values(st.none() | st.booleans() | st.integers() | st.text()))
def test_a_result_is_a_decision_only_where_it_is_or_holds_a_boolean(result: Any) -> None:
    verdict = result.get("allow") if isinstance(result, dict) else result
    expected = {True: Actual.ALLOW, False: Actual.DENY}[verdict] if isinstance(verdict, bool) else Actual.MALFORMED

    assert read_reply(200, json.dumps({"result": result}).encode(), 0.0).actual is expected


def test_what_opa_says_of_its_error_is_told() -> None:
    body = b'{"code": "internal_error", "message": "outer", "errors": [{"message": "rules conflict"}]}'

    assert "rules conflict" in read_reply(500, body, 0.0).error


def test_what_opa_says_of_its_error_can_be_written_anywhere() -> None:
    body = rb'{"code": "internal_error", "message": "half \ud800 of a\npair"}'

    assert read_reply(500, body, 0.0).error.encode().endswith(b"half ? of a pair")


def test_a_healthy_opa_has_no_true_condition() -> None:
    found = judged(*WELL, allow(Actual.ALLOW))

    assert found == {
        "OPAUnreachable": "false",
        "OPAWrongAllow": "false",
        "OPAWrongDeny": "false",
        "OPAPolicyMissing": "false",
        "OPADefaultMissing": "false",
        "OPADecisionError": "false",
        "OPADecisionSlow": "unknown WarmingUp",
    }


@pytest.mark.parametrize(
    ("rows", "condition", "expected"),
    [
        ((deny(Actual.ALLOW),), "OPAWrongAllow", "true CanaryAllowed"),
        ((deny(Actual.DENY), empty(Actual.ALLOW)), "OPAWrongAllow", "true CanaryAllowed"),
        ((deny(Actual.ALLOW), empty(Actual.UNREACHABLE)), "OPAWrongAllow", "true CanaryAllowed"),
        ((deny(Actual.UNDEFINED),), "OPAWrongAllow", "false"),
        ((deny(Actual.ERROR),), "OPAWrongAllow", "unknown SourceFailed"),
        ((deny(Actual.MALFORMED),), "OPAWrongAllow", "unknown SourceFailed"),
        ((deny(Actual.UNREACHABLE), empty(Actual.DENY)), "OPAWrongAllow", "unknown SourceFailed"),
        ((deny(Actual.DENY), empty(Actual.ERROR)), "OPAWrongAllow", "false"),
        ((allow(Actual.DENY),), "OPAWrongDeny", "true CanaryDenied"),
        ((allow(Actual.UNDEFINED),), "OPAWrongDeny", "false"),
        ((allow(Actual.ERROR),), "OPAWrongDeny", "unknown SourceFailed"),
        ((allow(Actual.ALLOW), ("other", Expected.ALLOW, Actual.DENY)), "OPAWrongDeny", "true CanaryDenied"),
        ((deny(Actual.UNDEFINED),), "OPAPolicyMissing", "true Undefined"),
        ((deny(Actual.UNDEFINED), empty(Actual.DENY)), "OPAPolicyMissing", "true Undefined"),
        ((deny(Actual.UNDEFINED), allow(Actual.UNDEFINED)), "OPAPolicyMissing", "true Undefined"),
        ((deny(Actual.UNDEFINED), allow(Actual.ALLOW)), "OPAPolicyMissing", "false"),
        ((deny(Actual.UNDEFINED), allow(Actual.UNREACHABLE)), "OPAPolicyMissing", "unknown SourceFailed"),
        ((deny(Actual.DENY), empty(Actual.UNDEFINED)), "OPAPolicyMissing", "false"),
        ((deny(Actual.UNDEFINED), allow(Actual.ALLOW)), "OPADefaultMissing", "true NoDefault"),
        ((deny(Actual.UNDEFINED), allow(Actual.UNDEFINED)), "OPADefaultMissing", "false"),
        ((deny(Actual.DENY), empty(Actual.UNDEFINED)), "OPADefaultMissing", "false"),
        ((deny(Actual.UNDEFINED), allow(Actual.ERROR)), "OPADefaultMissing", "unknown SourceFailed"),
        ((deny(Actual.ERROR),), "OPADecisionError", "true EvaluationError"),
        ((deny(Actual.MALFORMED),), "OPADecisionError", "true Malformed"),
        ((deny(Actual.DENY), empty(Actual.ERROR)), "OPADecisionError", "false"),
        ((deny(Actual.UNREACHABLE), allow(Actual.ALLOW)), "OPADecisionError", "unknown SourceFailed"),
        ((deny(Actual.UNREACHABLE), allow(Actual.ALLOW)), "OPAUnreachable", "false"),
        ((deny(Actual.MALFORMED),), "OPAUnreachable", "false"),
        ((deny(Actual.UNREACHABLE), empty(Actual.UNREACHABLE)), "OPAUnreachable", "true HTTPError"),
    ],
)
def test_the_answers_of_canaries_make_conditions(rows: tuple[Row, ...], condition: str, expected: str) -> None:
    assert judged(*rows)[condition] == expected


def test_without_a_canary_that_must_be_allowed_wrong_deny_does_not_apply() -> None:
    assert "OPAWrongDeny" not in judged(*WELL)


@pytest.mark.parametrize("actual", Actual)
def test_an_opa_asked_only_for_its_reachability_has_no_condition_of_canaries(actual: Actual) -> None:
    found = judged(("", Expected.ANY, actual))

    assert set(found) == {"OPAUnreachable", "OPADecisionError", "OPADecisionSlow"}


@pytest.mark.parametrize(
    ("fault", "changes", "expected"),
    [
        (Fault.REFUSED, {}, "true ConnectionRefused"),
        (Fault.STALLED, {}, "true Timeout"),
        (Fault.STALLED, {"held_up": True}, "unknown WatcherImpaired"),
        (Fault.RESET, {}, "true HTTPError"),
        (Fault.SILENT, {}, "true Lost"),
        (Fault.SILENT, {"reached": False}, "unknown NeverReached"),
        (Fault.SILENT, {"isolated": True}, "unknown WatcherImpaired"),
    ],
)
def test_where_nothing_answers_only_unreachable_speaks(fault: Fault, changes: Mapping[str, Any], expected: str) -> None:
    rows = (deny(Actual.UNREACHABLE), empty(Actual.UNREACHABLE), allow(Actual.UNREACHABLE))
    found = said(PROBE.judge(reading(*rows, fault=fault, error="It is away."), OPAHistory(), context(**changes)))

    assert found.pop("OPAUnreachable") == expected
    assert set(found.values()) == {"unknown SourceFailed"}


def test_an_opa_that_may_not_be_asked_is_unknown_throughout() -> None:
    refused = CanaryAnswer("foreign-caller", Expected.DENY, read_reply(401, b"", 0.0))
    found = said(PROBE.judge(replace(reading(), answers=(refused,)), OPAHistory(), context()))

    assert set(found.values()) == {"unknown Unauthorized"}


def test_that_the_watcher_could_not_ask_is_not_the_fault_of_opa() -> None:
    unasked = CanaryAnswer(
        "foreign-caller", Expected.DENY, Reply(actual=Actual.UNREACHABLE, impaired=True, error="No file.")
    )
    evaluation = PROBE.judge(OPAReading(answers=(unasked,), error="No file."), OPAHistory(), context())

    assert said(evaluation)["OPAUnreachable"] == "unknown WatcherImpaired"
    assert not [each for each in evaluation.observations if each.value]


def slow_look(history: OPAHistory, seconds: float, **changes: Any) -> Evaluation[OPAHistory]:
    return PROBE.judge(reading(*WELL, seconds=seconds), history, context(**changes))


def test_twenty_decisions_are_needed_to_tell_slow() -> None:
    history = OPAHistory()
    for _ in range(9):
        evaluation = slow_look(history, 1.0)
        assert said(evaluation)["OPADecisionSlow"] == "unknown WarmingUp"
        history = evaluation.history
    [young] = [each for each in evaluation.verdicts if each.kind.name == "OPADecisionSlow"]
    assert young.text == "Has 18 of the 20 decisions that it needs."
    assert said(slow_look(history, 1.0))["OPADecisionSlow"] == "true OPADecisionSlow"


@pytest.mark.parametrize(("slow", "expected"), [(0, "false"), (1, "false"), (2, "true OPADecisionSlow")])
def test_one_slow_decision_in_twenty_is_forgiven(slow: int, expected: str) -> None:
    history = OPAHistory(ticks=(5000,) * slow + (100,) * (18 - slow))

    assert said(slow_look(history, 0.01))["OPADecisionSlow"] == expected


@pytest.mark.parametrize(
    ("ticks", "seconds", "p95"), [(19, 0.15, 0.15), (18, 0.1, None), (17, 1.0, None), (18, 0.101, 0.101)]
)
def test_the_p95_of_the_last_decisions_is_exported_while_it_is_over_the_limit(
    ticks: int, seconds: float, p95: float | None
) -> None:
    exported = {each.metric.name: each.value for each in slow_look(OPAHistory(ticks=(100,) * ticks), seconds).samples}

    assert exported == ({} if p95 is None else {"opa_decision_p95_seconds": pytest.approx(p95)})


def test_a_lag_of_the_watcher_is_not_counted_as_slowness_of_opa() -> None:
    evaluation = slow_look(OPAHistory(ticks=(100,) * 20), 1.0, held_up=True)

    assert said(evaluation)["OPADecisionSlow"] == "unknown WatcherImpaired"
    assert evaluation.history.ticks == (100,) * 20


@pytest.mark.parametrize(
    ("seconds", "lag", "expected", "counted"),
    [
        (0.15, 0.09, "unknown WatcherImpaired", False),
        (0.15, 0.04, "true OPADecisionSlow", True),
        (0.15, 0.0, "true OPADecisionSlow", True),
        (0.08, 0.09, "false", True),
        (0.5, 0.09, "true OPADecisionSlow", True),
    ],
)
def test_a_decision_that_only_our_own_lag_may_have_made_slow_is_left_out(
    seconds: float, lag: float, expected: str, *, counted: bool
) -> None:
    evaluation = slow_look(OPAHistory(ticks=(100,) * 40), seconds, lag=lag)
    assert (evaluation.history.ticks[-1] == round(seconds * 10_000)) == counted
    assert said(evaluation)["OPADecisionSlow"] == expected


def bundle(**changes: Any) -> OPABundle:
    return replace(OPABundle(name="authz", revision="v1", last_success=NOW - 10, last_activation=NOW - 3600), **changes)


def look_at(
    *bundles: OPABundle, history: OPAHistory | None = None, at: float = NOW, **changes: Any
) -> Evaluation[OPAHistory]:
    report = StatusReport(at=at, clock=at, bundles=bundles)
    return PROBE.judge(reading(*WELL, report=report), history or OPAHistory(), context(now=at, **changes))


KNOWN = OPAHistory(bundles=(BundleHistory("authz"),))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "false"),
        ({"last_success": NOW - 899}, "false"),
        ({"last_success": NOW - 901}, "true BundleStale"),
        ({"last_success": NOW - 901, "code": "bundle_error", "fetched": False}, "true BundleStale"),
        (
            {"last_success": NOW - 901, "code": "bundle_error", "fetched": False, "rejected": True},
            "true ActivationFailed",
        ),
        ({"last_success": 0.0, "last_activation": 0.0}, "true NeverLoaded"),
        ({"last_success": 0.0, "last_activation": 0.0, "rejected": True}, "true NeverLoaded"),
        ({"last_success": 0.0}, "true BundleStale"),  # from disk
        ({"last_success": NOW + 500}, "false"),
    ],
)
def test_the_age_of_a_bundle_is_that_of_its_last_successful_request(changes: Mapping[str, Any], expected: str) -> None:
    assert said(look_at(bundle(**changes), history=KNOWN))["OPABundleStale/authz"] == expected


def test_the_age_of_a_bundle_is_told_by_the_clock_of_opa() -> None:
    report = StatusReport(at=NOW, clock=NOW - 3600, bundles=(bundle(last_success=NOW - 3600 - 10),))
    found = said(PROBE.judge(reading(*WELL, report=report), KNOWN, context()))

    assert found["OPABundleStale/authz"] == "false"


@pytest.mark.parametrize(("activation", "reason"), [(NOW - 9999, "ActivationFailed"), (0.0, "NeverLoaded")])
def test_an_error_that_stands_is_trouble_once_it_has_held(activation: float, reason: str) -> None:
    def broken(at: float) -> OPABundle:
        return bundle(code="bundle_error", last_activation=activation, last_success=at)

    first = look_at(broken(NOW), history=KNOWN)
    later = look_at(broken(NOW + 899), history=first.history, at=NOW + 899)
    held = look_at(broken(NOW + 900), history=later.history, at=NOW + 900)
    mended = look_at(bundle(last_success=NOW + 960), history=held.history, at=NOW + 960)
    again = look_at(broken(NOW + 1000), history=mended.history, at=NOW + 1000)

    found = [said(each)["OPABundleStale/authz"] for each in (first, later, held, mended, again)]
    assert found == ["false", "false", f"true {reason}", "false", "false"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "unknown WarmingUp"),
        ({"rejected": True, "fetched": False}, "unknown WarmingUp"),
        ({"fetched": False}, "false"),  # the last good request tells since when
        ({"last_activation": NOW - 900}, "false"),
    ],
)
def test_an_error_found_at_the_first_look_is_unknown_where_it_may_be_old(
    changes: Mapping[str, Any], expected: str
) -> None:
    broken = bundle(code="bundle_error", **{"last_activation": NOW - 901, **changes})

    assert said(look_at(broken))["OPABundleStale/authz"] == expected
    in_a_check = said(look_at(broken, once=True))["OPABundleStale/authz"]
    assert in_a_check == expected.replace("WarmingUp", "NotHeldYet")


SKEWED = {"authz": {"v2": 3, "v1": 1}}
COMPARED = OPAHistory(bundles=(BundleHistory("authz", compared=True),))
DIFFERED = OPAHistory(bundles=(BundleHistory("authz", None, HeldFault(NOW - 900, witnessed=True), compared=True),))


@pytest.mark.parametrize(
    ("vote_counts", "history", "expected"),
    [
        (None, KNOWN, "unknown WarmingUp"),
        ({}, OPAHistory(), "unknown WarmingUp"),
        ({}, KNOWN, None),
        ({"authz": {"v1": 1, "v2": 1}}, DIFFERED, None),
        ({"authz": {"v1": 3}}, DIFFERED, "false"),
        ({"authz": {"v1": 1, "v2": 2}}, DIFFERED, "false"),  # two are no majority worth the name
        ({"authz": {"v2": 3, "v1": 3}}, DIFFERED, "false"),
        (SKEWED, COMPARED, "false"),
        (SKEWED, KNOWN, "unknown WarmingUp"),
        (SKEWED, OPAHistory(), "unknown WarmingUp"),
        (SKEWED, OPAHistory(bundles=(BundleHistory("authz", None, HeldFault(NOW - 899, witnessed=True)),)), "false"),
        (SKEWED, DIFFERED, "true"),
        (SKEWED, OPAHistory(bundles=(BundleHistory("authz", None, HeldFault(NOW - 900, witnessed=False)),)), "true"),
        (
            SKEWED,
            OPAHistory(bundles=(BundleHistory("authz", None, HeldFault(NOW - 9, witnessed=False)),)),
            "unknown WarmingUp",
        ),
    ],
)
def test_a_revision_is_compared_with_that_of_most_peers(
    vote_counts: Any, history: OPAHistory, expected: str | None
) -> None:
    found = said(look_at(bundle(), history=history, vote_counts=vote_counts)).get("OPARevisionSkew/authz")

    assert found == ("true RevisionDiffers" if expected == "true" else expected)


def test_a_single_check_cannot_show_that_a_revision_stays_different() -> None:
    assert said(look_at(bundle(), vote_counts=SKEWED, once=True))["OPARevisionSkew/authz"] == "unknown NotHeldYet"


def test_each_bundle_casts_a_ballot_for_its_opa() -> None:
    assert look_at(bundle()).votes == (("authz", "http://127.0.0.1:8181", "v1"),)


def test_an_opa_without_status_plugin_or_bundles_has_no_condition_of_bundles() -> None:
    assert not [name for name in judged(*WELL) if "Bundle" in name or "Revision" in name]


@pytest.mark.parametrize("why", [Unknown.UNAUTHORIZED, Unknown.MALFORMED, Unknown.SOURCE_FAILED])
def test_a_status_that_cannot_be_had_leaves_its_bundles_unknown(why: Unknown) -> None:
    known = StatusReport(at=NOW, clock=NOW, bundles=(bundle(),)).failed(NOW, why)
    unknown = StatusReport(at=NOW, clock=NOW, unknown=why)

    found = said(PROBE.judge(reading(*WELL, report=known), KNOWN, context(vote_counts={"authz": {"v1": 3}})))
    assert found["OPABundleStale/authz"] == found["OPARevisionSkew/authz"] == f"unknown {why}"
    assert found["OPAUnreachable"] == "false"
    assert said(PROBE.judge(reading(*WELL, report=unknown), KNOWN, context()))["OPABundleStale"] == f"unknown {why}"


@pytest.mark.parametrize(("age", "told"), [(450.0, "false"), (451.0, "unknown Stale")])
def test_a_status_that_is_not_asked_for_any_more_says_nothing_after_three_times_its_pause(
    age: float, told: str
) -> None:
    report = StatusReport(at=NOW - age, clock=NOW - age, bundles=(bundle(last_success=NOW - age),))
    broken = reading(*WELL, ("slow", Expected.DENY, Actual.UNREACHABLE), report=report)
    judged = PROBE.judge(broken, KNOWN, context(vote_counts={"authz": {"v1": 3}}))
    found = said(judged)
    assert found["OPABundleStale/authz"] == found["OPARevisionSkew/authz"] == told
    assert bool(judged.votes) == bool(judged.samples) == (told == "false")
    if told != "false":
        assert {each.text for each in judged.verdicts if each.reason == Unknown.STALE} == {
            "OPA was not asked for its status recently: a question before it breaks the connection each time."
        }


def test_bundles_of_an_opa_that_does_not_answer_are_unknown_by_name() -> None:
    report = StatusReport(at=NOW - 60, clock=NOW - 60, bundles=(bundle(),))
    away = reading(deny(Actual.UNREACHABLE), report=report, fault=Fault.REFUSED)
    evaluation = PROBE.judge(away, KNOWN, context())

    assert said(evaluation)["OPABundleStale/authz"] == "unknown SourceFailed"
    assert (evaluation.samples, evaluation.votes, evaluation.history.bundles) == ((), (), KNOWN.bundles)


def test_bundles_are_exported() -> None:
    samples = look_at(bundle(), bundle(name="new", last_activation=0.0, last_success=0.0)).samples

    assert [(each.metric.name, each.value, each.labels) for each in samples] == [
        ("opa_bundle_info", 1, ("authz", "v1")),
        ("opa_bundle_last_success_timestamp_seconds", NOW - 10, ("authz",)),
    ]


def status_body(**fields: object) -> bytes:
    return json.dumps({"result": {"bundles": {"authz": fields}}}).encode()


def test_a_status_is_read_as_go_writes_it() -> None:
    body = status_body(
        active_revision="v1",
        last_successful_request="2026-11-23T10:00:00.123456789Z",
        last_successful_activation="2026-11-23T09:00:00Z",
        last_request="2026-11-23T10:00:01Z",
        errors=[{"code": "rego_parse_error", "message": "no if", "location": {"file": "a.rego", "row": 3, "col": 1}}],
        code="bundle_error",
        message="m",
    )
    (found,) = read_status(200, body, NOW, NOW).bundles

    assert found == OPABundle(
        name="authz",
        revision="v1",
        last_success=1795428000.123456,
        last_activation=1795424400.0,
        fetched=False,
        rejected=True,
        code="bundle_error",
        message="m",
        flaw="a.rego:3: no if (rego_parse_error)",
    )


@pytest.mark.parametrize(
    ("errors", "message", "flaw"),
    [
        ([{"code": "c", "message": "m", "location": {"row": 3, "col": 1}}], "", "line 3: m (c)"),
        ([{"code": "c", "message": "m", "location": None}, {}], "", "m (c), and 1 more"),
        ([{"message": "half \ud800 of\na pair"}], "", "half ? of a pair"),
        ([{"message": "x" * 9999}] * 3, "", f"{'x' * 200}, and 2 more"),
        ([{"message": 5}], "error(s) occurred", ""),
        ([5], "", ""),
        ({"message": "m"}, "", ""),
        ([], "bundle read failed: archive read failed: gzip: invalid header", None),
        ([], "bundle load failed on data.json: unexpected token", None),
        ([], "bundle missing .signatures.json file", None),
        ([], "failed to verify JWT signature: no", None),
        ([], "manifest has overlapped roots: 'a' and 'a/b'", None),
        ([], "authz.rego: digest mismatch (want: 1, got: 2)", None),
        ([], "request failed: dial tcp: lookup bundle read failed: no such host", ""),
        ([], "server replied with Not Found", ""),
        ([], "failed to pull authz: 404", ""),
        ([], "mkdir /.opa: read-only file system", ""),
    ],
)
def test_why_a_bundle_that_came_cannot_be_used_is_read_from_the_errors_or_else_from_the_message(
    errors: object, message: str, flaw: str | None
) -> None:
    (found,) = read_status(200, status_body(code="bundle_error", message=message, errors=errors), NOW, NOW).bundles
    assert found.flaw == (message if flaw is None else flaw)


def test_the_zero_time_of_go_means_never() -> None:
    zero = "0001-01-01T00:00:00Z"
    (found,) = read_status(
        200, status_body(last_successful_request=zero, last_successful_activation=zero), 0, 0
    ).bundles

    assert (found.last_success, found.activated) == (0.0, False)


def test_long_names_and_revisions_are_cut_and_stay_distinct() -> None:
    bundles = {"b" * 300 + end: {"active_revision": "r" * 300 + end} for end in "xy"}
    report = read_status(200, json.dumps({"result": {"bundles": bundles}}).encode(), NOW, NOW)
    assert [(len(each.name), len(each.revision)) for each in report.bundles] == [(200, 200)] * 2
    assert len({each.name for each in report.bundles}) == len({each.revision for each in report.bundles}) == 2


def test_a_thousand_bundles_are_read_whatever_stands_after_them() -> None:
    status = thousand_bundles(length=10)[:-2] + b',"metrics":[' + b"[]," * 40_000 + b"[]]}}"
    assert len(read_status(200, status, NOW, NOW).bundles) == 1000


@pytest.mark.parametrize(
    ("status", "body", "unknown"),
    [
        (200, b'{"result": {}}', None),
        (200, b'{"result": {"bundles": {}}}', None),
        (200, b'{"result": {"bundles": null}}', None),
        (404, b"404 page not found\n", None),  # an OPA from before there was a status
        (404, b"", Unknown.MALFORMED),
        (404, b"<html><h1>404 page not found</h1>nginx</html>", Unknown.MALFORMED),
        (500, b"status plugin not enabled", Unknown.SOURCE_FAILED),
        (500, b'{"code": "internal_error", "message": "status plugin not enabled"}', None),
        (500, b'{"code": "internal_error", "message": "else"}', Unknown.SOURCE_FAILED),
        (502, b"", Unknown.SOURCE_FAILED),
        (401, b"", Unknown.UNAUTHORIZED),
        (403, b"", Unknown.UNAUTHORIZED),
        (200, b"<html>", Unknown.MALFORMED),
        (200, b"{}", Unknown.MALFORMED),
        (200, b'{"result": null}', Unknown.MALFORMED),
        (200, b'{"result": {"bundles": []}}', Unknown.MALFORMED),
        (200, b'{"result": {"bundles": {"a": 1}}}', Unknown.MALFORMED),
        (200, b"[" * 10_000 + b"]" * 10_000, Unknown.MALFORMED),
        (200, status_body(last_successful_request="yesterday"), Unknown.MALFORMED),
        (200, status_body(last_successful_request=12), Unknown.MALFORMED),
        (200, status_body(last_successful_request="2026-11-23T10:00:00"), Unknown.MALFORMED),
        (200, tiny_keys_status(), Unknown.MALFORMED),
        (200, tiny_values(), Unknown.MALFORMED),
        (200, thousand_bundles(), Unknown.MALFORMED),
        (200, b'{"result":{"labels":[' + b"[]," * 40_000 + b'[]],"bundles":{}}}', Unknown.MALFORMED),
        (200, rb'{"result": {"bundles": {"\ud800": {}}}}', Unknown.MALFORMED),
        (200, status_body(active_revision="\ud800"), Unknown.MALFORMED),
        (200, json.dumps({"result": {"bundles": {str(n): {} for n in range(1001)}}}).encode(), Unknown.MALFORMED),
    ],
)
def test_a_status_without_bundles_is_read_or_refused(status: int, body: bytes, unknown: Unknown | None) -> None:
    report = read_status(status, body, NOW, NOW)

    assert (report.unknown, report.bundles) == (unknown, ())


@given(bundles=st.dictionaries(st.text(max_size=9), json_values(st.none() | st.text() | st.floats() | st.integers())))
def test_any_status_is_read_without_an_exception(bundles: dict[str, Any]) -> None:
    report = read_status(200, json.dumps({"result": {"bundles": bundles}}).encode(), NOW, NOW)

    assert report.unknown in (None, Unknown.MALFORMED)


@given(
    before=st.dictionaries(st.sampled_from(["labels", "plugins"]), json_values(st.text() | st.integers())),
    name=st.text(max_size=9),
    after=json_values(st.text() | st.floats(allow_nan=False)),
    indent=st.sampled_from([None, 1]),
)
def test_bundles_are_found_whatever_stands_around_them(
    before: dict[str, Any], name: str, after: Any, indent: int | None
) -> None:
    said = {"result": {**before, "bundles": {name: {"active_revision": "v1"}}, "metrics": after}}

    (found,) = read_status(200, json.dumps(said, indent=indent).encode(), NOW, NOW).bundles
    assert (found.name, found.revision) == (name, "v1")


def test_labels_that_are_named_bundles_are_not_taken_for_them() -> None:
    labels = {"bundles": {"x": {}}, 'say "bundles":': '"bundles":{}'}
    body = json.dumps({"result": {"labels": labels, "bundles": {"authz": {}}}}).encode()

    assert [each.name for each in read_status(200, body, NOW, NOW).bundles] == ["authz"]


@given(status=st.integers(100, 599), body=st.binary())
def test_any_bytes_are_read_as_a_status_without_an_exception(status: int, body: bytes) -> None:
    assert not read_status(status, body, NOW, NOW).bundles


ROWS = st.tuples(
    st.sampled_from(["a", "b", "c"]), st.sampled_from([Expected.ALLOW, Expected.DENY]), st.sampled_from(Actual)
)
BUNDLES = st.builds(
    OPABundle,
    name=st.sampled_from(["x", "y"]),
    revision=st.sampled_from(["", "v1", "v2"]),
    last_success=st.floats(0, 2 * NOW),
    last_activation=st.sampled_from([0.0, NOW - 10]),
    fetched=st.booleans(),
    rejected=st.booleans(),
    code=st.sampled_from(["", "bundle_error"]),
)


@given(
    rows=st.lists(ROWS, min_size=1, max_size=5, unique_by=lambda row: row[0]),
    bundles=st.lists(BUNDLES, max_size=2, unique_by=lambda each: each.name),
    fault=st.sampled_from([None, *Fault]),
    unknown=st.sampled_from([None, Unknown.UNAUTHORIZED]),
    flags=st.fixed_dictionaries({name: st.booleans() for name in ("reached", "isolated", "held_up", "once")}),
    votes=st.none() | st.dictionaries(st.sampled_from(["", "v1", "v2"]), st.integers(1, 9)),
)
def test_whatever_a_look_saw_each_condition_is_said_once(
    rows: list[Row],
    bundles: list[OPABundle],
    fault: Fault | None,
    unknown: Unknown | None,
    flags: dict[str, bool],
    votes: dict[str, int] | None,
) -> None:
    silent = all(actual is Actual.UNREACHABLE for _, _, actual in rows)
    report = StatusReport(at=NOW, clock=NOW, bundles=tuple(bundles), unknown=unknown)
    seen = reading(*rows, report=report, fault=fault if silent else None, error="It broke." if silent else "")
    vote_counts = None if votes is None else {"x": votes, "y": votes}
    evaluation = PROBE.judge(seen, OPAHistory(), context(vote_counts=vote_counts, **flags))

    keys = [(each.kind, each.subject) for each in evaluation.verdicts]
    assert len(keys) == len(set(keys))
    assert {kind for kind, _ in keys} <= set(PROBE.conditions)
    allowed = any(expected is Expected.DENY and actual is Actual.ALLOW for _, expected, actual in rows)
    found = said(evaluation)
    assert (found.get("OPAWrongAllow") == "true CanaryAllowed") is allowed
    if silent:
        assert not [each for each in evaluation.verdicts if each.status is Status.FALSE]
    assert (
        TypeAdapter(OPAHistory).validate_json(TypeAdapter(OPAHistory).dump_json(evaluation.history)).ticks is not None
    )


def test_what_is_remembered_survives_the_state_file_but_for_what_was_counted() -> None:
    history = OPAHistory((2500,), (BundleHistory("authz", HeldFault(NOW, witnessed=True)),), ("foreign-caller",))
    adapter = TypeAdapter(OPAHistory)

    assert adapter.validate_json(adapter.dump_json(history)) == replace(history, counted=())


def test_counters_of_a_canary_exist_at_zero_from_its_first_look() -> None:
    first = PROBE.judge(reading(*WELL), OPAHistory(), context())
    second = PROBE.judge(reading(*WELL), first.history, context())

    counted = [each for each in first.observations if each.metric is CANARY_TOTAL]
    assert len([each for each in counted if each.value == 0]) == 2 * len(Actual)
    assert [each.labels for each in second.observations if each.metric is CANARY_TOTAL] == [
        ("foreign-caller", "deny", "deny"),
        ("empty-input", "not_allow", "deny"),
    ]
    assert [each.value for each in second.observations if each.metric is DECISION_DURATION] == [0.002, 0.002]


def test_an_answer_that_another_look_had_is_judged_but_not_counted() -> None:
    shared = CanaryAnswer("foreign-caller", Expected.DENY, Reply(actual=Actual.ALLOW, seconds=0.1), fresh=False)
    evaluation = PROBE.judge(replace(reading(), answers=(shared,)), OPAHistory(counted=("foreign-caller",)), context())

    assert said(evaluation)["OPAWrongAllow"] == "true CanaryAllowed"
    assert evaluation.observations == ()


def asked(text: Question, target: Target = TARGET) -> Any:
    body = text.body(facts_of(target))
    return None if body is None else json.loads(body)["input"]


def test_what_a_canary_knows_of_its_target_is_filled_in_everywhere() -> None:
    canary = Canary(
        name="c",
        expect="allow",
        input={"who": "${spiffe_id}", "deep": [{"${agent}": "a ${namespace}/${agent} b"}, 1, None], "cost": "$5 {x}"},
    )

    assert asked(question(canary)) == {
        "who": "spiffe://example.org/agent/search",
        "deep": [{"search": "a prod/search b"}, 1, None],
        "cost": "$5 {x}",
    }


@given(st.text(min_size=1))
def test_whatever_an_agent_is_called_the_question_stays_json(agent: str) -> None:
    target = replace(TARGET, key=TargetKey("prod", agent, "search-0"))

    assert asked(question(Canary(name="c", expect="deny", input={"a": "<${agent}>"})), target) == {"a": f"<{agent}>"}


def test_a_canary_that_needs_a_spiffe_id_is_not_asked_where_there_is_none() -> None:
    target = replace(TARGET, spiffe_ids=())

    assert asked(question(Canary(name="c", expect="allow", input={"a": "${spiffe_id}"})), target) is None
    assert all(asked(builtin, target) is not None for builtin in BUILTIN)


def test_the_foreign_caller_is_of_no_trust_domain_that_exists_and_calls_into_that_of_the_target() -> None:
    given = asked(BUILTIN[0])

    assert given["caller_spiffe_id"].startswith("spiffe://canary.invalid/agent/")
    assert given["caller_trust_domain"] == "canary.invalid"
    assert given["resource_spiffe_id"] == given["callee_spiffe_id"] == "spiffe://example.org/agent/worker"
    assert given["action"] == "__agentweave_watch_canary__"


def test_agents_that_share_a_trust_domain_are_asked_the_same_built_in_questions() -> None:
    other = replace(TARGET, key=TargetKey("prod", "index", "i-0"), spiffe_ids=("spiffe://example.org/agent/index",))

    assert [asked(each) for each in BUILTIN] == [asked(each, other) for each in BUILTIN]


def test_built_in_canaries_are_wanted_unless_switched_off() -> None:
    own = Canary(name="c", expect="deny", input={})

    assert [each.canary for each in PROBE.wants(OPALimits(canaries=(own,)))] == ["foreign-caller", "empty-input", "c"]  # type: ignore[attr-defined]  # what is wanted is an object to the daemon
    assert PROBE.wants(OPALimits(canaries=(own,), builtin_canaries=False)) == (question(own),)


@pytest.mark.parametrize(
    "canaries",
    [
        [{"name": "a", "expect": "allow", "input": {}}, {"name": "a", "expect": "deny", "input": {}}],
        [{"name": "foreign-caller", "expect": "deny", "input": {}}],
        [{"name": "a", "expect": "undefined", "input": {}}],
        [{"name": "a", "expect": "allow"}],
        [{"name": "", "expect": "allow", "input": {}}],
        [{"name": "a\nb", "expect": "allow", "input": {}}],
        [{"name": "a", "expect": "allow", "input": {"x": "${spiffeid}"}}],
        [{"name": "a", "expect": "allow", "input": {"x": float("inf")}}],
        [{"name": "a", "expect": "allow", "input": {}, "agent": "x"}],
    ],
)
def test_canaries_that_cannot_be_asked_or_told_apart_are_refused(canaries: list[dict[str, object]]) -> None:
    with pytest.raises(ValidationError):
        OPALimits.model_validate({"canaries": canaries})


def test_evidence_is_capped_json() -> None:
    rows = [(f"canary-{number}", Expected.DENY, Actual.DENY) for number in range(100)]
    bundles = tuple(bundle(name=str(number)) for number in range(1000))
    seen = reading(*rows, report=StatusReport(at=NOW, clock=NOW, bundles=bundles))

    assert len(json.dumps(seen.evidence())) < 20_000


@pytest.mark.parametrize(
    ("fault", "error", "result"),
    [(None, "", "ok"), (None, "HTTP 502.", "error"), (Fault.STALLED, "Too late.", "timeout")],
)
def test_a_look_ends_as_its_questions_did(fault: Fault | None, error: str, result: str) -> None:
    assert OPAReading(fault=fault, error=error).result == result
