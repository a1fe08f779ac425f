"""What the probe `opa` says, to the word."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from probes.contract import Evaluation, EvaluationContext, Fault, Target, TargetKey
from probes.opa import PROBE, OPAHistory, OPALimits
from probes.opa.bundles import BundleHistory, HeldFault
from probes.readings.decision import Actual, CanaryAnswer, Expected, OPAReading, Reply, read_reply
from probes.readings.opa_status import OPABundle, StatusReport

NOW = 1_795_424_400.0
TARGET = Target(key=TargetKey("prod", "search", "search-0"), opa="http://127.0.0.1:8181")
ALLOW, DENY, NOT_ALLOW = Expected.ALLOW, Expected.DENY, Expected.NOT_ALLOW
NO_DECISION = "The result is neither true, false nor an object with a boolean `allow`."
NO_SUCH = b'{"code": "internal_error", "errors": [{"message": "rules conflict"}]}'
IN_A_FILE = b"""{"code": "internal_error", "message": "error(s) occurred while evaluating query", "errors": [
    {"code": "eval_conflict_error", "message": "rules conflict", "location": {"file": "a.rego", "row": 3, "col": 1}},
    {"code": "eval_conflict_error", "message": "and again"}]}"""


def judged(reading: OPAReading, history: OPAHistory | None = None, **more: Any) -> Evaluation[OPAHistory]:
    context = EvaluationContext(
        target=TARGET, limits=OPALimits(), now=NOW, date=NOW, interval=30.0, endpoint="opa", reached=True, **more
    )
    return PROBE.judge(reading, history or OPAHistory(), context)


def said(evaluation: Evaluation[OPAHistory]) -> dict[str, str]:
    return {each.kind.name: each.text for each in evaluation.verdicts}


def answered(*answers: tuple[Expected, str], seconds: float = 0.002) -> OPAReading:
    """Canaries c1, c2..., of which this was expected and that was answered."""
    bodies = {"allow": b'{"result": true}', "deny": b'{"result": false}', "undefined": b"{}"}
    return OPAReading(
        answers=tuple(
            CanaryAnswer(f"c{number}", expected, read_reply(200, bodies[actual], seconds))
            for number, (expected, actual) in enumerate(answers, 1)
        )
    )


@pytest.mark.parametrize(
    ("condition", "reading", "sentence"),
    [
        ("OPAWrongAllow", answered((DENY, "allow"), (NOT_ALLOW, "allow")), "Allowed, but must be denied: c1, c2."),
        ("OPAWrongAllow", answered(*[(DENY, "allow")] * 6), "Allowed, but must be denied: c1, c2, c3, c4, c5."),
        ("OPAWrongDeny", answered((DENY, "deny"), (ALLOW, "deny")), "Denied, but must be allowed: c2."),
        (
            "OPAPolicyMissing",
            answered((DENY, "undefined")),
            (
                "OPA has nothing at /v1/data/agentweave/authz/allow: "
                "every canary is undefined (HTTP 200 without a result)."
            ),
        ),
        (
            "OPADefaultMissing",
            answered((DENY, "undefined"), (ALLOW, "allow"), (DENY, "undefined")),
            "Undefined, while others are decided: c1, c3.",
        ),
        (
            "OPADecisionSlow",
            answered(*[(DENY, "deny")] * 20, seconds=0.25),
            "The p95 of 20 decisions is 250ms, above 100ms.",
        ),
    ],
)
def test_every_verdict_on_decisions_says_exactly_this(condition: str, reading: OPAReading, sentence: str) -> None:
    assert said(judged(reading))[condition] == sentence


@pytest.mark.parametrize(
    ("canary", "status", "body", "sentence"),
    [
        ("c1", 500, NO_SUCH, "c1: OPA could not evaluate the policy: rules conflict"),
        (
            "c1",
            500,
            IN_A_FILE,
            "c1: OPA could not evaluate the policy: a.rego:3: rules conflict (eval_conflict_error), and 1 more",
        ),
        ("c1", 200, b'{"result": 1}', f"c1: {NO_DECISION}"),
        ("c1", 200, b"[]", "c1: HTTP 200, but no JSON object."),
        ("", 404, b"", "the question: HTTP 404 is not a decision."),
    ],
)
def test_an_answer_that_is_no_decision_is_said_to_be_none(canary: str, status: int, body: bytes, sentence: str) -> None:
    answers = [CanaryAnswer(canary, DENY, read_reply(status, body, 0.002))]
    assert said(judged(OPAReading(answers=(*answers, *answers))))["OPADecisionError"] == sentence


@pytest.mark.parametrize(
    ("fault", "impaired", "error"),
    [
        (Fault.REFUSED, False, "127.0.0.1:8181 refused the connection."),
        (None, False, "HTTP 502, and not by OPA itself."),
        (Fault.OURS, True, "Too many open files."),
    ],
)
def test_an_opa_without_an_answer_is_told_as_the_network_tells_it(
    fault: Fault | None, impaired: bool, error: str
) -> None:
    reply = Reply(actual=Actual.UNREACHABLE, fault=fault, impaired=impaired, error=error)
    reading = OPAReading(answers=(CanaryAnswer("c1", DENY, reply),), fault=fault, error=error)
    assert said(judged(reading))["OPAUnreachable"] == error


FETCHED = {"last_success": NOW - 10, "last_activation": NOW - 3600}
LATELY = "OPA fetched the bundle within `bundle_stale_after`, and reports no error that is older."
YOUNG = BundleHistory("authz", HeldFault(NOW - 899, witnessed=True))
FLAW = "authz.rego:5: `if` keyword is required before rule body (rego_parse_error), and 2 more"
REJECTED = {
    "code": "bundle_error",
    "message": "error(s) occurred while compiling module(s)",
    "rejected": True,
    "flaw": FLAW,
}


def with_bundle(facts: Mapping[str, Any], history: BundleHistory | None = None, **more: Any) -> dict[str, str]:
    bundle = OPABundle(name="authz", **{"revision": "v1", **FETCHED, **facts})
    reading = replace(answered((DENY, "deny")), report=StatusReport(at=NOW, clock=NOW, bundles=(bundle,)))
    return said(judged(reading, OPAHistory(bundles=(history,) if history else ()), **more))


@pytest.mark.parametrize("once", [False, True])
@pytest.mark.parametrize(
    ("facts", "history", "sentence"),
    [
        ({"last_success": NOW - 901}, None, "OPA last fetched the bundle 15m1s ago."),
        (
            {"last_success": NOW - 90061, "code": "bundle_error", "message": "server replied with 503"},
            None,
            "OPA last fetched the bundle 1d1h ago (bundle_error: server replied with 503).",
        ),
        ({"last_success": 0.0, "last_activation": 0.0}, None, "OPA has never fetched the bundle."),
        (
            {"last_success": 0.0, "last_activation": 0.0, "code": "bundle_error", "message": "request failed: refused"},
            None,
            "OPA has never fetched the bundle (bundle_error: request failed: refused).",
        ),
        (
            {"last_success": 0.0, "last_activation": 0.0, **REJECTED},
            None,
            f"OPA fetches the bundle and cannot use it: {FLAW}. No version of it was ever active in this OPA.",
        ),
        (
            {"last_success": 0.0, **REJECTED},
            None,
            (
                f"OPA fetches the bundle and cannot use it: {FLAW}. "
                "What still runs is the copy that OPA kept on disk, revision v1."
            ),
        ),
        (
            {"last_success": 0.0, "revision": "", **REJECTED},
            None,
            (f"OPA fetches the bundle and cannot use it: {FLAW}. What still runs is the copy that OPA kept on disk."),
        ),
        (
            {"last_success": 0.0, "code": "bundle_error", "message": "server replied with Not Found"},
            None,
            (
                "OPA has not fetched the bundle since it started (bundle_error: server replied with Not Found). "
                "What still runs is the copy that OPA kept on disk, revision v1."
            ),
        ),
        (
            {"last_success": 0.0},
            None,
            (
                "OPA has not fetched the bundle since it started. "
                "What still runs is the copy that OPA kept on disk, revision v1."
            ),
        ),
        (
            {"last_success": NOW - 1000, **REJECTED},
            None,
            (f"OPA fetches the bundle and cannot use it: {FLAW}. What still runs is revision v1, activated 1h0m ago."),
        ),
        (
            {"last_success": NOW - 1000, "revision": "", **REJECTED},
            None,
            (
                f"OPA fetches the bundle and cannot use it: {FLAW}. "
                "What still runs is a version without a revision, activated 1h0m ago."
            ),
        ),
        (
            REJECTED,
            BundleHistory("authz", HeldFault(NOW - 900, witnessed=True)),
            (f"OPA fetches the bundle and cannot use it: {FLAW}. What still runs is revision v1, activated 1h0m ago."),
        ),
        (
            {"code": "bundle_error", "message": "mkdir /.opa: read-only file system"},
            BundleHistory("authz", HeldFault(NOW - 900, witnessed=True)),
            "OPA reports an error: bundle_error: mkdir /.opa: read-only file system",
        ),
        (
            REJECTED,
            None,
            (f"OPA fetches the bundle and cannot use it: {FLAW}. What still runs is revision v1, activated 1h0m ago."),
        ),
        ({}, None, f"authz: {LATELY}"),
        (REJECTED, YOUNG, f"authz: {LATELY} What it fetches now it cannot use: {FLAW}."),
        (
            {"code": "bundle_error", "message": "mkdir /.opa: read-only file system"},
            YOUNG,
            f"authz: {LATELY} OPA reports an error now: bundle_error: mkdir /.opa: read-only file system",
        ),
    ],
)
def test_every_verdict_on_the_age_of_a_bundle_says_exactly_this(
    facts: Mapping[str, Any], history: BundleHistory | None, sentence: str, once: bool
) -> None:
    assert with_bundle(facts, history, once=once)["OPABundleStale"] == sentence


AS_MOST = (
    "The active revision is that of most OPAs of the agent, there is no majority, or it has differed for less "
    "than 15 minutes."
)
DIFFERS = "The active revision is v1, most OPAs of the agent have v2."
DIFFERED = BundleHistory("authz", None, HeldFault(NOW - 900, witnessed=True), compared=True)


@pytest.mark.parametrize(
    ("revision", "votes", "history", "sentence"),
    [
        ("v1", {"v2": 3, "v1": 1}, DIFFERED, DIFFERS),
        ("v1", {"v2": 3, "v1": 1}, None, DIFFERS),
        (
            "v1",
            {"v2": 3, "v1": 1},
            BundleHistory("authz", None, HeldFault(NOW - 899, witnessed=True), compared=True),
            f"authz: {AS_MOST} {DIFFERS}",
        ),
        ("", {"v2": 3, "": 1}, DIFFERED, "The active revision is none, most OPAs of the agent have v2."),
        ("v1", {"": 3, "v1": 1}, DIFFERED, "The active revision is v1, most OPAs of the agent have none."),
        ("v1", None, DIFFERED, "Not all of its peers have been probed yet."),
        ("v1", {"v1": 1}, None, "Not all of its peers have been probed yet."),
        (
            "v1",
            {"v1": 3},
            None,
            f"authz: {AS_MOST}",
        ),
    ],
)
def test_every_verdict_on_a_revision_says_exactly_this(
    revision: str, votes: Mapping[str, int] | None, history: BundleHistory | None, sentence: str
) -> None:
    told = with_bundle({"revision": revision}, history, vote_counts=None if votes is None else {"authz": votes})
    assert told["OPARevisionSkew"] == sentence


def test_an_opa_that_decides_rightly_is_said_to_do_so() -> None:
    reading = replace(answered((ALLOW, "allow"), *[(DENY, "deny")] * 19), report=StatusReport(at=NOW, clock=NOW))
    assert said(judged(reading)) == {kind.name: kind.all_clear for kind in PROBE.conditions[:-2]}
