"""What an OPA answers decides: pass, fail and unknown of each control, with its sentence."""

import pytest

from probes.contract import Unknown
from probes.controls.evidence import OPALook, Seen
from probes.controls.finding import State
from probes.readings.decision import Actual, DecisionLogs, Expected, OPAReading, read_decision_logs
from tests.probes.controls.judges.configs import changed, file_of
from tests.probes.controls.judges.known.pods import (
    ALLOWED,
    DENIED,
    EMPTY,
    NO_ANSWER,
    answer,
    finding,
    in_turn,
    only,
    opa,
    said,
    true,
    unknown,
)
from tests.probes.controls.made import NOW

DENY, REVIEWED = "security.authz.default-deny", "security.authz.opa-policies-reviewed"
WORKS, LOADED, REACHABLE = (
    "predeploy.smoke.authorization-works",
    "predeploy.opa.policy-loaded",
    "predeploy.opa.reachable",
)
TESTED, AFTER, NO_ERRORS = (
    "testing.integration.authz-flows-tested",
    "postdeploy.short.authorization-working",
    "postdeploy.long.no-opa-errors",
)
JUDGED = (DENY, REVIEWED, WORKS, LOADED, REACHABLE, TESTED, AFTER)

WELL = opa(DENIED, EMPTY, ALLOWED)
STRANGER = opa(answer("foreign-caller", Expected.DENY, Actual.ALLOW), EMPTY, ALLOWED)
NOBODY = opa(DENIED, answer("empty-input", Expected.NOT_ALLOW, Actual.ALLOW), ALLOWED)
LOCKED = opa(DENIED, EMPTY, answer("search-may-index", Expected.ALLOW, Actual.DENY))
EMPTY_PATH = opa(
    *(answer(each.canary, each.expected, Actual.UNDEFINED) for each in (DENIED, EMPTY, ALLOWED)),
)
NO_DEFAULT = opa(answer("foreign-caller", Expected.DENY, Actual.UNDEFINED), EMPTY, ALLOWED)
REFUSED = opa(*NO_ANSWER, verdict=true("OPAUnreachable", "ConnectionRefused"))
LOOPBACK = opa(*NO_ANSWER, verdict=unknown("OPAUnreachable", Unknown.NEVER_REACHED))
OURS = opa(*NO_ANSWER, verdict=unknown("OPAUnreachable", Unknown.WATCHER_IMPAIRED))
FORBIDDEN = opa(
    answer("foreign-caller", Expected.DENY, Actual.ERROR, 403, "The watcher is not allowed to ask (HTTP 403)."),
    verdict=unknown("OPAUnreachable", Unknown.UNAUTHORIZED),
)
BROKEN = opa(answer("foreign-caller", Expected.DENY, Actual.ERROR, 500, "OPA could not evaluate the policy: x"))


@pytest.mark.parametrize(
    ("control", "seen", "told"),
    [
        (DENY, WELL, "Denied, as it must be: foreign-caller."),
        (WORKS, WELL, "Decided as they must be: search-may-index, foreign-caller."),
        (LOADED, WELL, "Decided at the decision path: foreign-caller, search-may-index."),
        (LOADED, NO_DEFAULT, "Decided at the decision path: search-may-index."),
        (REACHABLE, WELL, "OPA answers with HTTP 200."),
        (REACHABLE, EMPTY_PATH, "OPA answers with HTTP 200."),
        (NO_ERRORS, opa(looks=100, undecided=1), "99 of 100 looks of the last day got a decision."),
    ],
)
def test_an_opa_that_decides_as_it_must_is_good(control: str, seen: OPALook, told: str) -> None:
    assert only(control, seen) == ("good", "", told)


@pytest.mark.parametrize(
    ("control", "seen", "told"),
    [
        (DENY, STRANGER, "Allowed, but must be denied: foreign-caller."),
        (DENY, NOBODY, "Allowed, but must be denied: empty-input."),
        (REVIEWED, STRANGER, "Allowed, but must be denied: foreign-caller."),
        (WORKS, STRANGER, "Allowed, but must be denied: foreign-caller."),
        (WORKS, LOCKED, "Denied, but must be allowed: search-may-index."),
        (TESTED, STRANGER, "Allowed, but must be denied: foreign-caller."),
        (TESTED, LOCKED, "Denied, but must be allowed: search-may-index."),
        (AFTER, LOCKED, "Denied, but must be allowed: search-may-index."),
        (LOADED, EMPTY_PATH, "Every canary is undefined: nothing is loaded at the decision path."),
        (REACHABLE, REFUSED, "OPAUnreachable is true."),
        (NO_ERRORS, opa(looks=100, undecided=2), "2 of 100 looks of the last day got no decision."),
    ],
)
def test_an_opa_that_decides_wrongly_is_bad(control: str, seen: OPALook, told: str) -> None:
    assert only(control, seen) == ("bad", "", told)


@pytest.mark.parametrize(
    ("control", "seen", "reason"),
    [
        (DENY, EMPTY_PATH, "NoData"),
        (DENY, NO_DEFAULT, "NoData"),
        (DENY, opa(ALLOWED), "NoData"),
        (DENY, opa(ALLOWED, NO_ANSWER[0]), "Unparseable"),
        (WORKS, opa(DENIED, EMPTY), "NoPolicy"),
        (WORKS, NO_DEFAULT, "NoData"),
        (WORKS, EMPTY_PATH, "NoData"),
        (LOADED, opa(EMPTY), "NoData"),
        (REACHABLE, LOOPBACK, "Unreachable"),
        (REACHABLE, BROKEN, "Unparseable"),
        (REACHABLE, FORBIDDEN, "Forbidden"),
        (REACHABLE, opa(*NO_ANSWER, verdict=unknown("OPAUnreachable", Unknown.WARMING_UP)), "Observing"),
        (NO_ERRORS, opa(looks=99), "Observing"),
    ],
)
def test_an_opa_that_leaves_it_open_says_why(control: str, seen: OPALook, reason: str) -> None:
    assert only(control, seen)[:2] == ("unclear", reason)


@pytest.mark.parametrize("control", [each for each in JUDGED if each != REACHABLE])
@pytest.mark.parametrize(
    ("seen", "reason"),
    [(REFUSED, "Unreachable"), (LOOPBACK, "Unreachable"), (OURS, "Unreachable"), (FORBIDDEN, "Forbidden")],
)
def test_an_opa_that_is_not_asked_decides_nothing(control: str, seen: OPALook, reason: str) -> None:
    assert only(control, seen)[:2] == ("unclear", reason)


@pytest.mark.parametrize("control", [REVIEWED, TESTED, AFTER])
def test_what_can_only_refute_is_silent_where_all_is_well(control: str) -> None:
    assert said(control, WELL) == []


@pytest.mark.parametrize("control", [DENY, WORKS, LOADED, REACHABLE])
def test_the_verdicts_of_a_good_opa_a_bad_one_and_one_that_only_we_do_not_reach(control: str) -> None:
    bad = {LOADED: EMPTY_PATH, REACHABLE: REFUSED}.get(control, STRANGER)
    assert finding(control, WELL).state is State.PASS
    assert finding(control, bad).state is State.FAIL
    assert finding(control, OURS).state is State.UNKNOWN


def test_a_wrong_allow_fails_at_the_first_look_and_a_wrong_deny_at_the_second() -> None:
    assert in_turn(WORKS, STRANGER).state is State.FAIL
    assert in_turn(WORKS, LOCKED).reason == "Observing"
    assert in_turn(WORKS, LOCKED, LOCKED).state is State.FAIL
    assert in_turn(DENY, STRANGER).state is State.FAIL


@pytest.mark.parametrize(
    ("control", "bad"), [(DENY, STRANGER), (WORKS, LOCKED), (LOADED, EMPTY_PATH), (REVIEWED, STRANGER)]
)
def test_an_opa_that_can_no_longer_be_asked_leaves_a_fail_as_it_is(control: str, bad: OPALook) -> None:
    lost = in_turn(control, bad, bad, OURS)
    assert (lost.state, lost.evidence_lost_since) == (State.FAIL, NOW)
    assert in_turn(control, bad, bad, OURS, WELL).state is not State.FAIL


def test_a_config_that_says_deny_and_an_opa_that_allows_is_declared_and_not_observed() -> None:
    config = Seen(file_of(changed({})), NOW, "config.yaml")
    assert finding(DENY, STRANGER, agent_config=config).reason == "DeclaredNotObserved"


def test_looks_of_the_first_hour_do_not_count() -> None:
    [one] = said(NO_ERRORS, opa(looks=1000), since=NOW - 3599)
    assert (one.reason, one.next_at) == ("Settling", NOW + 1)


AUDIT = "security.authz.audit-logging-enabled"
_NO_AUDIT = Seen(file_of(changed({"authorization.audit.enabled": False})), NOW, "config.yaml")


def recorded(kept: bool | None, status: int = 200) -> OPALook:
    """An OPA that said this of its decision logs ten minutes ago."""
    return opa(DENIED, logs=DecisionLogs(1.0, kept, status), logs_at=NOW - 600)


@pytest.mark.parametrize(
    ("seen", "says", "reason", "told"),
    [
        (recorded(True), "good", "", "OPA's own config has decision logs."),
        (
            recorded(False),
            "unclear",
            "NoData",
            "OPA's own config has no decision logs; whether the agent records is not known.",
        ),
        (recorded(None, 403), "unclear", "Forbidden", "OPA does not show its config (HTTP 403)."),
        (recorded(None), "unclear", "Unparseable", "OPA did not show its config."),
        (recorded(None, 0), "unclear", "Unreachable", "OPA did not show its config."),
        (WELL, "unclear", "Observing", "OPA was not asked yet."),
        (OURS, "unclear", "Unreachable", "OPAUnreachable is unknown."),
    ],
)
def test_the_config_of_opa_tells_whether_decisions_are_recorded(
    seen: OPALook, says: str, reason: str, told: str
) -> None:
    assert only(AUDIT, seen) == (says, reason, told)


def test_nobody_records_where_neither_opa_nor_the_agent_does() -> None:
    silent, again = recorded(False), opa(DENIED, logs=DecisionLogs(2.0, kept=False), logs_at=NOW)
    assert in_turn(AUDIT, silent, silent, agent_config=_NO_AUDIT).state is State.UNKNOWN
    found = in_turn(AUDIT, silent, again, agent_config=_NO_AUDIT)
    assert (found.state, found.message) == (
        State.FAIL,
        "search-0: OPA's own config has no decision logs, and authorization.audit.enabled is false.",
    )
    assert finding(AUDIT, recorded(True)).state is State.PASS
    assert finding(AUDIT, recorded(False)).state is State.UNKNOWN


def test_what_opa_said_of_its_config_grows_old_by_itself() -> None:
    old = opa(DENIED, logs=DecisionLogs(1.0, True, 200), logs_at=NOW - 901)
    assert finding(AUDIT, old).state is State.UNKNOWN


@pytest.mark.parametrize(
    ("status", "body", "kept"),
    [
        (200, b'{"result": {"decision_logs": {"service": "s"}}}', True),
        (200, b'{"result": {"decision_logs": {"plugin": "p"}}}', True),
        (200, b'{"result": {"decision_logs": {"console": true}}}', True),
        (200, b'{"result": {"decision_logs": {}, "services": {"s": {}}}}', True),
        (200, b'{"result": {"decision_logs": {"console": "yes"}}}', False),
        (200, b'{"result": {"services": {"s": {}}}}', False),
        (200, b'{"result": {"decision_logs": null}}', False),
        (200, b'{"result": {"decision_logs": []}}', None),
        (200, b"[]", None),
        (200, b"{", None),
        (404, b'{"result": {}}', None),
    ],
)
def test_a_config_of_opa_is_read_for_its_decision_logs_alone(status: int, body: bytes, kept: bool | None) -> None:
    assert read_decision_logs(status, body, 7.0) == DecisionLogs(7.0, kept, status)


def test_why_there_was_no_decision_is_said_in_the_words_of_the_look() -> None:
    mute = answer("foreign-caller", Expected.DENY, Actual.UNREACHABLE, 0)
    gone = true("OPAUnreachable", "ConnectionRefused")
    assert only(LOADED, opa(mute, verdict=gone))[2] == "OPA gave no decision."
    assert only(LOADED, REFUSED)[2] == "It refused the connection."
    failed = OPALook(OPAReading(answers=(mute,), error="The look failed."), {"OPAUnreachable": (gone,)})
    assert only(LOADED, failed)[2] == "The look failed."


def test_an_opa_that_answers_and_not_with_200_says_what_it_answered() -> None:
    assert only(REACHABLE, BROKEN)[2] == "OPA could not evaluate the policy: x"
    odd = answer("foreign-caller", Expected.DENY, Actual.MALFORMED, 404)
    assert only(REACHABLE, opa(odd))[2] == "OPA answers, but not with HTTP 200."
    unjudged = OPALook(OPAReading(answers=(DENIED,)))
    assert only(REACHABLE, unjudged) == ("unclear", "NoData", "Whether OPA can be reached was not judged.")
